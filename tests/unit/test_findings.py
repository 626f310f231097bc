"""Findings against a real database: what is stale, what blocks, what a step looks like."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from installer_tasks import answer_keys, saved_answers
from installer_tasks.models import Finding, Installation, Waiver
from installer_tasks.preflight import checks, collecting, findings
from installer_tasks.preflight.checks.base import Level, Verdict
from installer_tasks.preflight.state import load
from installer_tasks.text import text
from tests.answers import ANSWERS

pytestmark = pytest.mark.django_db


def installation_with_green_findings() -> Installation:
    installation = saved_answers.create_installation("test")
    saved_answers.save_answers(installation, ANSWERS)
    judge_green(installation)
    return installation


def judge_green(installation: Installation, level: Level = Level.PASS) -> None:
    fingerprints, redactor = installation.fingerprints(), installation.redactor()
    verdict = Verdict(level, text("fine"))
    collecting.keep_findings(installation, dict.fromkeys(checks.BY_NAME, verdict), fingerprints, redactor)


def level_of(installation: Installation, name: str) -> Level | None:
    item = next(item for item in findings.of_step(load(installation), name.partition(".")[0]) if item.name == name)
    return item.level


def test_nothing_judged_blocks_everything() -> None:
    installation = saved_answers.create_installation("test")
    assert findings.blocking(load(installation)) == [check.name for check in checks.applying({})]


def test_green_and_fresh_blocks_nothing() -> None:
    assert findings.blocking(load(installation_with_green_findings())) == []


class StaleProperty(TestCase):
    """No finding that read a changed answer stays green, whatever is edited."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.dictionaries(
            st.sampled_from([key.name for key in answer_keys.KEYS]),
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
            min_size=1,
        )
    )
    def test_findings_that_read_a_changed_answer_are_stale(self, edits: dict[str, str]) -> None:
        installation = installation_with_green_findings()
        changed = {*saved_answers.save_answers(installation, edits), *installation.needed_again}
        levels = {
            item.name: item.level for step in answer_keys.STEPS for item in findings.of_step(load(installation), step)
        }
        assert levels == {
            check.name: Level.STALE if changed & set(check.reads) else Level.PASS
            for check in checks.applying(installation.plain_answers())
        }


def test_a_finding_goes_stale_with_age() -> None:
    installation = installation_with_green_findings()
    Finding.objects.filter(check_name="dns.wildcard").update(judged_at=timezone.now() - timedelta(days=2))
    assert findings.blocking(load(installation)) == ["dns.wildcard"]


def test_a_waiver_lifts_a_failure_until_it_expires() -> None:
    installation = installation_with_green_findings()
    person = User.objects.create_user("ada")
    Finding.objects.filter(check_name="dns.same-address").update(level=Level.FAIL)
    assert findings.blocking(load(installation)) == ["dns.same-address"]
    waiver = Waiver.objects.create(
        installation=installation, check_name="dns.same-address", reason="split horizon", person=person
    )
    assert level_of(installation, "dns.same-address") == Level.WAIVED
    assert findings.blocking(load(installation)) == []
    Waiver.objects.filter(pk=waiver.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert findings.blocking(load(installation)) == ["dns.same-address"]


def test_a_strict_check_cannot_be_waived() -> None:
    installation = installation_with_green_findings()
    Finding.objects.filter(check_name="bundle.intact").update(level=Level.FAIL)
    Waiver.objects.create(
        installation=installation, check_name="bundle.intact", reason="no", person=User.objects.create_user("ada")
    )
    assert findings.blocking(load(installation)) == ["bundle.intact"]


def test_step_states() -> None:
    installation = saved_answers.create_installation("test")
    assert findings.step_state(load(installation), "dns") == "empty"
    saved_answers.save_answers(installation, {"identity.client_id": "x"})
    assert findings.step_state(load(installation), "identity") == "incomplete"
    saved_answers.save_answers(installation, ANSWERS)
    assert findings.step_state(load(installation), "dns") == "stale"
    findings.request(installation, "dns")
    assert findings.step_state(load(installation), "dns") == "checking"
    installation.observations.all().delete()
    for level, state in ((Level.PASS, "proven"), (Level.WARN, "warned"), (Level.FAIL, "failed")):
        judge_green(installation, level)
        assert findings.step_state(load(installation), "dns") == state


def test_collecting_keeps_no_secret_and_answers_only_its_own_request() -> None:
    installation = saved_answers.create_installation("test")
    saved_answers.save_answers(installation, {**ANSWERS, "services.service_type": "NodePort"})
    collecting.collect_and_judge(installation.pk, "services")
    row = installation.observations.get(system="services")
    assert row.collected_at is not None
    assert not row.running
    stored = f"{row.facts} {list(installation.findings.values_list('verdict', flat=True))}"
    assert "canary" not in stored
    findings.request(installation, "services")
    row.refresh_from_db()
    assert row.running, "a request after the collection began stays open"


def test_an_answer_of_a_later_step_has_the_earlier_one_looked_at_again() -> None:
    installation = installation_with_green_findings()
    saved_answers.save_answers(installation, {"services.load_balancer_ip": "10.0.0.9"})
    assert findings.request_affected(installation, "services") == ("services", "dns")
    assert findings.step_state(load(installation), "dns") == "checking"
    assert findings.step_state(load(installation), "identity") == "proven"
