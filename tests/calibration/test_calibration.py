"""The catalogue on faults that are looked at together: the score counts every check."""

from __future__ import annotations

from installer_tasks import checks
from installer_tasks.rehearsal.faults import BY_NAME, FAULTS


def test_every_fault_is_caught_by_a_check_that_there_is() -> None:
    assert len(BY_NAME) == len(FAULTS)
    assert {fault.caught_by for fault in FAULTS if fault.foreseeable} <= set(checks.BY_NAME)


def test_what_a_finding_must_say_is_given() -> None:
    assert not [fault.name for fault in FAULTS if fault.foreseeable and not fault.says]
