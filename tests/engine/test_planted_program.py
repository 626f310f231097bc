"""The attack: somebody with the role of an installer plants a program in a shared folder and has it run as our user."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from installer_tasks import saved_answers
from installer_tasks.errors import InputError
from installer_tasks.local import pdeathsig, shell, state_folder
from installer_tasks.local.program import examine
from installer_tasks.models import ConfirmedProgram, Event, Installation, Role
from installer_tasks.preflight import bundle_access, collecting
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.runs import engine, rows, service
from tests.faults.whole import carried_out, confirm_program, proven, small_estate
from tests.web.people import a_member, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with small_estate(tmp_path / "estate") as running:
        yield running


@pytest.fixture
def planted(estate: Estate, tmp_path: Path) -> Path:
    """A whole bundle in a folder that every user of the machine may write, with a program of the attacker's own."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    folder = Path(shutil.copytree(estate.bundle, shared / "bundle"))
    program = folder / "tmc-sm"
    program.write_text(f"#!/bin/sh\nid -u >{tmp_path}/ran\ncat {settings.KEYRING_FILE} >>{tmp_path}/ran\n")
    program.chmod(0o755)
    return folder


def test_an_installer_plants_a_program_and_gets_nothing(estate: Estate, planted: Path, tmp_path: Path) -> None:
    ida = a_member("ida", Role.INSTALLER)
    installation = saved_answers.create_installation("lab", person=ida)
    saved_answers.save_answers(installation, {k: v for k, v in estate.answers().items() if not k.startswith("bundle.")})
    posted = {"path": str(planted), "release": "1.4.1", "engine": "vendor"}
    signed_in(ida).post(reverse("step", args=[installation.pk, "bundle"]), posted)
    _carry_on(installation)
    assert not (tmp_path / "ran").exists()


def test_not_even_when_the_folder_is_named_behind_the_form(estate: Estate, planted: Path, tmp_path: Path) -> None:
    ida = a_member("ida", Role.INSTALLER)
    installation = saved_answers.create_installation("lab", person=ida)
    posted = {"bundle.path": str(planted), "bundle.engine": "vendor"}
    saved_answers.save_answers(installation, estate.answers() | posted, person=ida)
    _carry_on(installation)
    assert not (tmp_path / "ran").exists()
    assert installation.findings.get(check_name="bundle.readable").level == "fail"


def _carry_on(installation: Installation) -> None:
    """As far as the installer lets them."""
    collecting.collect_and_judge_all(installation.pk)
    try:
        run = service.start(installation)
    except InputError:
        return
    engine.carry_out(run.pk, backoff=())
    assert Event.objects.filter(run=run).exists()


def test_the_folder_does_not_open_by_a_link_or_by_dots(planted: Path, tmp_path: Path) -> None:
    """What is refused says the same whether it exists or not."""
    inside = tmp_path / "open"
    inside.mkdir()
    bundle_access.open_folder(str(inside), by=None)
    (inside / "link").symlink_to(planted)
    (inside / "mine").mkdir()
    assert bundle_access.readable_folder(str(inside / "mine"), anywhere=False) == str(inside / "mine")
    said = set()
    for path in (
        inside / "link",
        f"{inside}/../shared/bundle",
        "/etc",
        "/nowhere",
        "/root/secret",
        "~root",
        f"{inside}x",
    ):
        with pytest.raises(InputError) as refused:
            bundle_access.readable_folder(str(path), anywhere=False)
        said.add(str(refused.value.cause).replace(str(path), "…"))
        assert (refused.value.field, refused.value.value) == ("bundle.path", str(path))
        assert str(inside) in str(refused.value.remedy)
    assert len(said) == 1


def test_a_folder_that_is_closed_again_is_read_no_more(estate: Estate, tmp_path: Path) -> None:
    ida = a_member("ida", Role.INSTALLER)
    row = bundle_access.open_folder(str(estate.bundle.parent), by=None)
    installation = saved_answers.create_installation("lab", person=ida)
    saved_answers.save_answers(installation, estate.answers(), person=ida)
    readable = installation.findings.filter(check_name="bundle.readable").values_list("level", flat=True)
    collecting.collect_and_judge(installation.pk, "bundle")
    assert list(readable.all()) == ["pass"]
    bundle_access.close_folder(row, by=None)
    collecting.collect_and_judge(installation.pk, "bundle")
    assert list(readable.all()) == ["fail"]


def test_what_was_confirmed_and_then_exchanged_does_not_run(estate: Estate, tmp_path: Path) -> None:
    installation = proven(estate, bundle__engine="vendor", bundle__archive="", bundle__checksum="")
    run = service.start(installation)
    assert rows.frozen_plan(run).program_sha256 == examine(estate.bundle / "tmc-sm").sha256
    program = estate.bundle / "tmc-sm"
    program.write_text(f"#!/bin/sh\necho run >{tmp_path}/ran\n")
    confirm_program(program)  # so that the checks are green: it is the plan that pins the other one
    carried = carried_out(run)
    assert carried.error and carried.error["code"] == "program-not-confirmed"
    assert not (tmp_path / "ran").exists()


def test_without_a_confirmation_no_run_starts(estate: Estate) -> None:
    installation = proven(estate, bundle__engine="vendor", bundle__archive="", bundle__checksum="")
    ConfirmedProgram.objects.all().delete()
    with pytest.raises(InputError, match="No administrator has confirmed"):
        service.start(installation)


@pytest.mark.skipif(not shell.protection(), reason="the kernel has no Landlock")
def test_a_confirmed_program_does_not_reach_our_own_files(estate: Estate, tmp_path: Path) -> None:
    """Whatever it is told to do: the keyring, the database, our environment, and what others would run next."""
    own = state_folder.folder()
    tries = (
        f"cat {settings.KEYRING_FILE}",
        f"ls {own}",
        "cat /proc/$PPID/environ",
        f"echo x >{tmp_path}/ran",
        "cat /dev/mem",
    )
    script = "".join(f"if {each}; then echo reached {number}; fi\n" for number, each in enumerate(tries))
    (estate.bundle / "tmc-sm").write_text(
        f"#!/bin/sh\n{script}echo done >here && cat here\necho $HARBOR_PASSWORD\nexit 3\n"
    )
    run = carried_out(service.start(proven(estate, bundle__engine="vendor", bundle__archive="", bundle__checksum="")))
    said = list(run.events.filter(code="push.vendor-says").values_list("text", flat=True))
    assert not [line for line in said if line.startswith("reached")], said
    assert "done" in said
    assert rows.frozen_plan(run)["registry.password"] not in f"{said} {run.error}"
    assert run.events.filter(code="push.vendor-confined").exists()
    assert Path(settings.KEYRING_FILE).read_text().split()[0] not in " ".join(said)


@pytest.mark.skipif(os.uname().machine not in pdeathsig.MACHINES, reason="no filter of system calls for this machine")
def test_a_confined_program_speaks_to_no_local_socket(tmp_path: Path) -> None:
    """Our Redis is behind one, and would write files for it; so are the container engine and systemd."""
    code = (
        "import socket\nfor kind in (socket.AF_INET, socket.AF_UNIX):\n    print(kind.name, socket.socket(kind).family)"
    )
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\n{code}\n")
    program.chmod(0o755)
    confined = shell.Confined(examine(program).sha256, (state_folder.folder(),), (tmp_path,))
    outcome = shell.run(shell.Command((str(program),), confined=confined))
    assert outcome.stdout == "AF_INET 2"
    assert "Permission denied" in outcome.stderr


def test_a_link_in_the_bundle_leads_nowhere_else(estate: Estate, tmp_path: Path) -> None:
    ida = a_member("ida", Role.INSTALLER)
    inside = Path(shutil.copytree(estate.bundle, tmp_path / "open" / "bundle"))
    bundle_access.open_folder(str(tmp_path / "open"), by=None)
    installation = saved_answers.create_installation("lab", person=ida)
    saved_answers.save_answers(installation, estate.answers() | {"bundle.path": str(inside)}, person=ida)
    assert bundle_access.granted(installation).refusal is None
    shutil.rmtree(inside / "dependencies")
    (inside / "dependencies").symlink_to(estate.bundle / "dependencies")
    assert bundle_access.granted(installation).refusal is not None
