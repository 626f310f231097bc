"""Findings as people read them: roots first, what they block below, passes counted, waivers with a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry, Installation, Observation, Waiver
from installer_tasks.preflight import checks, collecting, findings
from installer_tasks.preflight.checks.base import Facts, Level, Verdict, judge
from installer_tasks.preflight.facts.base import Reading
from installer_tasks.preflight.state import load
from installer_tasks.text import text
from tests.answers import ANSWERS
from tests.web.finding_rows import put
from tests.web.people import signed_in, text_of
from wizard.presenters import findings as views

pytestmark = pytest.mark.django_db

FAILED = Verdict(
    Level.FAIL,
    text("%(host)s is not trusted.", host="<harbor>"),
    value="harbor.example.com:443",
    cause=text("Its authority is not known."),
    remedy=text("Paste the authority's certificate."),
    command="openssl s_client -connect harbor.example.com:443",
    evidence={"issuer": "CN=<Root>", "chain": ["a", "b"]},
)
PASSED = Verdict(Level.PASS, text("All is well."), evidence={"seconds": 1})


@pytest.fixture
def installation() -> Installation:
    made = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(made, ANSWERS)
    Observation.objects.create(
        installation=made, system="registry", requested_at=timezone.now(), collected_at=timezone.now()
    )
    return made


@pytest.fixture
def client() -> Client:
    return signed_in()


def registry_fails(installation: Installation) -> None:
    """The first check fails, and with it all that need it."""
    failed: set[str] = set()
    for check in checks.of_system("registry"):
        verdict = FAILED if not failed else judge(check, Facts({}, {}), frozenset(failed))
        failed.add(check.name)
        put(installation, check.name, verdict)


def page_of(client: Client, installation: Installation) -> Any:
    return client.get(reverse("step", args=[installation.pk, "registry"]))


def test_a_failure_says_value_cause_remedy_command_evidence_and_owner(
    client: Client, installation: Installation
) -> None:
    put(installation, "registry.reachable", FAILED)
    page = page_of(client, installation)
    words = text_of(page)
    for part in ("<harbor> is not trusted.", "harbor.example.com:443", "Its authority is not known.",
                 "Paste the authority's certificate.", "openssl s_client", "CN=<Root>", "can be fixed by: registry team",
                 "registry.reachable"):  # fmt: skip
        assert part in words
    assert "<harbor>" not in page.content.decode()


def test_what_is_blocked_is_folded_below_its_cause(installation: Installation) -> None:
    registry_fails(installation)
    panel = views.panel(load(installation), "registry")
    assert [view.name for view in panel.open] == ["registry.reachable"]
    blocked = {check.name for check in checks.of_system("registry")} - {"registry.reachable"}
    assert {view.name for view in panel.open[0].blocks} == blocked
    assert panel.total == len(checks.of_system("registry"))


def test_what_another_step_blocks_says_which_check(client: Client, installation: Installation) -> None:
    check = checks.BY_NAME["certificates.cert-manager"]
    put(installation, check.name, judge(check, Facts({}, {}), frozenset(check.needs)))
    view = next(each for each in views.panel(load(installation), "certificates").open if each.name == check.name)
    assert view.message == f"Not checked yet. It depends on: {checks.BY_NAME[check.needs[0]].title}."
    assert view.remedy == ""


def test_passes_are_folded_and_counted(client: Client, installation: Installation) -> None:
    for check in checks.of_system("registry"):
        put(installation, check.name, PASSED)
    page = page_of(client, installation)
    count = len(checks.of_system("registry"))
    assert f"{count} of {count} checks passed" in text_of(page)
    assert 'class="passed"' in page.content.decode()


def test_a_changed_answer_makes_its_findings_out_of_date(client: Client, installation: Installation) -> None:
    put(installation, "registry.reachable", PASSED)
    saved_answers.save_answers(installation, {"registry.project": "other.example.com/tmc"})
    assert views.panel(load(installation), "registry").open[0].level == "stale"
    assert "outdated" in text_of(page_of(client, installation))


def test_the_most_urgent_comes_first(installation: Installation) -> None:
    names = [check.name for check in checks.of_system("registry")]
    levels = (Level.PASS, Level.WARN, Level.ERROR, Level.FAIL)
    for name, level in zip(names, levels, strict=False):
        put(installation, name, Verdict(level, text("x")))
    assert [view.level for view in views.panel(load(installation), "registry").open][:3] == ["fail", "error", "warn"]


def test_a_risk_is_accepted_with_name_and_reason(client: Client, installation: Installation) -> None:
    put(installation, "registry.room", FAILED)
    path = reverse("waive", args=[installation.pk, "registry.room"])
    client.post(path, {"reason": "The quota is raised <tonight>."})
    assert Waiver.objects.get().person.get_username() == "anna"
    words = text_of(page_of(client, installation))
    assert "waived" in words
    assert "anna accepted this: The quota is raised <tonight>." in words
    assert AuditEntry.objects.filter(action="finding.waived").exists()
    client.post(reverse("unwaive", args=[installation.pk, "registry.room"]))
    assert not Waiver.objects.exists()


@pytest.mark.parametrize("reason", ["", "   ok    "])
def test_a_risk_is_not_accepted_without_a_reason(client: Client, installation: Installation, reason: str) -> None:
    put(installation, "registry.room", FAILED)
    answer = client.post(reverse("waive", args=[installation.pk, "registry.room"]), {"reason": reason}, follow=True)
    assert "Enter a reason of at least ten characters" in text_of(answer)
    assert not Waiver.objects.exists()


@pytest.mark.parametrize(("days", "kept"), [("7", 7), ("30", 30), ("", 30), ("4000", 30), ("x", 30)])
def test_a_waiver_ends(client: Client, installation: Installation, days: str, kept: int) -> None:
    put(installation, "registry.room", FAILED)
    path = reverse("waive", args=[installation.pk, "registry.room"])
    client.post(path, {"reason": "The quota is raised tonight.", "days": days})
    waiver = Waiver.objects.get()
    assert waiver.expires_at is not None
    assert timedelta(days=kept) - timedelta(minutes=1) < waiver.expires_at - timezone.now() <= timedelta(days=kept)
    assert "registry.room" not in findings.blocking(load(installation))
    Waiver.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "registry.room" in findings.blocking(load(installation))


def test_a_strict_check_cannot_be_waived(client: Client, installation: Installation) -> None:
    strict = next(check for check in checks.CHECKS if check.strict)
    put(installation, strict.name, FAILED)
    client.post(reverse("waive", args=[installation.pk, strict.name]), {"reason": "because I say so, twice"})
    assert not Waiver.objects.exists()
    view = next(each for each in views.panel(load(installation), strict.system).open if each.name == strict.name)
    assert not view.can_waive


def test_a_warning_is_accepted_with_a_reason_and_nothing_worse_with_it(
    client: Client, installation: Installation
) -> None:
    """Also of a check whose failure nobody may accept."""
    name = next(check.name for check in checks.CHECKS if check.strict and check.system == "registry")
    warned = Verdict(Level.WARN, text("It is not certain."))
    put(installation, name, warned)

    def view() -> views.FindingView:
        return next(each for each in views.panel(load(installation), "registry").open if each.name == name)

    assert view().can_waive
    client.post(reverse("waive", args=[installation.pk, name]), {"reason": "Compared by hand <today>."})
    assert (view().level, view().waiver_reason) == ("waived", "Compared by hand <today>.")
    assert not view().can_waive
    put(installation, name, FAILED)
    assert view().level == "fail"
    assert name in findings.blocking(load(installation))
    put(installation, name, warned)
    Waiver.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert view().level == "warn"


def test_who_accepted_a_failure_has_not_accepted_a_later_warning(client: Client, installation: Installation) -> None:
    put(installation, "registry.room", FAILED)
    client.post(reverse("waive", args=[installation.pk, "registry.room"]), {"reason": "The quota is raised tonight."})
    put(installation, "registry.room", Verdict(Level.WARN, text("It is nearly full.")))
    assert load(installation).level_of(checks.BY_NAME["registry.room"]) is Level.WARN


def test_who_waits_for_a_large_file_sees_how_far_it_is(client: Client, installation: Installation) -> None:
    looking = collecting.Collecting(installation.pk, ["registry"])
    path = reverse("findings", args=[installation.pk, "registry"])
    Observation.objects.update(requested_at=timezone.now() + timedelta(seconds=1))
    looking._told -= collecting.PROGRESS_SECONDS
    for done in (1 << 30, 2 << 30):  # the second comes too soon to be told
        looking._tell("registry", Reading("<tmc>.tar", done, 4 << 30))
    words = text_of(client.get(path, headers={"HX-Request": "true"}))
    assert "Reading <tmc>.tar: 25% of 4.0 GB" in words
    collecting.Collecting(installation.pk, ["registry"])
    assert "Reading" not in text_of(client.get(path, headers={"HX-Request": "true"}))


def test_the_panel_is_not_sent_again_when_nothing_changed(client: Client, installation: Installation) -> None:
    put(installation, "registry.reachable", FAILED)
    path = reverse("findings", args=[installation.pk, "registry"])
    first = client.get(path, headers={"HX-Request": "true"})
    second = client.get(path, headers={"HX-Request": "true", "If-None-Match": first["ETag"]})
    assert (first.status_code, second.status_code, second.content) == (200, 304, b"")
    put(installation, "registry.reachable", PASSED)
    third = client.get(path, headers={"HX-Request": "true", "If-None-Match": first["ETag"]})
    assert third.status_code == 200


@pytest.mark.parametrize("part", ["findings", "rail"])
def test_the_page_knows_which_state_of_a_part_it_shows(client: Client, installation: Installation, part: str) -> None:
    """Else the first ring of the bell would swap every part for the same."""
    put(installation, "registry.reachable", FAILED)
    page = page_of(client, installation).content.decode()
    path = reverse(part, args=[installation.pk, "registry"])
    etag = client.get(path, headers={"HX-Request": "true"})["ETag"].strip('"')
    assert f'data-etag="{etag}"' in page


def test_without_a_script_the_panel_is_the_page(client: Client, installation: Installation) -> None:
    answer = client.get(reverse("findings", args=[installation.pk, "registry"]))
    assert answer["Location"] == reverse("step", args=[installation.pk, "registry"])


def test_what_no_run_can_succeed_with_cannot_be_accepted(client: Client, installation: Installation) -> None:
    """The same check may be, where it found less."""
    without = "certificates.cert-manager"
    Observation.objects.create(
        installation=installation, system="certificates", requested_at=timezone.now(), collected_at=timezone.now()
    )
    reason = {"reason": "because I say so, twice"}
    put(installation, without, FAILED)
    client.post(reverse("waive", args=[installation.pk, without]), reason)
    assert installation.waivers.filter(check_name=without).exists()
    hopeless = replace(FAILED, hopeless=True)
    collecting.keep_findings(installation, {without: hopeless}, installation.fingerprints(), installation.redactor())
    assert not installation.waivers.exists()
    words = text_of(client.get(reverse("step", args=[installation.pk, "certificates"])))
    assert "Accept this risk" not in words
    assert "No installation can succeed with this" in words
    client.post(reverse("waive", args=[installation.pk, without]), reason)
    assert not installation.waivers.exists()


def test_a_cluster_without_cert_manager_is_hopeless() -> None:
    facts = Facts({"certificates": {"cert_manager": {"ok": True, "value": {"installed": False, "version": ""}}}}, {})
    assert checks.BY_NAME["certificates.cert-manager"].judge(facts).hopeless
