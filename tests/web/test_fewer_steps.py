"""What the installer knows or can find out is not asked again: offered, suggested, found or made up."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from installer_tasks import answer_keys, saved_answers
from installer_tasks.models import Installation, Observation, Source
from installer_tasks.preflight import checks, collecting, findings
from installer_tasks.preflight.checks.base import Level, Verdict
from installer_tasks.preflight.state import load
from installer_tasks.text import text
from tests.answers import ANSWERS
from tests.unit.pems import self_signed
from tests.web.finding_rows import put
from tests.web.people import signed_in
from wizard import steps

pytestmark = pytest.mark.django_db
PASSWORDS = ("services.postgres_password", "services.minio_password")


@pytest.fixture
def installation() -> Installation:
    return saved_answers.create_installation("Contoso")


@pytest.fixture
def client() -> Client:
    return signed_in()


def observed(installation: Installation, system: str, **facts: Any) -> None:
    told = {name: {"ok": True, "value": value} for name, value in facts.items()}
    Observation.objects.create(installation=installation, system=system, facts=told, collected_at=timezone.now())


def page_of(client: Client, installation: Installation, step: str) -> str:
    return client.get(reverse("step", args=[installation.pk, step])).content.decode()


class TestAnAuthority:
    def test_given_once_is_offered_elsewhere_and_taken_by_one_click(
        self, client: Client, installation: Installation
    ) -> None:
        pem = self_signed("Contoso Root").certificate
        saved_answers.save_answers(installation, {"identity.ca": pem})
        page = page_of(client, installation, "registry")
        assert "Use: CA certificate of the provider" in page
        assert "CN=Contoso Root" in page
        address = reverse("take-over", args=[installation.pk, "registry", "ca"])
        answer = client.post(f"{address}?from=identity.ca", headers={"HX-Request": "true"})
        assert "data-saved" in answer.content.decode()
        assert installation.answers.get(key="registry.ca").value == installation.answers.get(key="identity.ca").value
        assert "Use: CA certificate" not in page_of(client, installation, "registry")

    def test_each_is_offered_once(self, client: Client, installation: Installation) -> None:
        pem = self_signed("Contoso Root").certificate
        saved_answers.save_answers(installation, {"identity.ca": pem, "registry.ca": pem})
        assert page_of(client, installation, "certificates").count("Use: CA certificate") == 1

    @pytest.mark.parametrize("wrong", ["dns.zone", "identity.client_secret", "registry.ca", "nothing"])
    def test_nothing_else_is_taken_over(self, client: Client, installation: Installation, wrong: str) -> None:
        saved_answers.save_answers(installation, {"dns.zone": "tmc.example.com", "identity.client_secret": "canary"})
        address = reverse("take-over", args=[installation.pk, "registry", "ca"])
        assert client.post(f"{address}?from={wrong}").status_code == 404
        assert not installation.answers.filter(key="registry.ca").exists()

    def test_without_javascript_the_other_fields_are_saved_too(
        self, client: Client, installation: Installation
    ) -> None:
        saved_answers.save_answers(installation, {"identity.ca": self_signed("Contoso Root").certificate})
        address = reverse("take-over", args=[installation.pk, "registry", "ca"])
        client.post(f"{address}?from=identity.ca", {"project": "harbor.example.com/tmc", "ca": ""})
        kept = set(installation.answers.values_list("key", flat=True))
        assert {"registry.ca", "registry.project"} <= kept


class TestTheLoadBalancersAddress:
    RECORDS = {name: {"addresses": ["10.0.0.20"], "cname": ""} for name in ("tmc.example.com", "s3.tmc.example.com")}

    def dns_is_proven(self, installation: Installation, records: Any = None) -> None:
        saved_answers.save_answers(installation, {"dns.zone": "tmc.example.com"})
        observed(installation, "dns", records=self.RECORDS if records is None else records)
        for check in checks.of_system("dns"):
            put(installation, check.name, Verdict(Level.PASS, text("Well.")))

    def test_is_the_one_that_the_names_lead_to(self, client: Client, installation: Installation) -> None:
        self.dns_is_proven(installation)
        page = page_of(client, installation, "services")
        assert 'name="load_balancer_ip" value="10.0.0.20"' in page
        assert "all public names point to it" in page
        client.post(reverse("step", args=[installation.pk, "services"]), {"load_balancer_ip": "10.0.0.20"})
        assert installation.answers.get(key="services.load_balancer_ip").source == Source.FOUND

    def test_is_not_suggested_where_the_names_disagree(self, client: Client, installation: Installation) -> None:
        self.dns_is_proven(installation, {**self.RECORDS, "x": {"addresses": ["10.0.0.21"], "cname": ""}})
        assert 'name="load_balancer_ip" value=""' in page_of(client, installation, "services")

    def test_is_not_suggested_again_once_it_was_left_empty(self, client: Client, installation: Installation) -> None:
        self.dns_is_proven(installation)
        client.post(reverse("step", args=[installation.pk, "services"]), {"load_balancer_ip": ""})
        assert 'name="load_balancer_ip" value=""' in page_of(client, installation, "services")

    @pytest.mark.parametrize(("on_services", "level"), [("", Level.PASS), ("secret", Level.WARN)])
    def test_is_a_warning_only_once_services_was_left_without_it(self, on_services: str, level: Level) -> None:
        seen = {name: {"ok": True, "value": value} for name, value in {"records": self.RECORDS}.items()}
        answers = {**answer_keys.with_defaults({"dns.zone": "tmc.example.com"}), "services.minio_password": on_services}
        judge = checks.BY_NAME["dns.load-balancer"].judge
        assert judge(checks.base.Facts({"dns": seen}, answers)).level == level  # type: ignore[attr-defined]


class TestPasswords:
    def test_left_empty_are_generated(self, client: Client, installation: Installation) -> None:
        answer = client.post(reverse("step", args=[installation.pk, "services"]), {"services.minio_username": "root"})
        assert answer.status_code == 302
        for key in PASSWORDS:
            row = installation.answers.get(key=key)
            assert (row.source, len(row.reveal())) == (Source.GENERATED, 40)
        assert len({installation.answers.get(key=key).reveal() for key in PASSWORDS}) == len(PASSWORDS)

    def test_that_are_there_stay(self, client: Client, installation: Installation) -> None:
        saved_answers.save_answers(installation, {PASSWORDS[0]: "chosen by a person"})
        client.post(reverse("step", args=[installation.pk, "services"]), {})
        assert installation.plain_answers()[PASSWORDS[0]] == "chosen by a person"

    def test_an_answers_file_still_needs_them(self, installation: Installation) -> None:
        with pytest.raises(Exception, match="required"):
            steps.validate(installation, "services", {"size": "small"})


class TestTheRelease:
    def test_of_the_folder_is_chosen_where_nobody_chose(self, installation: Installation) -> None:
        saved_answers.save_answers(installation, {"bundle.path": "/srv/tmc"})
        contents = {"ok": True, "value": {"release": "1.4.1", "images": 1, "bytes": 1, "path": "/srv/tmc"}}
        looking = collecting.Collecting(
            installation.pk, ["bundle"], lambda _answers, _systems: [({"bundle": {"contents": contents}}, False)]
        )
        looking.carry_out()
        row = installation.answers.get(key="bundle.release")
        assert (row.value, row.source) == ("1.4.1", Source.FOUND)

    def test_that_a_person_chose_stays(self, installation: Installation) -> None:
        saved_answers.save_answers(installation, {"bundle.path": "/srv/tmc", "bundle.release": "1.0.0"})
        contents = {"ok": True, "value": {"release": "1.4.1", "images": 1, "bytes": 1, "path": "/srv/tmc"}}
        collecting.Collecting(
            installation.pk, ["bundle"], lambda _answers, _systems: [({"bundle": {"contents": contents}}, False)]
        ).carry_out()
        assert installation.answers.get(key="bundle.release").value == "1.0.0"

    def test_the_folder_is_read_as_soon_as_it_is_named(
        self, client: Client, installation: Installation, tmp_path: Any
    ) -> None:
        client.post(
            reverse("step", args=[installation.pk, "bundle"]) + "?only=path",
            {"path": str(tmp_path)},
            headers={"HX-Request": "true"},
        )
        assert findings.step_state(load(installation), "bundle") == "checking"


def test_enter_in_a_field_generates_no_password(client: Client, installation: Installation) -> None:
    """A browser presses the first button of the form: that was Generate."""
    saved_answers.save_answers(installation, ANSWERS)
    page = page_of(client, installation, "services")
    form = page[page.index('enctype="multipart/form-data" class="stack"') :]
    assert "formaction" not in form[form.index("<button") : form.index("</button>")]
