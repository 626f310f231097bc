"""Over random edits of answers: no finding that read a changed answer stays green, and no other one loses its green."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installer_tasks import answer_keys, saved_answers
from installer_tasks.models import Installation
from installer_tasks.preflight import checks, collecting, findings
from installer_tasks.preflight.checks.base import Level, passed
from installer_tasks.preflight.facts import COLLECTORS
from installer_tasks.preflight.facts.base import Observations
from installer_tasks.preflight.state import load
from tests.answers import ANSWERS

pytestmark = pytest.mark.django_db

KEYS = [key.name for key in answer_keys.KEYS]
WORDS = st.one_of(
    st.sampled_from(["", " ", "\n", "default", "small", "300", "ldap", "é", "e\u0301"]),
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40),
)
#: What a person types: a new value, the old one with a blank, a default in full, or the same again.
ALL_FINE = dict.fromkeys(checks.BY_NAME, passed("fine"))
EDITS = st.dictionaries(st.sampled_from(KEYS), st.tuples(st.sampled_from(["new", "blank", "default", "same"]), WORDS))
quickly = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def installation() -> Installation:
    """Every check has just passed with these answers."""
    installation = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(installation, ANSWERS)
    fingerprints, redactor = installation.fingerprints(), installation.redactor()
    collecting.keep_findings(installation, ALL_FINE, fingerprints, redactor)
    return installation


@contextmanager
def undone() -> Iterator[None]:
    """Each example begins where every check has passed."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def levels(installation: Installation) -> dict[str, Level | None]:
    found = (item for step in answer_keys.STEPS for item in findings.of_step(load(installation), step))
    return {item.name: item.level for item in found}


def typed(edits: dict[str, tuple[str, str]]) -> dict[str, str]:
    before = answer_keys.with_defaults(ANSWERS)
    ways = {
        "new": lambda key, word: word,
        "blank": lambda key, word: f"{before[key]} ",
        "default": lambda key, word: answer_keys.BY_NAME[key].default,
        "same": lambda key, word: before[key],
    }
    return {key: ways[way](key, word) for key, (way, word) in edits.items()}


def reading(changed: set[str], answers: dict[str, str]) -> set[str]:
    """Of the checks that apply: a directory's say nothing where there is none."""
    return {check.name for check in checks.applying(answers) if changed & set(check.reads)}


@quickly
@given(EDITS, st.sets(st.sampled_from(KEYS), max_size=3))
def test_what_read_a_changed_answer_is_stale_and_nothing_else(
    installation: Installation, edits: dict[str, tuple[str, str]], forgotten: set[str]
) -> None:
    with undone():
        assert set(levels(installation).values()) == {Level.PASS}
        before = installation.plain_answers()
        saved_answers.save_answers(installation, typed(edits))
        for key in forgotten:
            saved_answers.save_answers(installation, {key: None})
        after = installation.plain_answers()
        changed = {key for key in KEYS if after.get(key) != before.get(key)}
        stale = {name for name, level in levels(installation).items() if level is Level.STALE}
        assert stale == reading(changed, after)
        assert stale == set(findings.blocking(load(installation)))


@quickly
@given(EDITS)
def test_an_answer_that_is_put_back_makes_its_findings_fresh_again(
    installation: Installation, edits: dict[str, tuple[str, str]]
) -> None:
    with undone():
        saved_answers.save_answers(installation, typed(edits))
        for key in KEYS:
            if key not in ANSWERS:
                saved_answers.save_answers(installation, {key: None})
        saved_answers.save_answers(installation, ANSWERS)
        assert installation.plain_answers() == ANSWERS
        assert set(levels(installation).values()) == {Level.PASS}


@settings(quickly, max_examples=5)
@given(EDITS, EDITS)
def test_only_a_new_look_makes_a_changed_answer_green(
    installation: Installation, first: dict[str, tuple[str, str]], second: dict[str, tuple[str, str]]
) -> None:
    """Judged with the answers of one moment, read with those of another: the older judgement counts for the older."""
    with undone():
        judged_with = installation.fingerprints()
        saved_answers.save_answers(installation, typed(first))
        redactor = installation.redactor()
        # The look began before the answers were saved.
        collecting.keep_findings(installation, ALL_FINE, judged_with, redactor)
        saved_answers.save_answers(installation, typed(second))
        now = installation.fingerprints()
        changed = {key for key in KEYS if now.get(key) != judged_with.get(key)}
        assert {name for name, level in levels(installation).items() if level is Level.STALE} == reading(
            changed, installation.plain_answers()
        )


def test_whatever_a_system_answers_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A NUL and half a character in its words: PostgreSQL takes neither into JSON."""
    odd = {"said": "a\0b\ud800c", "list": ["\0"], "n\0": 1}

    def collect(_answers: object, observations: Observations) -> None:
        observations.observe("ping", lambda: odd)

    monkeypatch.setitem(COLLECTORS, "registry", collect)
    installation = saved_answers.create_installation("odd")
    collecting.collect_and_judge(installation.pk, "registry")
    kept = installation.observations.get(system="registry").facts["ping"]["value"]
    assert kept == {
        "said": "a\N{REPLACEMENT CHARACTER}b?c",
        "list": ["\N{REPLACEMENT CHARACTER}"],
        "n\N{REPLACEMENT CHARACTER}": 1,
    }
