"""The vendor's program as the push engine: the practice stand-in and programs that misbehave, into Debian's registry."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from installer_tasks.errors import Cancelled, InstallerError
from installer_tasks.local import shell
from installer_tasks.rehearsal.bundle import SMALL, make_bundle
from installer_tasks.systems.bundle import read_release_bundle
from installer_tasks.systems.registry import Reference, push, vendor, verify
from installer_tasks.systems.registry.progress import PushProgress
from installer_tasks.systems.registry.vendor import VendorPush, push_by_vendor
from tests.contract.docker_registry import PASSWORD, USERNAME, RunningRegistry, docker_registry

pytestmark = [pytest.mark.docker_registry, pytest.mark.program("docker-registry")]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry"), tls=True, auth=True) as running:
        yield running


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "practice", scale=SMALL)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A bundle of the test's own, whose program it may replace."""
    return Path(shutil.copytree(made, tmp_path / "bundle"))


@dataclass
class Carried:
    """What a push told."""

    lines: list[str] = field(default_factory=list)
    looks: list[PushProgress] = field(default_factory=list)
    error: InstallerError | None = None

    @property
    def said(self) -> str:
        assert self.error is not None
        return f"{self.error.cause} {self.error.remedy}"


def carried_out(folder: Path, registry: RunningRegistry, project: str, **changes: str) -> Carried:
    given = {"username": USERNAME, "password": PASSWORD, "ca": registry.ca_pem or "", **changes}
    asked = VendorPush(
        read_release_bundle(folder),
        Reference.parse(f"{registry.host}/{project}"),
        **given,
        folder=folder.parent,
        sha256=sha256_of(folder),
    )
    told = Carried()
    with closing(registry.client()) as client:
        try:
            push_by_vendor(
                asked, client, on_line=told.lines.append, on_progress=told.looks.append, cancelled=lambda: False
            )
        except InstallerError as error:
            told.error = error
    return told


def sha256_of(folder: Path) -> str:
    """As an administrator would confirm it: of what lies there now."""
    program = folder / "tmc-sm"
    return hashlib.sha256(program.read_bytes()).hexdigest() if program.exists() else ""


def replace(folder: Path, script: str) -> None:
    (folder / "tmc-sm").write_text(f"#!/bin/sh\n{script}\n")


def test_everything_arrives_and_is_proven(registry: RunningRegistry, folder: Path) -> None:
    told = carried_out(folder, registry, "whole")
    assert told.error is None
    bundle = read_release_bundle(folder)
    with closing(registry.client()) as client:
        assert verify(bundle, Reference.parse(f"{registry.host}/whole"), client).is_complete
    assert (
        "Image Staging Complete. Next Steps:" in told.lines
    )  # where among the lines of the other stream, nobody knows
    first, last = told.looks[0], told.looks[-1]
    assert (first.images_done, first.sent, first.share) == (0, 0, 0.0)
    assert (last.images_done, last.images_total) == (bundle.image_count, bundle.image_count)
    assert (last.sent, last.share, last.stalled) == (last.total_bytes, 1.0, None)


def test_what_was_there_is_not_counted_as_sent(registry: RunningRegistry, folder: Path) -> None:
    bundle = read_release_bundle(folder)
    with closing(registry.client()) as client:
        push(bundle, Reference.parse(f"{registry.host}/again"), client)
    last = carried_out(folder, registry, "again").looks[-1]
    assert (last.sent, last.present) == (0, last.total_bytes)


def test_its_secret_is_in_no_command_line_and_nothing_else_in_its_environment(
    registry: RunningRegistry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMC_INSTALLER_OTHER", "not for it")
    replace(folder, 'tr "\\0" " " </proc/$$/cmdline; echo; env | sort')
    told = carried_out(folder, registry, "seen")
    argv, *environment = told.lines
    assert argv.strip().endswith(f" push-images harbor --project {registry.host}/seen")
    assert PASSWORD not in argv
    assert f"HARBOR_PASSWORD={PASSWORD}" in environment
    needed = {"HARBOR_USERNAME", "HARBOR_PASSWORD", "SSL_CERT_FILE", "HOME", "TMPDIR", *shell.BASIC_ENVIRONMENT}
    assert {line.partition("=")[0] for line in environment} <= needed | {*vendor.PROXIES, "PWD", "_", "SHLVL"}
    assert f"HOME={folder.parent / 'vendor'}" in environment


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "wrong"}, "rejected the account"),
        ({"ca": ""}, "does not trust the registry's certificate"),
    ],
)
def test_what_the_registry_refuses_is_named(
    registry: RunningRegistry, folder: Path, changes: dict[str, str], said: str
) -> None:
    told = carried_out(folder, registry, "refused", **changes)
    assert said in told.said
    assert told.error is not None and told.error.value == "tmc-sm"
    assert "resume" in str(told.error.remedy)


def test_the_words_of_go_are_understood(registry: RunningRegistry, folder: Path) -> None:
    """As Go's TLS says it, in the line of a log (go.dev/src/crypto/x509/verify.go)."""
    said = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    replace(folder, f'echo "Error: {said}" >&2; exit 1')
    assert "does not trust the registry's certificate" in carried_out(folder, registry, "go").said


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('echo "Error: required flag(s) \\"username\\" not set" >&2; exit 1', "takes other options"),
        ('echo "no space left on device" >&2; exit 3', "exited with code 3: no space left on device"),
        ("exit 0", "reports success, but"),
        ("kill -9 $$", "exited with code -9"),
    ],
)
def test_what_it_does_wrong_is_said_with_another_way(
    registry: RunningRegistry, folder: Path, script: str, said: str
) -> None:
    replace(folder, script)
    told = carried_out(folder, registry, "wrong")
    assert said in told.said
    assert "Choose this installer as the push engine" in told.said


def test_a_program_that_cannot_be_started_or_is_not_there(registry: RunningRegistry, folder: Path) -> None:
    (folder / "tmc-sm").write_text("#!/nowhere/interpreter\n")
    assert "cannot be started: No such file or directory" in carried_out(folder, registry, "none").said
    (folder / "tmc-sm").unlink()
    told = carried_out(folder, registry, "none")
    assert "no program from the vendor" in told.said
    assert told.error is not None and told.error.field == "bundle.engine"


def test_it_ends_when_a_person_stops_the_run(
    registry: RunningRegistry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vendor, "POLL_SECONDS", 0.0)
    replace(folder, "echo begun; exec sleep 600")
    asked = VendorPush(
        read_release_bundle(folder),
        Reference.parse(f"{registry.host}/stop"),
        USERNAME,
        PASSWORD,
        "",
        folder.parent,
        sha256_of(folder),
    )
    lines: list[str] = []
    with closing(registry.client()) as client, pytest.raises(Cancelled):
        push_by_vendor(
            asked, client, on_line=lines.append, on_progress=lambda _look: None, cancelled=lambda: "begun" in lines
        )


def test_it_is_never_shown(registry: RunningRegistry, folder: Path) -> None:
    asked = VendorPush(
        read_release_bundle(folder), Reference.parse(f"{registry.host}/x"), USERNAME, PASSWORD, "", folder, "0" * 64
    )
    assert PASSWORD not in f"{asked!r} {asked.command()!r}"
