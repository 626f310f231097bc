"""Inviting, giving roles, retiring; and the page that tells who did what."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry, Membership, Role, SignInLink, Workspace
from tests.web.people import PASSWORD, a_member, a_person, follow_link, invitation, note_of, signed_in, text_of
from wizard.accounts import links, people, throttle
from wizard.presenters import audit

pytestmark = pytest.mark.django_db

#: How the code names an action when it writes one.
AUDITED = [path for folder in (".", "runs", "preflight") for path in Path("installer_tasks", folder).glob("*.py")]
WRITTEN = re.compile(r'(?:action=|tell\((?="person|"identity)|_told\([^"\n]*|, person, )"([a-z-]+(?:\.[a-z-]+)?)"')
INVITED = re.compile(r"<code>http://testserver(/sign-in/link/#[^<]+)</code>")


@pytest.fixture
def ada() -> User:
    return a_person("ada")


@pytest.fixture
def place() -> Workspace:
    return saved_answers.default_workspace()


def invited(client: Client, place: Workspace, name: str = "ida", role: str = Role.INSTALLER) -> str:
    return invitation(client, name, **{f"role-{place.pk}": role})


def test_of_two_who_invite_the_same_name_at_once_one_is_told(ada: User, place: Workspace) -> None:
    """The other administrator's row comes between the look whether the name is free and ours."""
    client = signed_in(ada)

    def rival(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "auth_user"') and not come:
            come.append("ida")
            User.objects.create_user("ida")
        return execute(sql, *rest)

    come: list[str] = []
    with connection.execute_wrapper(rival):
        answer = client.post(reverse("people"), {"name": "ida", f"role-{place.pk}": Role.INSTALLER})
    assert come
    assert answer.status_code == 422
    assert "ida is already in use. Choose another name." in text_of(answer)


def test_an_invited_person_enters_once_and_chooses_a_password(ada: User, place: Workspace) -> None:
    path = invited(signed_in(ada), place)
    saved_answers.create_installation("Contoso")
    ida = Client()
    assert follow_link(ida, path)["Location"].startswith(reverse("welcome"))
    ida.post(reverse("welcome"), {"name": "ida", "password": PASSWORD, "again": PASSWORD})
    assert "Contoso" in text_of(ida.get("/"))
    assert follow_link(Client(), path).status_code == 410
    assert "ida" in text_of(signed_in(ada).get(reverse("people")))


def test_an_invitation_lives_for_three_days_and_only_its_digest_is_kept(ada: User, place: Workspace) -> None:
    path = invited(signed_in(ada), place)
    link = SignInLink.objects.get()
    assert abs(link.expires_at - link.created_at - people.INVITATION_LIFE).total_seconds() < 60
    assert path.rpartition("#")[2] not in str(list(SignInLink.objects.values())) + str(
        list(AuditEntry.objects.values())
    )
    SignInLink.objects.update(expires_at=timezone.now())
    assert follow_link(Client(), path).status_code == 410
    assert "needs a new link" in text_of(signed_in(ada).get(reverse("people")))


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "required"), ("two words", "valid username"), ("ADA", "ADA is already in use"), ("x" * 151, "150")],
)
def test_a_bad_name_is_told_at_its_field(ada: User, place: Workspace, name: str, words: str) -> None:
    answer = signed_in(ada).post(reverse("people"), {"name": name, f"role-{place.pk}": Role.VIEWER})
    assert answer.status_code == 422
    assert words in note_of(answer, "name")
    assert User.objects.count() == 1


def test_an_invitation_to_nothing_is_refused(ada: User, place: Workspace) -> None:
    answer = signed_in(ada).post(reverse("people"), {"name": "ida", f"role-{place.pk}": people.NOTHING})
    assert answer.status_code == 422
    assert "Choose a role; without one, this person can see nothing." in text_of(answer)


def test_a_role_is_changed(ada: User, place: Workspace) -> None:
    ida = a_member("ida", Role.VIEWER)
    other = Workspace.objects.create(name="Contoso")
    data = {f"role-{place.pk}": people.NOTHING, f"role-{other.pk}": Role.INSTALLER}
    page = text_of(signed_in(ada).post(reverse("roles", args=[ida.pk]), data, follow=True))
    assert "The new roles of ida are saved." in page
    assert list(Membership.objects.values_list("workspace__name", "role")) == [("Contoso", "installer")]


def test_a_form_older_than_a_customer_changes_nothing(ada: User, place: Workspace) -> None:
    ida = a_member("ida", Role.VIEWER)
    Workspace.objects.create(name="Contoso")
    data = {f"role-{place.pk}": Role.INSTALLER}
    page = text_of(signed_in(ada).post(reverse("roles", args=[ida.pk]), data, follow=True))
    assert "The list of customers has changed since this form was opened. Nothing was changed." in page
    assert Membership.objects.get().role == Role.VIEWER


def test_the_last_administrator_stays_one(ada: User, place: Workspace) -> None:
    client = signed_in(ada)
    for path, data in (("roles", {f"role-{place.pk}": Role.VIEWER}), ("retire", {})):
        page = text_of(client.post(reverse(path, args=[ada.pk]), data, follow=True))
        assert "Make another person an administrator first." in page
    ada.refresh_from_db()
    assert ada.is_superuser
    assert ada.is_active


def test_who_is_retired_is_out_at_once_and_may_be_let_in_again(ada: User) -> None:
    ida = a_member("ida", Role.INSTALLER, password=PASSWORD)
    theirs, code = signed_in(ida), people.new_link(ida, by=ada)
    assert theirs.get("/").status_code == 200
    signed_in(ada).post(reverse("retire", args=[ida.pk]))
    assert theirs.get("/").status_code == 302
    assert follow_link(Client(), links.path_of(code)).status_code == 410
    assert Client().post(reverse("sign-in"), {"name": "ida", "password": PASSWORD}).status_code == 422
    signed_in(ada).post(reverse("bring-back", args=[ida.pk]))
    assert Client().post(reverse("sign-in"), {"name": "ida", "password": PASSWORD}).status_code == 302


def test_a_new_link_ends_the_ones_before(ada: User, place: Workspace) -> None:
    first = invited(signed_in(ada), place)
    second = signed_in(ada).post(reverse("person-link", args=[User.objects.get(username="ida").pk]))
    assert INVITED.search(second.content.decode())
    assert follow_link(Client(), first).status_code == 410


def test_the_audit_tells_who_did_what(ada: User, place: Workspace) -> None:
    invited(signed_in(ada), place)
    installation = saved_answers.create_installation("Contoso", person=ada)
    saved_answers.save_answers(installation, {"dns.zone": "tmc.example.com", "registry.password": "canary"}, person=ada)
    AuditEntry.objects.create(action="sign-in.failed", detail={"name": "eve", "address": "10.0.0.9"})
    page = text_of(signed_in(ada).get(reverse("audit")))
    for words in (
        "ada invited ida: Installer",
        "ada created the installation Contoso",
        "ada changed DNS zone (– → tmc.example.com), Registry password",
        "failed sign-in as eve from 10.0.0.9",
    ):
        assert words in page
    assert "canary" not in page


def test_a_member_reads_the_audit_of_their_installations_alone(ada: User) -> None:
    mine = saved_answers.create_installation("Mine", person=ada)
    other = saved_answers.create_installation("Other", person=ada, workspace=Workspace.objects.create(name="Contoso"))
    AuditEntry.objects.create(action="sign-in.failed", detail={"name": "eve", "address": "10.0.0.9"})
    client = signed_in(a_member("vera", Role.VIEWER))
    for path in (reverse("audit"), f"{reverse('audit')}?installation={other.pk}", reverse("audit-table")):
        told = client.get(path).content.decode()
        assert "Other" not in told
        assert "eve" not in told
    assert f'href="{reverse("open", args=[mine.pk])}"' in client.get(reverse("audit")).content.decode()


def test_the_audit_is_paged_and_asked_for_by_person(ada: User) -> None:
    ida = a_member("ida", Role.INSTALLER)
    for number in range(audit.PAGE + 1):
        AuditEntry.objects.create(person=ida, action="run.started", detail={"attempt": number})
    AuditEntry.objects.create(person=ada, action="handover")
    first = signed_in(ada).get(f"{reverse('audit')}?person={ida.pk}")
    assert "attempt 50" in text_of(first)
    assert "attempt 0" not in text_of(first)
    assert "handover" not in text_of(first)
    older = re.search(r'href="(\?[^"]*before=\d+)"', first.content.decode())
    assert older
    second = text_of(signed_in(ada).get(reverse("audit") + older.group(1).replace("&amp;", "&")))
    assert "attempt 0" in second
    assert "attempt 50" not in second


@pytest.mark.parametrize("query", ["person=x", "before=-1", "installation=" + "9" * 40, "person=²"])
def test_nonsense_in_the_address_asks_for_everything(ada: User, query: str) -> None:
    saved_answers.create_installation("Contoso", person=ada)
    assert "created the installation" in text_of(signed_in(ada).get(f"{reverse('audit')}?{query}"))


def test_the_table_holds_no_formula(ada: User) -> None:
    saved_answers.create_installation("=1+1", person=ada)
    table = signed_in(ada).get(reverse("audit-table")).content.decode()
    assert [row[3] for row in csv.reader(table.splitlines())] == ["action", "installation.created"]
    assert [row[2] for row in csv.reader(table.splitlines())] == ["installation", "'=1+1"]


def test_every_action_in_the_code_has_a_sentence() -> None:
    sources = [path.read_text() for path in (*AUDITED, *Path("wizard").rglob("*.py"))]
    sources.append(f'action="{throttle.FAILED}" action="{throttle.DELAYED}" action="{throttle.SIGNED_IN}"')
    written = re.findall(WRITTEN, "\n".join(sources))
    assert set(written) == set(audit.SENTENCES)
