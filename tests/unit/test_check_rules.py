"""Rules that hold for every check, and what `judge` makes of facts that are missing or odd."""

from __future__ import annotations

import pytest

from installer_tasks import answers as answer_keys
from installer_tasks import checks
from installer_tasks.checks.base import Check, Facts, Level, Owner, judge, judge_all, passed
from installer_tasks.errors import Unreachable
from installer_tasks.text import text

NAMES = [check.name for check in checks.CHECKS]


def a_check(name: str = "x.a", judgement=lambda facts: passed("fine"), **more) -> Check:
    return Check(name, "title", Owner.PLATFORM, (), judgement, **more)


def test_names_are_unique_and_begin_with_their_step() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {check.system for check in checks.CHECKS} == set(answer_keys.STEPS)


@pytest.mark.parametrize("check", checks.CHECKS, ids=NAMES)
def test_a_check_reads_known_answers_and_needs_earlier_checks(check: Check) -> None:
    assert check.reads
    assert set(check.reads) <= set(answer_keys.BY_NAME)
    assert set(check.needs) <= set(NAMES[: NAMES.index(check.name)])


@pytest.mark.parametrize("check", checks.CHECKS, ids=NAMES)
def test_no_check_is_green_without_facts(check: Check) -> None:
    assert judge(check, Facts({}, answer_keys.with_defaults({})), frozenset()).level is Level.ERROR


@pytest.mark.parametrize("odd", [None, 1, "text", [], {}, {"nodes": None}])
@pytest.mark.parametrize("check", checks.CHECKS, ids=NAMES)
def test_no_check_is_green_on_facts_of_another_shape(check: Check, odd: object) -> None:
    class Odd(dict):
        def get(self, key, default=None):
            return {"ok": True, "value": odd}

    verdict = judge(check, Facts({check.system: Odd()}, answer_keys.with_defaults({})), frozenset())
    assert verdict.level is not Level.PASS or odd in ([], {}), verdict


def test_a_fact_that_failed_is_a_failure_with_its_words() -> None:
    error = Unreachable(text("%(host)s refused the connection", host="h:1"), value="h:1").as_json()
    facts = Facts({"x": {"f": {"ok": False, "error": error}}}, {})
    verdict = judge(a_check(judgement=lambda facts: facts("x", "f")), facts, frozenset())
    assert (verdict.level, verdict.value, str(verdict.cause)) == (Level.FAIL, "h:1", "h:1 refused the connection")


def test_a_crashed_collector_is_an_error() -> None:
    error = Unreachable(text("boom"), code="crashed").as_json()
    facts = Facts({"x": {"f": {"ok": False, "error": error}}}, {})
    assert judge(a_check(judgement=lambda facts: facts("x", "f")), facts, frozenset()).level is Level.ERROR


def test_what_needs_a_failed_check_is_blocked_and_names_it() -> None:
    bad = a_check("x.a", lambda facts: facts("x", "absent"))
    chain = (bad, a_check("x.b", needs=("x.a",)), a_check("x.c", needs=("x.b",)), a_check("x.d"))
    verdicts = judge_all(chain, Facts({}, {}))
    assert [verdict.level for verdict in verdicts.values()] == [Level.ERROR, Level.BLOCKED, Level.BLOCKED, Level.PASS]
    assert verdicts["x.b"].evidence == {"blocked_by": "x.a"}
