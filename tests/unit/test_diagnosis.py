"""The table of causes on what systems really say: the right line, its sentences, its place; and what is not known."""

from __future__ import annotations

import re
from typing import Any

import pytest

from installer_tasks import answer_keys
from installer_tasks.diagnosis import diagnose
from installer_tasks.diagnosis.base import DEPTH, ERROR, EVENT, LOG, NODE, OBJECT, STAGE, Cause, Rank, Sign
from installer_tasks.diagnosis.causes import BY_NAME, CAUSES
from installer_tasks.diagnosis.signs import signs
from tests.unit.symptoms import SYMPTOMS

PLACEHOLDER = re.compile(r"%\((\w+)\)s")
#: What every sentence may name.
GIVEN = {"name", "about", "namespace", "image"}


def facts_of(kind: str, said: str) -> dict[str, Any]:
    """As they are collected, with this one sign."""
    reason, _colon, message = said.partition(": ")
    pod: dict[str, Any] = {"name": "a-0", "owner": "StatefulSet/a", "package": "postgres", "state": "Pending"}
    container = {"name": "a", "waiting": "", "ended": "", "log": ""}
    facts: dict[str, Any] = {"namespace": "tmc-local"}
    if kind == STAGE:
        facts["error"] = {"code": reason, "detail": message}
    elif kind == ERROR:
        package = {"name": "postgres", "state": "failed", "phase": reason, "error": message, "wave": 3}
        facts["packages"] = [package]
    elif kind == NODE:
        facts["nodes"] = [{"name": "n", "pressures": [said] if said != "NotReady" else [], "ready": said != "NotReady"}]
    elif kind == OBJECT:
        facts["objects"] = [{"kind": "Thing", "name": "a", "said": said}]
    elif kind == EVENT:
        facts["events"] = [{"about": "Pod/a-0", "reason": reason, "message": message}]
    else:
        key = {"scheduling": "scheduling"}.get(kind, "")
        facts["pods"] = [
            {**pod, "containers": [] if key else [{**container, kind: said}], **({key: said} if key else {})}
        ]
    return facts


@pytest.mark.parametrize(("name", "kind", "said", "_numbers"), SYMPTOMS)
def test_each_symptom_is_explained_by_its_line_and_by_no_other(name: str, kind: str, said: str, _numbers: str) -> None:
    found = diagnose(facts_of(kind, said))
    assert [match.cause.name for match in found.matches] == [name]
    without = diagnose(facts_of(kind, said), tuple(cause for cause in CAUSES if cause.name != name))
    assert name not in [match.cause.name for match in without.matches], "the line is needed"
    for sentence in (found.matches[0].cause.says, found.matches[0].cause.fix):
        assert "%(" not in str(found.matches[0].sentence(sentence))


def test_every_line_has_a_symptom() -> None:
    told = {cause.name for cause in CAUSES if cause.says}
    assert told == {name for name, *_rest in SYMPTOMS}
    assert len(BY_NAME) == len(CAUSES)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_every_line_is_whole(cause: Cause) -> None:
    groups = set(re.compile(cause.pattern).groupindex)
    for template in (cause.says, cause.fix, cause.proof):
        assert set(PLACEHOLDER.findall(template)) <= GIVEN | groups
    assert bool(cause.says) == bool(cause.fix)
    assert set(cause.kinds) <= set(DEPTH)
    assert cause.owner in answer_keys.STEPS
    assert cause.answer in ("", *answer_keys.BY_NAME)


def test_what_keeps_the_others_waiting_comes_first() -> None:
    waits = {
        "name": "stack-0",
        "package": "stack",
        "containers": [{"log": "x509: certificate signed by unknown authority"}],
    }
    first = {"name": "db-0", "package": "db", "scheduling": "Unschedulable: 3 Insufficient memory", "containers": []}
    packages = [{"name": "db", "wave": 3, "state": "reconciling"}, {"name": "stack", "wave": 5, "state": "reconciling"}]
    found = diagnose({"packages": packages, "pods": [waits, first]})
    assert [match.cause.name for match in found.matches] == ["schedule.resources", "log.unknown-authority"]


def test_forty_pods_that_say_the_same_are_one_cause() -> None:
    pods = [{"name": f"p-{n}", "containers": [{"waiting": "ErrImagePull: x: not found"}]} for n in range(40)]
    (match,) = diagnose({"pods": pods}).matches
    assert (match.cause.name, match.count) == ("image.not-found", 40)


def test_a_parent_that_only_waits_is_not_the_cause_and_one_that_fails_itself_is() -> None:
    parent = {"name": "tmc", "parent": True, "state": "failed", "phase": "deploy", "wave": 99}
    waits = "kapp: Error: Timed out waiting after 15m0s for resources: [packageinstall/db (a) namespace: b]"
    child = {"name": "db", "state": "failed", "phase": "deploy", "error": "kapp: Error: odd", "wave": 3}
    other = {"name": "aaa", "state": "pending", "wave": 1}
    found = diagnose({"packages": [{**parent, "error": waits}, other, child]})
    assert not found.known
    assert [link.name for link in found.chain] == ["tmc", "db"]
    assert [place.about for place in found.places] == ["PackageInstall/db"]
    own = diagnose({"packages": [{**parent, "phase": "fetch", "error": "Package a.b not found"}, other, child]})
    assert own.matches[0].cause.name == "package.not-found"
    assert [link.name for link in own.chain] == ["tmc"]


def test_what_is_well_says_nothing() -> None:
    done = {"name": "db", "state": "succeeded", "error": "Package a not found", "output": "no space left on device"}
    assert signs({"packages": [done], "nodes": [{"name": "n", "pressures": [], "ready": True}]}) == ()
    assert not diagnose({}).known


def test_unknown_names_three_places_logs_first() -> None:
    pods = [{"name": f"p-{n}", "containers": [{"ended": "Error, exit code 3: "}]} for n in range(4)]
    pods.append({"name": "speaks", "containers": [{"log": "quux"}]})
    found = diagnose({"pods": pods})
    assert not found.known
    assert len(found.places) == 3
    assert found.places[0] == Sign(LOG, "Pod/speaks", "quux", 99)
    assert found.as_json()["known"] is False


def test_a_symptom_alone_is_no_known_cause() -> None:
    found = diagnose(facts_of(EVENT, "Unhealthy: Readiness probe failed: 503"))
    assert (found.matches[0].cause.rank, found.known, bool(found.places)) == (Rank.SYMPTOM, False, True)
