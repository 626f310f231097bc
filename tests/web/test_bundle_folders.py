"""Bundle folders: what administrators open and confirm, and what that means for installers."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry, BundleFolder, ConfirmedProgram, Installation, Observation, Role
from installer_tasks.preflight import bundle_access
from tests.web.people import a_member, a_person, note_of, signed_in, text_of

pytestmark = pytest.mark.django_db
PAGE = "/bundle-folders/"
SHA256 = "5f" * 32
PROGRAM = {
    "path": "/srv/tmc/tmc-sm",
    "owner": "root",
    "mode": "0755",
    "size": 4096,
    "sha256": SHA256,
    "weak": [],
    "user": "root",
    "confirmed": False,
}


@pytest.fixture
def ada() -> Client:
    return signed_in(a_person("ada"))


@pytest.fixture
def ida() -> Client:
    return signed_in(a_member("ida", Role.INSTALLER))


@pytest.fixture
def installation() -> Installation:
    return saved_answers.create_installation("Contoso")


def seen(installation: Installation, **changes: object) -> None:
    fact = {"ok": True, "value": PROGRAM | changes}
    Observation.objects.create(installation=installation, system="bundle", facts={"program": fact})


def enter(client: Client, installation: Installation, path: object) -> str:
    """What the step says; "" when it took the folder."""
    data = {"path": str(path), "release": "1.4.1", "engine": "native"}
    answer = client.post(reverse("step", args=[installation.pk, "bundle"]), data)
    return "" if answer.status_code == 302 else note_of(answer, "path")


def test_an_installer_enters_only_what_is_open(
    ada: Client, ida: Client, installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "bundle").mkdir()
    refused = enter(ida, installation, tmp_path / "bundle")
    assert f"{tmp_path}/bundle is not in a folder that an administrator has opened" in refused
    assert "ask an administrator" in refused
    assert not installation.answers.filter(key="bundle.path").exists()
    assert ada.post(PAGE, {"path": str(tmp_path)}).status_code == 302
    assert enter(ida, installation, tmp_path / "bundle") == ""
    assert f"Folder {tmp_path}/other does not exist on this machine" in enter(ida, installation, tmp_path / "other")


def test_an_administrator_enters_any_folder_and_an_installer_may_keep_it(
    ada: Client, ida: Client, installation: Installation, tmp_path: Path
) -> None:
    assert enter(ada, installation, tmp_path) == ""
    assert enter(ida, installation, tmp_path) == ""
    assert installation.answers.get(key="bundle.path").changed_by.get_username() == "ada"
    assert bundle_access.granted(installation).refusal is None


def test_the_setting_opens_folders_too(
    ada: Client, ida: Client, installation: Installation, tmp_path: Path, settings: object
) -> None:
    settings.BUNDLE_FOLDERS = (tmp_path,)  # type: ignore[attr-defined]
    assert enter(ida, installation, tmp_path) == ""
    page = text_of(ada.get(PAGE))
    assert str(tmp_path) in page
    assert "Set by TMC_INSTALLER_BUNDLES" in page


@pytest.mark.parametrize("path", ["~nosuchuser/x", "srv", "/nowhere/at/all", "/" + "a" * 5000, ""])
def test_what_cannot_be_opened_is_told_at_the_field(ada: Client, path: str) -> None:
    answer = ada.post(PAGE, {"path": path})
    assert answer.status_code == 422
    assert "data-problem" in answer.content.decode()
    assert not BundleFolder.objects.exists()


def test_the_installers_own_files_are_never_open(ada: Client, state_folder: Path) -> None:
    answer = ada.post(PAGE, {"path": str(state_folder.parent)})
    assert "holds the installer's own files" in text_of(answer)
    assert not BundleFolder.objects.exists()


def test_opening_and_closing_is_audited(ada: Client, tmp_path: Path) -> None:
    ada.post(PAGE, {"path": str(tmp_path)})
    row = BundleFolder.objects.get()
    assert "Opened by ada" in text_of(ada.get(PAGE))
    ada.post(reverse("bundle-folder-close", args=[row.pk]))
    assert not BundleFolder.objects.exists()
    told = text_of(ada.get(reverse("audit")))
    assert f"ada opened the folder {tmp_path} for bundles" in told
    assert f"ada closed the folder {tmp_path} for bundles" in told


def test_a_program_is_shown_confirmed_and_withdrawn(ada: Client, installation: Installation) -> None:
    seen(installation)
    page = text_of(ada.get(PAGE))
    for shown in ("/srv/tmc/tmc-sm", SHA256, "root", "0755", "4.0", "Contoso", "not confirmed"):
        assert shown in page
    ada.post(reverse("program-confirm"), {"sha256": SHA256})
    row = ConfirmedProgram.objects.get()
    assert (row.sha256, row.owner, row.mode, row.size, str(row.confirmed_by)) == (SHA256, "root", "0755", 4096, "ada")
    assert "Confirmed by ada" in text_of(ada.get(PAGE))
    ada.post(reverse("program-withdraw", args=[row.pk]))
    assert not ConfirmedProgram.objects.exists()
    actions = AuditEntry.objects.filter(action__startswith="program.").values_list("action", flat=True)
    assert sorted(actions) == ["program.confirmed", "program.withdrawn"]


def test_what_no_check_has_seen_cannot_be_confirmed(ada: Client) -> None:
    assert ada.post(reverse("program-confirm"), {"sha256": SHA256}).status_code == 404
    assert not ConfirmedProgram.objects.exists()


def test_who_can_change_the_program_is_shown_before_it_is_confirmed(ada: Client, installation: Installation) -> None:
    seen(installation, weak=[{"path": "/srv/tmc", "owner": "build", "mode": "0775"}])
    page = text_of(ada.get(PAGE))
    assert "/srv/tmc can be changed by others: it belongs to build and has mode 0775." in page
    assert "chmod go-w /srv/tmc" in page


@pytest.mark.parametrize("name", ["bundle-folders", "program-confirm"])
def test_installers_neither_open_nor_confirm(ida: Client, installation: Installation, name: str) -> None:
    seen(installation)
    answer = ida.post(reverse(name), {"path": "/srv", "sha256": SHA256})
    assert answer.status_code == 403
    assert not BundleFolder.objects.exists()
    assert not ConfirmedProgram.objects.exists()
    assert "Bundle folders" not in text_of(ida.get("/"))
