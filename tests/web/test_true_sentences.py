"""What a page says is so: after a run, of a generated password, of lengths, of times, and by the labels people see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from installer_tasks import answer_keys, saved_answers
from installer_tasks.models import Finding, Installation, Observation, Run, RunKind, RunState, Source
from installer_tasks.preflight.checks import services_values
from installer_tasks.preflight.state import load
from tests.answers import ANSWERS
from tests.web.people import signed_in, text_of
from wizard.presenters import findings as finding_views
from wizard.presenters import review as views
from wizard.steps.handouts import aligned
from wizard.steps.services import ServicesForm
from wizard.templatetags.wizard import duration

pytestmark = pytest.mark.django_db


@pytest.fixture
def installation() -> Installation:
    made = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(made, ANSWERS)
    return made


def observed(installation: Installation, system: str, **facts: Any) -> None:
    """Before any run."""
    told = {name: {"ok": True, "value": value} for name, value in facts.items()}
    at = timezone.now() - timedelta(hours=1)
    Observation.objects.update_or_create(
        installation=installation, system=system, defaults={"facts": told, "collected_at": at}
    )


def a_run(installation: Installation, kind: RunKind, state: RunState) -> None:
    number, now = installation.runs.count() + 1, timezone.now()
    Run.objects.create(
        installation=installation,
        attempt=number,
        kind=kind,
        state=state,
        sealed_plan="",
        release="1.4.1",
        finished_at=None if state == RunState.RUNNING else now,
    )


def there(installation: Installation) -> dict[str, bool | None]:
    return {effect.what: effect.there for effect in views.review(load(installation)).effects}


@pytest.fixture
def looked_at(installation: Installation) -> Installation:
    observed(installation, "cluster", leftovers={"objects": []})
    observed(installation, "registry", project={"exists": True})
    return installation


def test_before_a_run_it_is_what_was_observed(looked_at: Installation) -> None:
    assert there(looked_at)["Namespace tmc-local"] is False
    assert there(looked_at)["Project"] is True


def test_after_an_installation_all_of_it_is_there(looked_at: Installation) -> None:
    a_run(looked_at, RunKind.INSTALL, RunState.SUCCEEDED)
    assert set(there(looked_at).values()) == {True}
    assert "will be created" not in text_of(signed_in().get(reverse("review", args=[looked_at.pk])))


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.CANCELLED, RunState.RUNNING])
def test_after_a_run_that_stopped_nobody_knows(looked_at: Installation, state: RunState) -> None:
    a_run(looked_at, RunKind.INSTALL, state)
    assert there(looked_at)["Namespace tmc-local"] is None
    assert there(looked_at)["14 packages"] is None


def test_after_an_undo_that_kept_the_volumes_the_namespace_is_there(looked_at: Installation) -> None:
    a_run(looked_at, RunKind.INSTALL, RunState.SUCCEEDED)
    a_run(looked_at, RunKind.UNDO, RunState.SUCCEEDED)
    found = there(looked_at)
    assert found["Namespace tmc-local"] is True
    assert found["PackageInstall tanzu-mission-control"] is False
    assert found["Project"] is True


def test_after_an_undo_of_everything_nothing_is_there(looked_at: Installation) -> None:
    a_run(looked_at, RunKind.INSTALL, RunState.SUCCEEDED)
    a_run(looked_at, RunKind.UNDO_ALL, RunState.SUCCEEDED)
    assert there(looked_at)["Namespace tmc-local"] is False


def test_another_cluster_is_not_the_one_that_a_run_installed_into(looked_at: Installation) -> None:
    a_run(looked_at, RunKind.INSTALL, RunState.SUCCEEDED)
    saved_answers.save_answers(looked_at, {"cluster.context": "another"})
    assert there(looked_at)["Namespace tmc-local"] is None


def test_a_look_after_the_run_counts_for_more_than_the_run(looked_at: Installation) -> None:
    a_run(looked_at, RunKind.INSTALL, RunState.SUCCEEDED)
    looked_at.observations.filter(system="cluster").update(collected_at=timezone.now() + timedelta(minutes=1))
    assert there(looked_at)["Namespace tmc-local"] is False


def test_a_generated_password_is_called_generated(installation: Installation) -> None:
    client = signed_in()
    client.post(reverse("generate", args=[installation.pk, "services", "postgres_password"]))
    assert installation.answers.get(key="services.postgres_password").source == Source.GENERATED
    assert "generated" in text_of(client.get(reverse("review", args=[installation.pk])))
    page = client.get(reverse("step", args=[installation.pk, "services"]), headers={"Accept-Language": "zh-CN"})
    assert "自动生成" in text_of(page)


def test_help_and_check_give_one_length_for_passwords() -> None:
    declared = ServicesForm.base_fields
    for name in ("postgres_password", "minio_password", "redis_password"):
        with translation.override("en"):
            assert f"At least {services_values.SHORT} characters" in str(declared[name].help_text)


def judged(installation: Installation, verdict: dict[str, Any]) -> Finding:
    made: Finding = Finding.objects.create(
        installation=installation, check_name="services.passwords", level="fail", verdict=verdict, reads={}
    )
    return made


def test_a_finding_names_an_answer_by_its_label(installation: Installation) -> None:
    verdict = services_values._hard_to_guess(_facts({"services.postgres_password": _weak()}))
    assert "PostgreSQL password" in str(verdict.message)
    judged(
        installation, {"value": "services.postgres_password", "evidence": {"services.postgres_password": {"length": 3}}}
    )
    with translation.override("zh-hans"):
        view = finding_views.panel(load(installation), "services").open[0]
        assert view.value == "PostgreSQL 密码"
        assert view.evidence[0][0] == "PostgreSQL 密码"


def _weak() -> dict[str, Any]:
    return {"length": 3, "different": 3, "signs": [], "leading_dash": False, "ascii": True}


def _facts(passwords: dict[str, Any]) -> Any:
    return lambda _fact: {"passwords": passwords, "equal": False, "named": []}


def test_no_check_writes_the_key_of_an_answer_into_a_sentence() -> None:
    """What is shown of each kind of weak or fragile password."""
    kinds = ({**_weak(), "signs": ["quotes"]}, {**_weak(), "ascii": False})
    for kind in kinds:
        for judge in (services_values._survive, services_values._hard_to_guess):
            said = str(judge(_facts(dict.fromkeys(services_values._PASSWORDS[:3], kind))).message)
            assert not [key.name for key in answer_keys.KEYS if key.name in said], said


@pytest.mark.parametrize(
    ("seconds", "chinese"), [(17, "17 秒"), (185, "3 分 05 秒"), (4320, "1 小时 12 分"), (0.2, "0 秒")]
)
def test_times_are_in_the_language_of_the_page(seconds: float, chinese: str) -> None:
    with translation.override("zh-hans"):
        assert duration(seconds) == chinese
    with translation.override("en"):
        assert duration(185) == "3 min 05 s"


def test_what_another_team_prepares_is_in_the_readers_language(installation: Installation) -> None:
    """Before, these blocks were English on the Chinese pages; so were the names of what was observed."""
    client = signed_in()
    chinese = {"headers": {"Accept-Language": "zh-CN"}}
    for step, here, before in (
        ("identity", "回调地址:", "Redirect URI:"),
        ("registry", "配额:", "Quota:"),
        ("dns", "<负载均衡器地址>", "load balancer address"),
    ):
        page = text_of(client.get(reverse("step", args=[installation.pk, step]), **chinese))
        assert here in page
        assert before not in page
    judged(installation, {"value": "x", "evidence": {"certificates": ["a"], "jwks_uri": "https://idp/keys"}})
    with translation.override("zh-hans"):
        view = finding_views.panel(load(installation), "services").open[0]
    assert {key for key, _value in view.evidence} == {
        "证书",
        "jwks_uri",
    }  # PostgreSQL keeps keys in an order of its own


def test_columns_stand_under_each_other_in_chinese_too() -> None:
    assert aligned((("组", "a"), ("Claim", "b"))).splitlines() == ["组:      a", "Claim:   b"]
