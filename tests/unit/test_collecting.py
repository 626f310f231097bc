"""Findings appear as their facts come in, and what is kept at the end is what the whole of the facts says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest

from installer_tasks import saved_answers
from installer_tasks.errors import InstallerError, Missing
from installer_tasks.models import Installation
from installer_tasks.preflight import checks
from installer_tasks.preflight.collecting import Collecting, Seen
from installer_tasks.text import Text
from tests.answers import ANSWERS

pytestmark = pytest.mark.django_db


@pytest.fixture
def installation() -> Installation:
    found = saved_answers.create_installation("test")
    saved_answers.save_answers(found, ANSWERS)
    return found


def fact(value: Any) -> dict[str, Any]:
    return {"ok": True, "value": value, "at": "2026-01-01T00:00:00+00:00"}


def refused(error: InstallerError) -> dict[str, Any]:
    return {"ok": False, "error": error.as_json(), "at": "2026-01-01T00:00:00+00:00"}


def levels(installation: Installation) -> dict[str, str]:
    return dict(installation.findings.values_list("check_name", "level"))


ADDRESS = fact({"host": "registry.example.com", "status": 401})


def test_a_finding_is_there_before_the_look_has_ended(installation: Installation) -> None:
    seen: list[dict[str, str]] = []

    def look(_answers: Mapping[str, str], _systems: Collection[str]) -> Iterator[tuple[Seen, bool]]:
        yield {"registry": {}}, False
        seen.append(levels(installation))
        yield {"registry": {"ping": ADDRESS}}, False
        seen.append(levels(installation))
        assert installation.observations.count() == 0, "nobody takes the look for ended"
        yield {"registry": {"ping": ADDRESS}}, True

    Collecting(installation.pk, ["registry"], look).carry_out()
    assert seen == [{}, {"registry.reachable": "pass"}]
    kept = levels(installation)
    assert set(kept) == {check.name for check in checks.of_system("registry")}
    assert "pass" not in [level for name, level in kept.items() if name != "registry.reachable"]


def test_a_root_that_fails_is_said_at_once_with_all_that_it_blocks(installation: Installation) -> None:
    nobody = refused(Missing(Text("nobody answers"), value="registry.example.com"))

    def look(_answers: Mapping[str, str], _systems: Collection[str]) -> Iterator[tuple[Seen, bool]]:
        yield {"registry": {"ping": nobody}}, False
        assert levels(installation)["registry.reachable"] == "fail"
        yield {"registry": {"ping": nobody}}, True

    Collecting(installation.pk, ["registry"], look).carry_out()
    assert sum(level == "fail" for level in levels(installation).values()) == 1
    assert installation.observations.get(system="registry").facts == {"ping": nobody}


def test_what_is_said_already_is_not_written_again(installation: Installation) -> None:
    times: list[Any] = []

    def look(_answers: Mapping[str, str], _systems: Collection[str]) -> Iterator[tuple[Seen, bool]]:
        for whole in (False, False, True):
            yield {"registry": {"ping": ADDRESS}}, whole
            times.append(installation.findings.get(check_name="registry.reachable").judged_at)

    Collecting(installation.pk, ["registry"], look).carry_out()
    assert len(set(times)) == 1
