from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection

from installer_tasks import sessions
from installer_tasks.errors import InputError
from installer_tasks.models import AuditEntry, Source
from tests.answers import ANSWERS, CANARIES

pytestmark = pytest.mark.django_db


def test_answers_are_kept_with_source_and_person() -> None:
    ada = User.objects.create_user("ada")
    installation = sessions.create_installation("Contoso", person=ada)
    assert sessions.save_answers(installation, {"dns.zone": "tmc.example.com"}, person=ada) == ("dns.zone",)
    answer = installation.answers.get(key="dns.zone")
    assert (answer.reveal(), answer.source, answer.changed_by) == ("tmc.example.com", Source.PERSON, ada)


def test_saving_the_same_again_changes_nothing() -> None:
    installation = sessions.create_installation("Contoso")
    sessions.save_answers(installation, ANSWERS)
    installation.refresh_from_db()
    revision = installation.revision
    assert sessions.save_answers(installation, ANSWERS) == ()
    installation.refresh_from_db()
    assert installation.revision == revision


def test_an_empty_secret_keeps_the_one_that_is_there() -> None:
    installation = sessions.create_installation("Contoso")
    sessions.save_answers(installation, ANSWERS)
    assert sessions.save_answers(installation, {"registry.password": ""}) == ()
    assert installation.answers.get(key="registry.password").reveal() == "canary-registry-password"


def test_secrets_stand_in_no_column_but_the_sealed_one() -> None:
    installation = sessions.create_installation("Contoso")
    sessions.save_answers(installation, ANSWERS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM installer_tasks_answer")
        rows = str(cursor.fetchall())
    assert not [canary for canary in CANARIES if canary in rows]
    assert "canary" not in str(list(AuditEntry.objects.values_list("detail", flat=True)))


def test_pages_get_answers_without_secrets_and_with_defaults() -> None:
    installation = sessions.create_installation("Contoso")
    sessions.save_answers(installation, ANSWERS)
    visible = sessions.visible_answers(installation)
    assert visible["registry.password"] == ""
    assert visible["identity.groups_claim"] == "groups"


def test_every_change_is_in_the_audit_without_values() -> None:
    installation = sessions.create_installation("Contoso")
    sessions.save_answers(installation, {"dns.zone": "tmc.example.com"})
    assert installation.audit.get(action="answers.changed").detail == {"keys": ["dns.zone"]}


def test_a_nul_is_refused_and_nothing_of_the_form_is_half_saved() -> None:
    installation = sessions.create_installation("Contoso")
    with pytest.raises(InputError) as caught:
        sessions.save_answers(installation, {"dns.zone": "tmc.example.com", "registry.username": "a\0b"})
    assert caught.value.field == "registry.username"
    assert not installation.answers.exists()
