"""What the registry is judged to be, from facts written by hand: what the practice estate has no fault for."""

from __future__ import annotations

from typing import Any

import pytest

from installer_tasks.errors import InstallerError
from installer_tasks.preflight.checks import registry, registry_trial
from installer_tasks.preflight.checks.base import Facts, Level, Verdict, judge_all
from installer_tasks.systems.registry.errors import Denied, PolicyRefused, QuotaExceeded, TagLocked
from installer_tasks.text import Text
from tests.unit.certificate_facts import described

ANSWERS = {"registry.project": "harbor.example/tmc"}
MIB = 1024**2
OWN = described(sans=["harbor.example"])
HEALTHY: dict[str, Any] = {
    "ping": {"host": "harbor.example", "status": 401},
    "certificate": {"host": "harbor.example", "chain": [OWN], "ends_first": "CN=harbor.example", "days": 200},
    "login": {"user": "robot$pusher", "seconds": 0.02},
    "project": {
        "harbor": True,
        "name": "tmc",
        "exists": True,
        "public": True,
        "read_only": False,
        "policies": None,
        "cache_of": "",
    },
    "room": {"free": None, "disk": None, "needed": 7000 * MIB},
    "trial": {"repository": "tmc/trial", "digest": "sha256:1"},
    "removal": {"kept": ""},
    "pulled": {"repository": "tmc/trial"},
    "mount": {"refused": ""},
    "nested": {"refused": ""},
    "bodies": {"asked": 500 * MIB, "passes": 500 * MIB, "told": True, "server": "", "parts_refused": ""},
    "retag": {"refused": "", "tag": "trial-1"},
}
MISSING = {"project": {**HEALTHY["project"], "exists": False}}


def judged(**changes: Any) -> dict[str, Verdict]:
    """An InstallerError stands for a fact that could not be had."""
    facts = {name: _observed(value) for name, value in (HEALTHY | changes).items()}
    given = Facts({"registry": facts}, ANSWERS)
    return judge_all((*registry.CHECKS, *registry_trial.CHECKS), given)


def _observed(value: Any) -> dict[str, Any]:
    if isinstance(value, InstallerError):
        return {"ok": False, "error": value.as_json()}
    return {"ok": True, "value": value}


def said(**changes: Any) -> dict[str, str]:
    """What is neither green nor folded under something else."""
    quiet = (Level.PASS, Level.BLOCKED)
    return {name: str(verdict.level) for name, verdict in judged(**changes).items() if verdict.level not in quiet}


def test_healthy_facts_raise_nothing() -> None:
    assert said() == {}
    assert {str(verdict.level) for verdict in judged().values()} == {"pass"}


CREATION = {"user": "ada", "is_person": True, "is_admin": False, "allowed": "everyone"}
ROBOT = {"user": "robot$pusher", "is_person": False, "is_admin": False, "allowed": "adminonly"}


@pytest.mark.parametrize(
    ("creation", "level"),
    [
        (CREATION, "pass"),
        (CREATION | {"is_admin": True, "allowed": "adminonly"}, "pass"),
        (CREATION | {"allowed": "adminonly"}, "fail"),
        (CREATION | {"allowed": ""}, "warn"),
        (ROBOT | {"user": "robot$tmc+pusher"}, "fail"),
        (ROBOT, "warn"),  # of the whole system: it may have been given the right
    ],
)
def test_who_may_create_a_project(creation: dict[str, Any], level: str) -> None:
    found = judged(**MISSING, creation=creation)
    assert found["registry.may-create-project"].level == level
    assert found["registry.push-allowed"].level == ("blocked" if level == "fail" else "warn")


def test_the_request_that_creates_the_project_can_be_copied() -> None:
    command = judged(**MISSING, creation=ROBOT)["registry.may-create-project"].command
    assert "https://harbor.example/api/v2.0/projects" in command
    assert '{"project_name": "tmc", "metadata": {"public": "true"}}' in command
    assert "password" not in command


@pytest.mark.parametrize(
    ("days", "level"), [(-1, "warn"), (0, "warn"), (29, "warn"), (30, "pass")]
)  # one that has expired is told by registry.reachable
def test_the_last_days_of_a_certificate(days: int, level: str) -> None:
    found = judged(certificate={**HEALTHY["certificate"], "days": days})
    assert found["registry.certificate"].level == level


def test_the_address_in_the_commands_has_a_port() -> None:
    late = {**HEALTHY["certificate"], "days": 1}
    assert "-connect harbor.example:443 " in judged(certificate=late)["registry.certificate"].command
    late["host"] = "harbor.example:8443"
    assert "-connect harbor.example:8443 " in judged(certificate=late)["registry.certificate"].command


def test_a_used_up_quota_is_one_red_line_whoever_sees_it() -> None:
    refused = QuotaExceeded(Text("used up"), value="tmc")
    assert said(trial=refused) == {"registry.push-allowed": "fail"}
    room = {"free": 0, "disk": None, "needed": MIB}
    assert said(trial=refused, room=room) == {"registry.room": "fail"}


def test_a_policy_that_may_not_be_seen_is_told_by_the_pull() -> None:
    assert said(pulled=PolicyRefused(Text("not signed"), value="tmc")) == {"registry.pull-allowed": "fail"}


def test_what_the_registry_does_not_tell_is_said_so() -> None:
    found = judged()
    assert "does not report its free disk space" in str(found["registry.storage-room"].message)
    assert "No readable quota applies to this user" in str(found["registry.room"].message)
    silent = judged(bodies={**HEALTHY["bodies"], "told": False})["registry.large-layers"]
    assert (silent.level, "An announced layer of" in str(silent.message)) == ("pass", True)


def test_a_disk_that_is_too_small_may_still_be_another_disk() -> None:
    assert said(room={"free": None, "disk": 10 * MIB, "needed": 20 * MIB}) == {"registry.storage-room": "warn"}
    assert said(room={"free": None, "disk": 10 * MIB, "needed": None}) == {}


def test_a_refused_trial_is_one_red_line() -> None:
    gone = dict.fromkeys(("pulled", "mount", "nested", "bodies", "retag"), Denied(Text("not asked"), value="-"))
    assert said(trial=Denied(Text("may not push"), value="tmc"), **gone) == {"registry.push-allowed": "fail"}


def test_a_mount_that_ends_the_push_is_red() -> None:
    assert said(mount=Denied(Text("may not pull from there"), value="tmc")) == {"registry.mount": "fail"}


def test_a_locked_tag_names_the_tag() -> None:
    retag = {"refused": str(TagLocked(Text("configured as immutable")).cause), "tag": "trial-7"}
    verdict = judged(retag=retag)["registry.tags-movable"]
    assert (verdict.level, verdict.value) == ("warn", "trial-7")
    assert "configured as immutable" in str(verdict.cause)


@pytest.mark.parametrize(
    ("changes", "level", "word"),
    [
        ({"passes": 64 * MIB}, "warn", "chunks of 64 MiB"),
        ({"passes": MIB // 2}, "warn", "chunks of 0.5 MiB"),
        ({"passes": 0}, "fail", "not even in chunks"),
        ({"passes": MIB, "parts_refused": "PATCH answered 405"}, "fail", "not even in chunks"),
    ],
)
def test_how_layers_travel(changes: dict[str, Any], level: str, word: str) -> None:
    verdict = judged(bodies={**HEALTHY["bodies"], "server": "nginx", **changes})["registry.large-layers"]
    assert (verdict.level, word in str(verdict.message)) == (level, True)
    assert str(changes.get("parts_refused", "")) in str(verdict.cause)
