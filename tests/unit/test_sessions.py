from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection

from installer_tasks import saved_answers
from installer_tasks.errors import InputError
from installer_tasks.models import AuditEntry, Installation, Source, Workspace
from tests.answers import ANSWERS, CANARIES

pytestmark = pytest.mark.django_db


def test_answers_are_kept_with_source_and_person() -> None:
    ada = User.objects.create_user("ada")
    installation = saved_answers.create_installation("Contoso", person=ada)
    assert saved_answers.save_answers(installation, {"dns.zone": "tmc.example.com"}, person=ada) == ("dns.zone",)
    answer = installation.answers.get(key="dns.zone")
    assert (answer.reveal(), answer.source, answer.changed_by) == ("tmc.example.com", Source.PERSON, ada)


def test_saving_the_same_again_changes_nothing() -> None:
    installation = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(installation, ANSWERS)
    installation.refresh_from_db()
    revision = installation.revision
    assert saved_answers.save_answers(installation, ANSWERS) == ()
    installation.refresh_from_db()
    assert installation.revision == revision


def test_an_empty_secret_keeps_the_one_that_is_there() -> None:
    installation = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(installation, ANSWERS)
    assert saved_answers.save_answers(installation, {"registry.password": ""}) == ()
    assert installation.answers.get(key="registry.password").reveal() == "canary-registry-password"


def test_secrets_stand_in_no_column_but_the_sealed_one() -> None:
    installation = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(installation, ANSWERS)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM installer_tasks_answer")
        rows = str(cursor.fetchall())
    assert not [canary for canary in CANARIES if canary in rows]
    assert "canary" not in str(list(AuditEntry.objects.values_list("detail", flat=True)))


def test_pages_get_answers_without_secrets_and_with_defaults() -> None:
    installation = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(installation, ANSWERS)
    visible = saved_answers.visible_answers(installation)
    assert visible["registry.password"] == ""
    assert visible["identity.groups_claim"] == "groups"


def last_change(installation: Installation) -> dict[str, str]:
    (found,) = installation.audit.filter(action="answers.changed")[0].detail["changes"]
    return found


def test_every_change_is_in_the_audit_with_both_values_and_whoever_made_it() -> None:
    ada = User.objects.create_user("ada")
    installation = saved_answers.create_installation("Contoso")
    for before, after in (("", "tmc.example.com"), ("tmc.example.com", "lab.example.com"), ("lab.example.com", "")):
        assert saved_answers.save_answers(installation, {"dns.zone": after or None}, person=ada) == ("dns.zone",)
        assert last_change(installation) == {"key": "dns.zone", "before": before, "after": after}
    assert {entry.person for entry in installation.audit.filter(action="answers.changed")} == {ada}
    assert not installation.answers.exists()


def test_removing_what_is_not_there_is_no_change() -> None:
    installation = saved_answers.create_installation("Contoso")
    assert saved_answers.save_answers(installation, {"dns.zone": None, "dns.server": ""}) == ()
    assert not installation.audit.filter(action="answers.changed").exists()


def test_of_a_secret_the_audit_says_whether_it_changed_and_nothing_else() -> None:
    installation = saved_answers.create_installation("Contoso")
    seen = []
    for value in ("canary-one", "canary-two", "canary-one", None):
        saved_answers.save_answers(installation, {"registry.password": value})
        seen.append(last_change(installation))
    first, second, third, fourth = (change["after"] for change in seen)
    assert len({first, second}) == 2 and first == third and fourth == ""
    assert [change["before"] for change in seen] == ["", first, second, first]
    assert "canary" not in str(seen)
    # Keyed: the same password of another customer, or of a list of common ones, cannot be told by it.
    other = saved_answers.create_installation("Other", workspace=Workspace.objects.create(name="Fabrikam"))
    saved_answers.save_answers(other, {"registry.password": "canary-one"})
    assert last_change(other)["after"] != first


def test_nothing_else_writes_answers() -> None:
    """A row that is made, changed or deleted elsewhere would be in no audit; `start over` is audited as a whole."""
    writing = re.compile(
        r"Answer\.objects\.(create|update|bulk|get_or|filter\([^)]*\)\.(delete|update))|"
        r"\.answers\.(create|update|add|set|clear|filter\([^)]*\)\.(delete|update)|all\(\)\.delete)"
    )
    root = Path(saved_answers.__file__).parent.parent
    sources = [path for folder in ("installer_tasks", "wizard") for path in (root / folder).rglob("*.py")]
    found = {str(path.relative_to(root)) for path in sources if writing.search(path.read_text(encoding="utf-8"))}
    assert found == {"installer_tasks/saved_answers.py", "wizard/views/installations.py"}


def test_a_nul_is_refused_and_nothing_of_the_form_is_half_saved() -> None:
    installation = saved_answers.create_installation("Contoso")
    with pytest.raises(InputError) as caught:
        saved_answers.save_answers(installation, {"dns.zone": "tmc.example.com", "registry.username": "a\0b"})
    assert caught.value.field == "registry.username"
    assert not installation.answers.exists()
