"""`manage.py push` as a person or a script has it: by its words, its lines and its exit status."""

from __future__ import annotations

import json
import os
import pty
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.systems.registry import Reference, command
from tests.contract.docker_registry import PASSWORD, USERNAME, RunningRegistry, docker_registry
from tests.contract.meddler import HANG, Asked, Meddler, Meddling
from tests.unit.imgpkg_tar import write_release
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.docker_registry, pytest.mark.program("docker-registry")]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry"), tls=True, auth=True) as running:
        yield running


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write_release(tmp_path / "release", size=4000)


@pytest.fixture
def trust(registry: RunningRegistry, tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_text(registry.ca_pem or "")
    return tmp_path / "ca.pem"


def started(*options: str | Path, light: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
    program = ["-m", "installer_tasks.systems.registry"] if light else ["manage.py", "push"]
    return subprocess.run(
        [sys.executable, *program, *map(str, options)],
        cwd=ROOT, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_files_that_are_not_pushed_are_told(registry: RunningRegistry, release: Path, trust: Path) -> None:
    (release / "agent-images" / "later.tar").write_bytes(b"")
    one = release / "agent-images"
    for bundle in (release, one):
        options = ("--bundle", bundle, "--project", f"{registry.host}/left-out", "--username", USERNAME, "--ca", trust)
        secret = {command.PASSWORD_VARIABLE: PASSWORD}
        for_people = started(*options, "--verify", **secret)
        assert "later.tar is empty" in for_people.stderr
        first = json.loads(started(*options, "--verify", "--json", **secret).stdout.splitlines()[0])
        assert (first["event"], first["file"], first["why"]) == ("left-out", str(one / "later.tar"), "empty")


def test_push_then_verify(registry: RunningRegistry, release: Path, trust: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(PASSWORD + "\n")
    project = f"{registry.host}/both"
    options = ("--bundle", release, "--project", project, "--username", USERNAME, "--ca", trust)
    secret = ("--password-file", tmp_path / "secret")

    absent = started(*options, *secret, "--verify")
    assert absent.returncode == 1
    assert "tag both/package-repository 1.4.1 is missing" in absent.stdout

    done = started(*options, *secret, "--json", light=False, TMC_INSTALLER_STATE=str(tmp_path / "state"))
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines[:-1]] == ["progress"] * (len(lines) - 1)
    assert lines[-1]["event"] == "pushed"
    assert lines[-2]["share"] == 1.0
    written = json.loads((release / command.PUSHED_FILE).read_text())
    assert written == {"repositoryImage": f"{project}/package-repository", "version": "1.4.1"}

    proven = started(*options, "--verify", TMC_INSTALLER_REGISTRY_PASSWORD=PASSWORD)
    assert proven.returncode == 0, proven.stderr
    assert "Nothing is missing." in proven.stdout
    # As Windows has them: the certificate as DER, the password by PowerShell.
    (tmp_path / "secret").write_text(PASSWORD + "\r\n", encoding="utf-16")
    trust.write_bytes(ssl.PEM_cert_to_DER_cert(trust.read_text()))
    again = started(*options, *secret)
    assert again.returncode == 0, again.stderr
    assert "Sent 0 B" in again.stdout
    assert "100 %" in again.stderr
    assert PASSWORD not in done.stdout + done.stderr + again.stderr


def test_no_password_and_a_wrong_one(registry: RunningRegistry, release: Path, trust: Path) -> None:
    options = ("--bundle", release, "--project", f"{registry.host}/none", "--username", USERNAME, "--ca", trust)
    nobody = started(*options)
    assert nobody.returncode == 1
    assert "--password-file" in nobody.stderr
    wrong = started(*options, "--json", TMC_INSTALLER_REGISTRY_PASSWORD="wr0ng-canary")
    assert wrong.returncode == 1
    failed = json.loads(wrong.stdout.splitlines()[-1])
    assert (failed["event"], failed["code"]) == ("failed", "registry-unauthorized")
    assert "wr0ng-canary" not in wrong.stdout + wrong.stderr


def test_without_its_authority_the_registry_is_not_trusted(registry: RunningRegistry, release: Path) -> None:
    done = started("--bundle", release, "--project", f"{registry.host}/x")
    assert done.returncode == 1
    assert "signed by an unknown CA" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_interrupted(release: Path, tmp_path: Path, number: signal.Signals) -> None:
    def hang(asked: Asked) -> Meddling:
        return HANG if asked.method == "PUT" else None

    with docker_registry(tmp_path / "registry") as plain, Meddler(plain.host, hang) as meddler:
        options = ["--bundle", str(release), "--project", f"{meddler.host}/x", "--plain-http", "--json"]
        process = subprocess.Popen(
            [sys.executable, "-m", "installer_tasks.systems.registry", *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        deadline = threading.Timer(PATIENCE, process.kill)
        deadline.start()
        with process:
            assert process.stdout is not None
            for line in process.stdout:
                if json.loads(line).get("lanes"):
                    break
            process.send_signal(number)
            rest = process.stdout.read()
        deadline.cancel()
        assert process.returncode == command.INTERRUPTED
    assert json.loads(rest.splitlines()[-1])["code"] == "cancelled"


def test_a_bar_on_a_terminal(registry: RunningRegistry, release: Path, trust: Path) -> None:
    ours, theirs = pty.openpty()
    options = [
        "--bundle",
        str(release),
        "--project",
        f"{registry.host}/bar",
        "--username",
        USERNAME,
        "--ca",
        str(trust),
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "installer_tasks.systems.registry", *options],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs, text=True,
        env={**os.environ, command.PASSWORD_VARIABLE: PASSWORD},
    ) as process:  # fmt: skip
        output, _ = process.communicate(timeout=PATIENCE)
    os.close(theirs)
    drawn = os.read(ours, 65536).decode()
    os.close(ours)
    assert process.returncode == 0
    assert "\r\x1b[K[" in drawn
    assert drawn.endswith("\r\x1b[K"), "the bar is gone at the end"
    assert "Pushed images: " in output


def test_where_the_release_cannot_be_written_the_note_goes_elsewhere(release: Path, tmp_path: Path) -> None:
    from installer_tasks.systems.bundle import read_release_bundle

    bundle = read_release_bundle(release)
    target = Reference.parse("registry.example.com/tmc")
    (release / command.PUSHED_FILE).mkdir()  # in the way, also of those who may write everything
    elsewhere = tmp_path / "run"
    elsewhere.mkdir()
    assert command.write_pushed_file(bundle, target, elsewhere) == elsewhere / command.PUSHED_FILE
    assert json.loads((elsewhere / command.PUSHED_FILE).read_text())["version"] == "1.4.1"
