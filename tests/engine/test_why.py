"""A run that fails in the cluster says why: on its page, in a terminal, in the support bundle."""

from __future__ import annotations

from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from installer_tasks.models import RunState
from installer_tasks.rehearsal.controllers.troubles import Trouble
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.runs import service
from installer_tasks.text import Text
from tests.calibration.running import in_a_hurry
from tests.engine.made import codes
from tests.faults.whole import carried_out, proven, small_estate
from wizard import headless
from wizard.documents import support

pytestmark = pytest.mark.django_db(transaction=True)

FULL = "0/4 nodes are available: 3 Insufficient memory. preemption: not helpful."
STRANGE = "flux capacitor: cannot align"


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with small_estate(tmp_path / "estate") as running, in_a_hurry():
        yield running


def test_the_cause_is_followed_down_to_the_pod_and_after_its_fix_resume_ends_well(estate: Estate) -> None:
    estate.site.troubles["postgres-postgresql"] = Trouble(unscheduled=FULL)
    run = carried_out(service.start(proven(estate)))
    assert run.state == RunState.FAILED
    row = run.stages.get(slug="packages-and-pods")
    found = row.diagnosis
    assert found is not None and found["known"]
    first = found["causes"][0]
    assert (first["name"], first["owner"], first["about"]) == (
        "schedule.resources",
        "cluster",
        "Pod/postgres-postgresql-0",
    )
    assert str(Text.from_json(first["cause"])) == (
        "The worker nodes have not enough memory left for Pod postgres-postgresql-0."
    )
    assert [f"{link['kind']} {link['name']}" for link in found["chain"]] == [
        "PackageInstall tanzu-mission-control",
        "PackageInstall postgres",
        "StatefulSet postgres-postgresql",
        "Pod postgres-postgresql-0",
    ]
    assert row.facts is not None and row.facts["pods"] and "facts" not in found
    assert "diagnosis.stands" in codes(run), "named while it waited"

    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    page = unescape(client.get(reverse("run", args=[run.installation_id])).content.decode())
    assert "not enough memory left" in page and "Pod</span> <code>postgres-postgresql-0</code>" in page
    assert any("StatefulSet postgres-postgresql" in line for line in headless.why(run))
    stages = next(file for file in support.bundle(run, with_logs=False).files if file.name.endswith("stages.json"))
    assert FULL in stages.text

    estate.site.troubles.clear()
    resumed = carried_out(service.resume(run.installation))
    assert resumed.state == RunState.SUCCEEDED, resumed.error
    assert resumed.stages.get(slug="packages-and-pods").diagnosis is None


def test_what_nobody_knows_is_called_unknown_with_the_places_to_look(estate: Estate) -> None:
    estate.site.troubles["postgres-postgresql"] = Trouble(exit_code=3, log=(STRANGE,))
    run = carried_out(service.start(proven(estate)))
    found = run.stages.get(slug="packages-and-pods").diagnosis
    assert found is not None and not found["known"]
    assert "Pod/postgres-postgresql-0" in [place["about"] for place in found["places"]]
    assert any(STRANGE in place["said"] for place in found["places"])
    client = Client()
    client.force_login(User.objects.create_superuser("ada"))
    page = unescape(client.get(reverse("run", args=[run.installation_id])).content.decode())
    assert "The cause is unknown." in page and STRANGE in page
    assert "unknown" in " ".join(headless.why(run))


def test_the_crash_loops_of_a_normal_start_raise_nothing(estate: Estate) -> None:
    waits = (
        "dial tcp: lookup postgres-postgresql: no such host",
        "dial tcp 10.0.0.1:5432: connect: connection refused",
    )
    for name in ("kafka", "tenancy-service-server", "auth-manager-server"):
        estate.site.troubles[name] = Trouble(exit_code=1, log=waits, until=2)
    run = carried_out(service.start(proven(estate)))
    assert run.state == RunState.SUCCEEDED, run.error
    assert "diagnosis.stands" not in codes(run)
