"""What leaves in a support bundle: this installation alone, no secret of anybody's, and a list of what is missing."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry, Installation, Role, Workspace
from tests.answers import ANSWERS
from tests.web.people import a_member, a_person, invitation, signed_in, text_of
from tests.web.run_rows import a_run, sentence, write

pytestmark = pytest.mark.django_db

ERROR = {"cause": sentence("The registry refused."), "code": "registry"}


@pytest.fixture
def ada() -> User:
    return a_person("ada")


@pytest.fixture
def theirs() -> Installation:
    """Of a customer of their own, with a run that failed."""
    found = saved_answers.create_installation("Acme", workspace=Workspace.objects.create(name="Fabrikam"))
    saved_answers.save_answers(found, ANSWERS)
    return found


@pytest.fixture
def logs(tmp_path: Path, settings: Any) -> Path:
    settings.STATE_DIR = tmp_path
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


def files_of(client: Client, installation: Installation, query: str = "") -> dict[str, str]:
    reply = client.get(reverse("support-bundle", args=[installation.pk, 1]) + query)
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_a_viewer_does_not_become_administrator_by_a_support_bundle(
    ada: User, theirs: Installation, logs: Path
) -> None:
    """The invitation stood in the log as Django writes it when the form was too old, and the bundle had the log."""
    a_run(theirs, "failed", at="push-images", error=ERROR)
    link = invitation(signed_in(ada), "root", administrator=True)
    written = link.replace("#", " ")
    (logs / "web.log").write_text(f"WARNING django.security.csrf Forbidden (CSRF token missing.): {written}\n")
    vera = signed_in(a_member("vera", Role.VIEWER, theirs.workspace))
    for query in ("", "?logs=1"):
        files = files_of(vera, theirs, query)
        assert not [name for name in files if name.startswith("logs/")]
        assert link.rpartition("#")[2] not in "".join(files.values())


def test_an_administrator_asks_for_the_logs_and_gets_no_secret_with_them(
    ada: User, theirs: Installation, logs: Path
) -> None:
    a_run(theirs, "failed", at="push-images", error=ERROR)
    other = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(other, {"registry.password": "an0ther-customers-canary"})
    encoded = base64.b64encode(b"robot:an0ther-customers-canary").decode()
    link = invitation(signed_in(ada), "root", administrator=True)
    (logs / "worker.log").write_text(f"harmless\nAuth {encoded}\nsaid an0ther-customers-canary\n{link}\n")
    client = signed_in(ada)
    assert "logs/worker.log" not in files_of(client, theirs)
    files = files_of(client, theirs, "?logs=1")
    log = files["logs/worker.log"]
    assert "harmless" in log
    assert "an0ther-customers-canary" not in log
    assert encoded not in log
    assert link.rpartition("#")[2] not in log
    assert AuditEntry.objects.filter(action="support-bundle", detail__logs=True).count() == 1


def test_a_secret_of_another_customer_is_redacted_in_what_belongs_to_this_one(ada: User, theirs: Installation) -> None:
    run = a_run(theirs, "failed", at="push-images", error=ERROR)
    other = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(other, {"identity.client_secret": "an0ther-customers-canary"})
    write(run, 3, name="the tool said an0ther-customers-canary")
    files = files_of(signed_in(ada), theirs)
    assert "the tool said [redacted]" in files["attempt-1/log.txt"]
    text = signed_in(ada).get(reverse("log-download", args=[theirs.pk, 1])).content.decode()
    assert "the tool said [redacted]" in text


def test_the_bundle_lists_what_was_left_out_and_what_was_redacted(ada: User, theirs: Installation) -> None:
    run = a_run(theirs, "failed", at="push-images", error=ERROR)
    write(run, 3, name="Authorization: Bearer abcdefghijklmnop")
    contents = json.loads(files_of(signed_in(ada), theirs)["contents.json"])
    (log,) = [each for each in contents["files"] if each["name"] == "attempt-1/log.txt"]
    assert log["redacted"] == {"authorization": 3}
    assert any("installer's own logs" in each for each in contents["left out"])


def test_the_bundle_is_shown_before_it_is_downloaded(ada: User, theirs: Installation, logs: Path) -> None:
    run = a_run(theirs, "failed", at="push-images", error=ERROR)
    write(run, 1, name="password: hunter2hunter2")
    (logs / "web.log").write_text("a line of web.log\n")
    vera = signed_in(a_member("vera", Role.VIEWER, theirs.workspace))
    address = reverse("support", args=[theirs.pk, 1])
    assert address in vera.get(reverse("attempt", args=[theirs.pk, 1])).content.decode()
    page = text_of(vera.get(address + "?logs=1"))
    assert "attempt-1/log.txt" in page
    assert "redacted: 1 × passwords" in page
    assert "hunter2hunter2" not in page
    assert "a line of web.log" not in page
    assert "Add them" not in page
    answer = signed_in(ada).get(address + "?logs=1")
    page, html = text_of(answer), answer.content.decode()
    assert "a line of web.log" in page
    assert f"{reverse('support-bundle', args=[theirs.pk, 1])}?logs=1" in html
    stranger = signed_in(a_member("stan", Role.VIEWER))
    assert stranger.get(address).status_code == 404
