"""Rules that hold for every check, and what `judge` makes of facts that are missing or odd."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest

from installer_tasks import answer_keys
from installer_tasks.errors import Unreachable
from installer_tasks.local import log_redaction
from installer_tasks.preflight import checks, collecting
from installer_tasks.preflight.checks import base
from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, judge, judge_all, passed
from installer_tasks.preflight.shapes.base import Fact
from installer_tasks.text import text

NAMES = [check.name for check in checks.CHECKS]


def a_check(name: str = "x.a", judgement=lambda facts: passed("fine"), **more) -> Check:
    return Check(name, "title", Owner.PLATFORM, (), judgement, **more)


def test_names_are_unique_and_begin_with_their_step() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {check.system for check in checks.CHECKS} == set(answer_keys.STEPS)


def test_a_check_reads_known_answers_and_needs_earlier_checks() -> None:
    wrong = [
        check.name
        for number, check in enumerate(checks.CHECKS)
        if not set(check.reads) <= set(answer_keys.BY_NAME) or not set(check.needs) <= set(NAMES[:number])
    ]
    assert wrong == []


def levels(facts: Facts) -> dict[str, Level]:
    return {check.name: judge(check, facts, frozenset()).level for check in checks.CHECKS}


def test_no_check_is_green_without_facts() -> None:
    assert set(levels(Facts({}, answer_keys.with_defaults({}))).values()) == {Level.ERROR}


class Everywhere(dict):
    """Whatever is asked for is this."""

    def __init__(self, value: object) -> None:
        self.value = value

    def get(self, key, default=None):
        return self.value


#: That the cluster lists none of these is what was seen. Of everything else, nothing is no evidence.
NONE_IS_WELL = {"cluster.no-other-contour", "cluster.webhooks"}


@pytest.mark.parametrize("odd", [[], {}, "", (), None, 0, False, 1, "text", [{}], [None], {"nodes": None}], ids=repr)
def test_no_evidence_no_green(odd: object) -> None:
    """Neither are facts of another shape: what a check cannot read, it has not seen."""
    facts = Facts(Everywhere(Everywhere({"ok": True, "value": odd})), answer_keys.with_defaults({}))
    green = {name for name, level in levels(facts).items() if level is Level.PASS}
    assert green == (NONE_IS_WELL if odd == [] else set())


def test_a_fact_that_failed_is_a_failure_with_its_words() -> None:
    error = Unreachable(text("%(host)s refused the connection", host="h:1"), value="h:1").as_json()
    facts = Facts({"x": {"f": {"ok": False, "error": error}}}, {})
    verdict = judge(a_check(judgement=lambda facts: facts(Fact("x", "f"))), facts, frozenset())
    assert (verdict.level, verdict.value, str(verdict.cause)) == (Level.FAIL, "h:1", "h:1 refused the connection")


def test_a_crashed_collector_is_an_error() -> None:
    error = Unreachable(text("boom"), code="crashed").as_json()
    facts = Facts({"x": {"f": {"ok": False, "error": error}}}, {})
    assert judge(a_check(judgement=lambda facts: facts(Fact("x", "f"))), facts, frozenset()).level is Level.ERROR


def test_a_bug_in_a_check_is_an_internal_error_and_is_logged_with_its_traceback() -> None:
    """Whatever it raises; the secret that its words repeat is in neither the finding nor the log."""
    log_redaction.remember("canary-in-a-bug")
    check = a_check("x.buggy", lambda facts: facts.answers["canary-in-a-bug"] / 0)
    for answers in ({}, {"canary-in-a-bug": 1}):
        with logged() as lines:
            verdict = judge(check, Facts({}, answers), frozenset())
        assert verdict.level is Level.ERROR
        assert "Internal error" in str(verdict.message) and "support bundle" in str(verdict.remedy)
        assert "canary" not in str(collecting.verdict_json(verdict))
        assert "x.buggy" in lines.getvalue() and "Traceback" in lines.getvalue() and "<lambda>" in lines.getvalue()
        assert "canary" not in lines.getvalue()


@contextmanager
def logged() -> Iterator[StringIO]:
    """What a process of ours writes into its log."""
    lines = StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(log_redaction.CleanFormatter())
    logging.getLogger(base.__name__).addHandler(handler)
    try:
        yield lines
    finally:
        logging.getLogger(base.__name__).removeHandler(handler)


def test_what_needs_a_failed_check_is_blocked_and_names_it() -> None:
    bad = a_check("x.a", lambda facts: facts(Fact("x", "absent")))
    chain = (bad, a_check("x.b", needs=("x.a",)), a_check("x.c", needs=("x.b",)), a_check("x.d"))
    verdicts = judge_all(chain, Facts({}, {}))
    assert [verdict.level for verdict in verdicts.values()] == [Level.ERROR, Level.BLOCKED, Level.BLOCKED, Level.PASS]
    assert verdicts["x.b"].evidence == {"blocked_by": "x.a"}
