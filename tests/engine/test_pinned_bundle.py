"""What was checked is what is pushed: a folder that changes between the review and the push."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from installer_tasks import saved_answers
from installer_tasks.models import Installation, Role
from installer_tasks.preflight import bundle_access, collecting
from installer_tasks.rehearsal import releases
from installer_tasks.rehearsal.bundle import SMALL, contents
from installer_tasks.rehearsal.bundle_archive import write_imgpkg_tar
from installer_tasks.rehearsal.bundle_images import Image
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.runs import rows, service, stages
from installer_tasks.systems.bundle import read_release_bundle
from tests.faults.whole import arrived, carried_out, proven, small_estate
from tests.web.people import a_member

pytestmark = pytest.mark.django_db(transaction=True)

PUSH = tuple(stage for stage in stages.STAGES if stage.slug in ("registry-project", "push-images"))


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with small_estate(tmp_path / "estate") as running:
        yield running


def plant(folder: Path) -> None:
    """A whole archive with an image of somebody else's."""
    release = releases.get(read_release_bundle(folder).version)
    image = next(each.elements[0] for each in contents(release, SMALL) if each.root is None)
    assert isinstance(image, Image)
    planted = replace(image, repository="registry.example.com/somebody/else")
    write_imgpkg_tar(folder / "agent-images" / "agent-extra.tar", [planted])


def test_the_plan_pins_the_content_and_the_download(estate: Estate) -> None:
    plan = rows.frozen_plan(service.start(proven(estate)))
    assert plan.content_sha256 == read_release_bundle(estate.bundle).content_digest
    assert plan.download_sha256 == estate.checksum.split()[0]


@pytest.mark.parametrize("engine", ["native", "vendor"])
def test_a_bundle_that_changed_after_the_review_is_not_pushed(estate: Estate, engine: str) -> None:
    """With the folder alone the checks only warn, before and after: it is the plan that pins what they saw."""
    installation = proven(estate, bundle__archive="", bundle__checksum="", bundle__engine=engine)
    assert installation.findings.get(check_name="bundle.checksum").level == "warn"
    run = service.start(installation)
    plant(estate.bundle)
    carried = carried_out(run, PUSH)
    assert carried.state == "failed"
    assert carried.error and carried.error["code"] == "bundle-changed"
    assert arrived(estate) == {}


def test_after_another_check_the_changed_bundle_is_the_one_that_was_checked(estate: Estate) -> None:
    installation = proven(estate, bundle__archive="", bundle__checksum="")
    run = service.start(installation)
    plant(estate.bundle)
    carried_out(run, PUSH)
    collecting.collect_and_judge(installation.pk, "bundle")
    assert carried_out(service.resume(installation), PUSH).error is None
    assert arrived(estate)


def test_an_installer_has_only_downloads_read_that_are_open(estate: Estate, tmp_path: Path) -> None:
    """Otherwise the digest would tell of any file of the machine what is in it."""
    secret = tmp_path / "secret"
    secret.write_text("0000")
    ida = a_member("ida", Role.INSTALLER)
    bundle_access.open_folder(str(estate.folder), by=None)
    (estate.download.parent / "link.tar").symlink_to(secret)
    for path in (secret, estate.download.parent / "link.tar"):
        installation = saved_answers.create_installation("lab", person=ida)
        saved_answers.save_answers(installation, estate.answers() | {"bundle.archive": str(path)}, person=ida)
        assert _read(installation)["error"]["code"] == "bundle-folder-not-open"
    saved_answers.save_answers(installation, {"bundle.archive": str(estate.download)}, person=ida)
    assert _read(installation)["ok"]


def _read(installation: Installation) -> dict[str, dict[str, str]]:
    collecting.collect_and_judge(installation.pk, "bundle")
    return installation.observations.get(system="bundle").facts["download"]
