"""Roles: what exists for whom, and who changes what. Every address of an installation is tried, also future ones."""

from __future__ import annotations

from typing import Any, cast

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.urls import URLPattern, reverse

from installer_tasks import saved_answers
from installer_tasks.answer_keys import STEPS
from installer_tasks.models import Installation, Membership, Role, Workspace
from tests.answers import ANSWERS
from tests.web.people import a_member, a_person, signed_in, text_of
from tests.web.test_sign_in import ARGUMENTS, path_of
from wizard import urls

pytestmark = pytest.mark.django_db

PATTERNS = [cast(URLPattern, pattern) for pattern in urls.urlpatterns]
OF_AN_INSTALLATION = [pattern for pattern in PATTERNS if "pk" in pattern.pattern.converters]
OF_ADMINISTRATORS = [pattern for pattern in PATTERNS if str(pattern.pattern).startswith(("people/", "bundle-folders/"))]


@pytest.fixture
def installation() -> Installation:
    """With the number that the addresses of these tests name, which no sequence reaches."""
    return Installation.objects.create(pk=ARGUMENTS["pk"], name="Contoso", workspace=saved_answers.default_workspace())


@pytest.fixture
def elsewhere() -> Workspace:
    return Workspace.objects.create(name="Fabrikam")


def answered(client: Client, patterns: list[URLPattern], method: str) -> dict[str, Any]:
    """By address; there are many, and each is tried."""
    assert patterns
    return {path_of(pattern): getattr(client, method)(path_of(pattern)) for pattern in patterns}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.usefixtures("installation")
def test_for_a_stranger_it_does_not_exist(method: str, elsewhere: Workspace) -> None:
    client = signed_in(a_member("eve", Role.INSTALLER, elsewhere))
    found = answered(client, OF_AN_INSTALLATION, method)
    assert {path: answer.status_code for path, answer in found.items() if answer.status_code != 404} == {}
    assert [path for path, answer in found.items() if "Contoso" in answer.content.decode()] == []


@pytest.mark.usefixtures("installation")
def test_a_viewer_sends_nothing() -> None:
    found = answered(signed_in(a_member("vera", Role.VIEWER)), OF_AN_INSTALLATION, "post")
    assert {path: answer.status_code for path, answer in found.items() if answer.status_code != 403} == {}
    said = "You can view this installation, but not change it. Nothing was changed."
    assert [path for path, answer in found.items() if said not in text_of(answer)] == []


@pytest.mark.parametrize("method", ["get", "post"])
def test_people_are_the_business_of_administrators(method: str) -> None:
    a_person("ada")
    found = answered(signed_in(a_member("ida", Role.INSTALLER)), OF_ADMINISTRATORS, method)
    assert {path: answer.status_code for path, answer in found.items() if answer.status_code != 403} == {}
    assert [path for path, answer in found.items() if "Ask ada for another role" not in text_of(answer)] == []


def test_a_viewer_reads_everything_and_is_told_so(installation: Installation) -> None:
    client = signed_in(a_member("vera", Role.VIEWER))
    page = client.get(reverse("step", args=[installation.pk, "dns"]))
    assert "You are a viewer of this installation" in text_of(page)
    assert "data-read-only" in page.content.decode()
    listed = text_of(client.get("/"))
    assert "Contoso" in listed
    assert "read only" in listed
    assert "Delete" not in listed
    assert "Start another installation" not in listed


ADDRESSES = {path_of(pattern) for pattern in OF_AN_INSTALLATION} | {
    reverse("step", args=[ARGUMENTS["pk"], step]) for step in STEPS
}
STREAM = f"{reverse('live')}?topic={ARGUMENTS['pk']}:0"


def test_what_a_viewer_looks_at_stays_as_it_is(installation: Installation) -> None:
    assert changed_by_looks(sorted(ADDRESSES - {STREAM}), installation) == []


@pytest.mark.django_db(transaction=True)  # a stream gives the connection back, and a transaction with it
def test_what_a_viewer_listens_to_stays_as_it_is(installation: Installation) -> None:
    assert changed_by_looks([STREAM], installation) == []


def changed_by_looks(paths: list[str], installation: Installation) -> list[str]:
    saved_answers.save_answers(installation, ANSWERS)
    before, viewer, changed = left(installation), signed_in(a_member("vera", Role.VIEWER)), []
    for path in paths:
        viewer.get(path)
        if (after := left(installation)) != before:
            changed.append(path)
            before = after
    return changed


def left(installation: Installation) -> list[object]:
    """All that a look could change: the session itself, and what is asked of its systems."""
    rows = (Installation.objects.filter(pk=installation.pk), installation.answers, installation.observations)
    return [list(found.values()) for found in (*rows, installation.findings, installation.waivers, installation.runs)]


def test_an_installer_answers(installation: Installation) -> None:
    client = signed_in(a_member("ida", Role.INSTALLER))
    page = client.get(reverse("step", args=[installation.pk, "dns"]))
    assert "You are a viewer" not in text_of(page)
    assert "data-read-only" not in page.content.decode()
    client.post(reverse("step", args=[installation.pk, "dns"]), {"zone": "tmc.example.com"})
    assert installation.answers.get(key="dns.zone").changed_by.get_username() == "ida"


@pytest.mark.usefixtures("installation")
def test_the_list_shows_what_is_for_oneself(elsewhere: Workspace) -> None:
    saved_answers.create_installation("Harbour", workspace=elsewhere)
    assert "Contoso" not in text_of(signed_in(a_member("eve", Role.VIEWER, elsewhere)).get("/"))
    whole = text_of(signed_in(a_person()).get("/"))
    assert "Contoso" in whole
    assert "Fabrikam Harbour" in whole


def test_a_role_taken_away_ends_at_once(installation: Installation) -> None:
    client = signed_in(a_member("ida", Role.INSTALLER))
    page = reverse("step", args=[installation.pk, "dns"])
    assert client.get(page).status_code == 200
    Membership.objects.all().delete()
    assert client.get(page).status_code == 404
    assert "No installations are available to you yet" in text_of(client.get("/"))


def test_an_administrator_names_a_new_customer() -> None:
    client = signed_in(a_person())
    client.post("/", {"name": "First", "customer": ""})
    client.post("/", {"name": "Second", "customer": "Contoso"})
    client.post("/", {"name": "Third", "customer": "contoso"})
    places = dict(Installation.objects.values_list("name", "workspace__name"))
    assert places == {"First": "default", "Second": "Contoso", "Third": "Contoso"}


def test_an_installer_starts_where_they_are_one(elsewhere: Workspace) -> None:
    third = Workspace.objects.create(name="Third")
    both = signed_in(a_member("ida", Role.INSTALLER, elsewhere, third))
    for wrong in ("", "default", "New"):
        answer = both.post("/", {"name": "Mine", "customer": wrong})
        assert answer.status_code == 422
        assert f"You cannot install in customer {wrong or '–'}" in text_of(answer)
        assert 'value="Mine"' in answer.content.decode()
    assert both.post("/", {"name": "Mine", "customer": "Third"}).status_code == 302
    assert Installation.objects.get().workspace == third
    one = signed_in(a_member("ivo", Role.INSTALLER, elsewhere))
    assert one.post("/", {"name": "His"}).status_code == 302
    assert Installation.objects.get(name="His").workspace == elsewhere


def test_a_viewer_starts_none() -> None:
    answer = signed_in(a_member("vera", Role.VIEWER)).post("/", {"name": "Mine"})
    assert answer.status_code == 403
    assert "You can view installations, but not start one." in text_of(answer)
    assert not Installation.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_updating_takes_nothing_from_anybody() -> None:
    executor = MigrationExecutor(connection)
    before, newest = [("installer_tasks", "0003_run_kind")], executor.loader.graph.leaf_nodes()
    executor.migrate(before)
    try:
        old = executor.loader.project_state([*before, ("auth", "0012_alter_user_first_name_max_length")]).apps
        old.get_model("auth", "User").objects.create(username="ida")
        old.get_model("auth", "User").objects.create(username="ada", is_superuser=True)
        old.get_model("installer_tasks", "Workspace").objects.create(name="Contoso", sealed_data_key="k")
    finally:
        MigrationExecutor(connection).migrate(newest)
    kept = Membership.objects.values_list("person__username", "workspace__name", "role")
    assert list(kept) == [("ida", "Contoso", "installer")]
