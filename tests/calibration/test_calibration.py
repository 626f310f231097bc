"""The catalogue on faults that are looked at together: the score counts every check."""

from __future__ import annotations

import pytest

from installer_tasks.preflight import checks
from installer_tasks.rehearsal.bundle import SMALL
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.rehearsal.faults import BY_NAME, FAULTS, VARIANTS
from tests.calibration.observing import look_with, note_reads
from tests.calibration.reads import LEDGER
from tests.calibration.table import Result

#: Quick ones, of every kind: what a server does, what was changed, what was answered.
LOOKED_AT = (
    "bundle.other-release",
    "bundle.still-written",
    "bundle.download-gone",
    "registry.password-wrong",
    "registry.immutable-tags",
    "services.passwords-equal",
    "services.address-taken",
    "dns.refused",
)
#: In which checks ask for answers that they do not need otherwise, or facts are had without those before them.
ONLY_READ = (
    ("healthy.ldap", "identity"),
    ("healthy.ldap", "certificates"),
    ("ldap.user-base", "identity"),
    ("ldap.group-base", "identity"),
    ("dns.one-missing", "dns"),
    ("dns.one-elsewhere", "dns"),
    ("dns.stale-alias", "dns"),
    ("dns.two-addresses", "dns"),
    ("dns.wildcard-elsewhere", "dns"),
    ("kube.node-not-ready", "cluster"),
)
CONDITIONS = BY_NAME | {variant.name: variant for variant in VARIANTS}


def test_every_fault_is_caught_by_a_check_that_there_is() -> None:
    assert len(BY_NAME) == len(FAULTS)
    assert {fault.caught_by for fault in FAULTS if fault.foreseeable} <= set(checks.BY_NAME)


def test_what_a_finding_must_say_is_given() -> None:
    assert not [fault.name for fault in FAULTS if fault.foreseeable and not fault.says]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    with Estate(tmp_path_factory.mktemp("estate"), pace=Pace.INSTANT, scale=SMALL) as estate:
        faults = list(look_with(estate, [BY_NAME[name] for name in LOOKED_AT]))
        for name, system in ONLY_READ:
            note_reads(estate, CONDITIONS[name], system)
        return Result(faults, list(look_with(estate, VARIANTS[:1])))


def test_faults_are_caught_and_healthy_estates_are_not_accused(result: Result) -> None:
    missed = [one.condition.name for one in result.foreseeable if not one.caught()]
    assert (missed, result.false_alarms) == ([], [])
    assert result.caught() == len(LOOKED_AT)


def test_a_check_declares_exactly_the_answers_that_it_asks_for(result: Result) -> None:
    """One too few, and a finding stays green when that answer changes; one too many, and it is stale for nothing."""
    asked = {check.name: LEDGER.asks(check) for check in checks.CHECKS}
    wrong = {check.name: asked[check.name] ^ set(check.reads) for check in checks.CHECKS}
    assert {name: keys for name, keys in wrong.items() if keys} == {}
    assert LEDGER.strays == set()


@pytest.mark.parametrize("name", LOOKED_AT)
def test_without_its_check_the_score_is_lower(result: Result, name: str) -> None:
    assert result.caught(without=BY_NAME[name].caught_by) < result.caught()


def test_every_check_is_the_one_that_catches_a_fault() -> None:
    """Without it the score would be lower."""
    assert set(checks.BY_NAME) - {fault.caught_by for fault in FAULTS} == set()
