"""Observing: each fact with its own value or error, looks side by side, nothing unexpected ever green."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from installer_tasks.errors import Missing
from installer_tasks.preflight import facts
from installer_tasks.preflight.facts.base import Observations, Probe
from installer_tasks.preflight.shapes.base import Fact
from installer_tasks.text import Text
from tests.waiting import PATIENCE


def test_a_value_is_kept_and_returned() -> None:
    seen = Observations()
    assert seen.observe("nodes", lambda: [1]) == [1]
    assert seen.get("nodes") == [1]
    assert seen.facts["nodes"]["ok"] is True
    assert seen.get("other") is None


def test_an_error_is_kept_in_its_own_words() -> None:
    def look() -> None:
        raise Missing(Text("no such realm"), value="tmc", remedy=Text("create it"))

    seen = Observations()
    assert seen.observe("realm", look) is None
    assert seen.get("realm") is None
    error = seen.facts["realm"]["error"]
    assert (error["value"], error["remedy"]["template"]) == ("tmc", "create it")


def test_an_error_without_a_remedy_sends_nobody_to_the_log_of_a_stage() -> None:
    def look() -> None:
        raise Missing(Text("nothing there"), value="x")

    seen = Observations()
    seen.observe("x", look)
    assert "stage" not in seen.facts["x"]["error"]["remedy"]["template"]


def test_what_is_unexpected_is_a_crash_that_repeats_no_content(caplog: pytest.LogCaptureFixture) -> None:
    def look() -> None:
        raise RuntimeError("canary-password")

    seen = Observations()
    assert seen.observe("login", look) is None
    error = seen.facts["login"]["error"]
    assert (error["code"], error["value"]) == ("crashed", "login")
    assert "canary-password" not in str(error)
    assert "canary-password" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_looks_side_by_side_each_keep_their_own() -> None:
    together = threading.Barrier(3, timeout=PATIENCE)

    def fails() -> None:
        together.wait()
        raise Missing(Text("no"), value="x")

    seen = Observations()
    seen.observe_together(
        Probe(Fact("x", "a"), lambda: together.wait() >= 0),
        Probe(Fact("x", "b"), lambda: together.wait() >= 0),
        Probe(Fact("x", "c"), fails),
    )
    assert {name: fact["ok"] for name, fact in seen.facts.items()} == {"a": True, "b": True, "c": False}


def test_what_a_fact_is_told_of_is_handed_on_with_it() -> None:
    seen = Observations()
    assert seen.observe_with(Fact("x", "version"), lambda: ["a", "connection"], len) == ["a", "connection"]
    assert seen.get(Fact("x", "version")) == 2


def test_what_was_got_is_handed_on_also_when_nothing_could_be_told_of_it() -> None:
    def refused(_connection: str) -> int:
        raise Missing(Text("no version"), value="x")

    seen = Observations()
    assert seen.observe_with(Fact("x", "version"), lambda: "a connection", refused) == "a connection"
    assert seen.facts["version"]["ok"] is False


def test_without_it_nothing_is_handed_on() -> None:
    def unreachable() -> str:
        raise Missing(Text("no answer"), value="x")

    seen = Observations()
    assert seen.observe_with(Fact("x", "version"), unreachable, len) is None
    assert seen.facts["version"]["ok"] is False


def test_a_look_that_does_not_end_is_left_behind_with_words() -> None:
    ended = threading.Event()
    seen = Observations()
    assert seen.observe("drips", lambda: ended.wait(PATIENCE), seconds=0.05) is None
    error = seen.facts["drips"]["error"]
    assert (error["code"], error["value"]) == ("look-stalled", "drips")
    ended.set()
    assert seen.facts["drips"]["ok"] is False


def test_all_systems_are_looked_at_together() -> None:
    """Each of these looks ends only once both others have begun."""
    together = threading.Barrier(3)

    def collect(answers: Mapping[str, str], observations: Observations) -> None:
        observations.observe(answers["name"], lambda: together.wait(PATIENCE) >= 0)

    collectors = {"one": collect, "two": collect, "three": collect}
    *_before, (found, whole) = facts.observing({"name": "met"}, collectors, collectors)
    assert whole
    assert [system["met"].get("value") for system in found.values()] == [True, True, True]


def test_what_is_kept_is_plain_data() -> None:
    """It goes through pipes and into the database."""
    seen = Observations()
    seen.observe(Fact("x", "nodes"), lambda: [1])
    seen.observe(Fact("x", "realm"), lambda: 1 / 0)
    assert {type(name) for name in seen.facts} == {str}
    assert type(seen.facts["realm"]["error"]["value"]) is str
