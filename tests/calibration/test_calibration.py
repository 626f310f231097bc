"""The catalogue on faults that are looked at together: the score counts every check."""

from __future__ import annotations

import pytest

from installer_tasks import checks
from installer_tasks.rehearsal.bundle import SMALL
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.rehearsal.faults import BY_NAME, FAULTS, VARIANTS
from tests.calibration.looking import look_with
from tests.calibration.table import Result

#: Quick ones, of every kind: what a server does, what was changed, what was answered.
LOOKED_AT = (
    "bundle.other-release",
    "bundle.still-written",
    "registry.password-wrong",
    "registry.immutable-tags",
    "services.passwords-equal",
    "services.address-taken",
    "dns.refused",
)


def test_every_fault_is_caught_by_a_check_that_there_is() -> None:
    assert len(BY_NAME) == len(FAULTS)
    assert {fault.caught_by for fault in FAULTS if fault.foreseeable} <= set(checks.BY_NAME)


def test_what_a_finding_must_say_is_given() -> None:
    assert not [fault.name for fault in FAULTS if fault.foreseeable and not fault.says]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    with Estate(tmp_path_factory.mktemp("estate"), pace=Pace.INSTANT, scale=SMALL) as estate:
        faults = list(look_with(estate, [BY_NAME[name] for name in LOOKED_AT]))
        return Result(faults, list(look_with(estate, VARIANTS[:1])))


def test_faults_are_caught_and_healthy_estates_are_not_accused(result: Result) -> None:
    missed = [one.condition.name for one in result.foreseeable if not one.caught()]
    assert (missed, result.false_alarms) == ([], [])
    assert result.caught() == len(LOOKED_AT)


@pytest.mark.parametrize("name", LOOKED_AT)
def test_without_its_check_the_score_is_lower(result: Result, name: str) -> None:
    assert result.caught(without=BY_NAME[name].caught_by) < result.caught()


@pytest.mark.parametrize("check", checks.BY_NAME)
def test_every_check_is_the_one_that_catches_a_fault(check: str) -> None:
    """Without it the score would be lower."""
    assert [fault.name for fault in FAULTS if fault.caught_by == check]
