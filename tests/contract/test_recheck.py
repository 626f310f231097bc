"""One check judged again, on the practice estate: as the whole look would judge it, with what waits for it, alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from installer_tasks import answer_keys, saved_answers
from installer_tasks.models import Installation, Observation
from installer_tasks.preflight import checks, collecting, findings
from installer_tasks.rehearsal.bundle import SMALL
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from tests.web.people import signed_in

pytestmark = pytest.mark.django_db

#: Of each system one that needs little and one that needs much, and all that touch something.
SOME = sorted(
    {part[at].name for system in answer_keys.STEPS for part in [checks.of_system(system)] for at in (0, -1)}
    | {check.name for check in checks.CHECKS if check.touches}
)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with Estate(tmp_path_factory.mktemp("estate"), pace=Pace.INSTANT, scale=SMALL) as running:
        yield running


@pytest.fixture
def installation(estate: Estate) -> Installation:
    made = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(made, estate.answers())
    return made


@contextmanager
def switched_on(estate: Estate, fault: str) -> Iterator[None]:
    estate.faults.switch(fault, on=True)
    try:
        yield
    finally:
        estate.faults.switch(fault, on=False)


def levels(installation: Installation) -> dict[str, str]:
    return dict(installation.findings.values_list("check_name", "level"))


def judged_since(installation: Installation, moment: object) -> set[str]:
    return set(installation.findings.filter(judged_at__gte=moment).values_list("check_name", flat=True))


def again(installation: Installation, name: str) -> None:
    check = checks.BY_NAME[name]
    findings.request_one(installation, check)
    collecting.collect_and_judge(installation.pk, check.system)


@pytest.mark.parametrize("name", SOME)
def test_alone_it_is_judged_as_with_all_others(estate: Estate, installation: Installation, name: str) -> None:
    system = name.partition(".")[0]
    saved_answers.save_answers(installation, estate.answers())
    Observation.objects.create(installation=installation, system=system)
    again(installation, name)
    assert levels(installation)[name] == "pass"
    assert not installation.observations.get(system=system).running
    assert len(levels(installation)) < len(checks.of_system(system))


@pytest.mark.parametrize("name", ["identity.ldap-bind", "identity.ldap-role"])
def test_a_check_of_the_directory_alone(estate: Estate, name: str) -> None:
    made = saved_answers.create_installation("Fabrikam")
    saved_answers.save_answers(made, estate.answers() | estate.directory_answers())
    with switched_on(estate, "ldap.account-locked"):
        collecting.collect_and_judge(made.pk, "identity")
    assert levels(made)["identity.ldap-bind"] == "fail"
    again(made, name)
    assert levels(made)["identity.ldap-role"] == "pass"
    assert not {found for found in levels(made) if not found.startswith("identity.ldap-")} - {"identity.group-names"}


def test_what_was_mended_turns_green_with_all_that_waited_for_it(estate: Estate, installation: Installation) -> None:
    with switched_on(estate, "registry.read-only"):
        collecting.collect_and_judge(installation.pk, "registry")
    before, moment = levels(installation), timezone.now()
    assert before["registry.writable"] == "fail"
    waiting = {name for name, level in before.items() if level == "blocked"}
    assert "registry.pull-on-nodes" in waiting, "it waits for one that waits"
    again(installation, "registry.writable")
    assert set(levels(installation).values()) == {"pass"}
    judged = judged_since(installation, moment)
    assert judged >= waiting | {"registry.writable"}
    assert "registry.room" not in judged
    facts = installation.observations.get(system="registry").facts
    assert {"room", "trial"} <= facts.keys(), "what was not looked at again is kept"


def test_it_stays_red_while_nothing_was_mended(estate: Estate, installation: Installation) -> None:
    with switched_on(estate, "registry.read-only"):
        collecting.collect_and_judge(installation.pk, "registry")
        before = levels(installation)
        again(installation, "registry.push-allowed")
    assert levels(installation) == before


def test_a_cause_that_came_up_meanwhile_is_found(estate: Estate, installation: Installation) -> None:
    collecting.collect_and_judge(installation.pk, "registry")
    with switched_on(estate, "registry.unavailable"):
        again(installation, "registry.mount")
    now = levels(installation)
    assert (now["registry.reachable"], now["registry.mount"]) == ("fail", "blocked")


def test_the_page_asks_for_one_and_a_whole_look_stays_whole(installation: Installation) -> None:
    client = signed_in()
    collecting.collect_and_judge(installation.pk, "services")
    one = reverse("check-one", args=[installation.pk, "services.passwords"])
    page = client.get(reverse("step", args=[installation.pk, "services"])).content.decode()
    assert f'formaction="{one}"' in page
    assert client.post(one, HTTP_HX_REQUEST="true").status_code == 200
    assert wanted(installation) == ["services.passwords"]
    _post(client, reverse("check-one", args=[installation.pk, "services.address-free"]))
    assert wanted(installation) == ["services.address-free", "services.passwords"]
    _post(client, reverse("check", args=[installation.pk, "services"]))
    _post(client, one)
    assert wanted(installation) == []
    assert client.post(reverse("check-one", args=[installation.pk, "services.none"])).status_code == 404


def _post(client: Client, address: str) -> None:
    assert client.post(address).status_code == 302


def wanted(installation: Installation) -> list[str]:
    row = installation.observations.get(system="services")
    assert row.running
    only: list[str] = row.only
    return only
