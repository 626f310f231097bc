"""`manage.py install`, `check`, `undo` and `rotate_keys` as a person or a pipeline has them: exit codes, words, and nothing more."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet

from installer_tasks import answer_keys
from installer_tasks.preflight import checks
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.rehearsal.kube import GVR
from tests.contract.commands_in_one import manage_all
from tests.contract.up_process import ROOT, environment
from tests.faults.whole import arrived, blobs_of, small_estate
from tests.waiting import HANGS, until

pytestmark = [pytest.mark.redis, pytest.mark.program("redis-server")]
CLEAN, FAILED, WARNED, COULD_NOT_RUN, INTERRUPTED = 0, 1, 3, 4, 130
NS, INSTALLS = "tmc-local", GVR("packaging.carvel.dev", "v1alpha1", "packageinstalls")
Done = subprocess.CompletedProcess[str]


def manage(state: Path, *words: str | Path) -> Done:
    argv = [sys.executable, str(ROOT / "manage.py"), *map(str, words), "--state", str(state)]
    done = subprocess.run(
        argv, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANGS, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def answers_file(folder: Path, estate: Estate, **changes: str) -> Path:
    """As a person would write it: secrets and certificates in files of their own; `registry__password` changes one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    document: dict[str, Any] = {}
    for key, value in (estate.answers() | {k.replace("__", "."): v for k, v in changes.items()}).items():
        beside = key in answer_keys.SECRETS or "\n" in value
        document[key] = {"file": key} if beside else value
        if beside:
            (folder / key).write_text(value)
    path = folder / "answers.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def secrets_in(text: str, folder: Path) -> list[str]:
    """Which of the secrets that lie in files beside the answers stand in the text; a kubeconfig's is its token."""
    values = {key: (folder / key).read_text() for key in answer_keys.SECRETS if (folder / key).exists()}
    assert len(values) >= 4
    token = yaml.safe_load(values.pop("cluster.kubeconfig"))["users"][0]["user"]["token"]
    return [key for key, value in {**values, "token": token}.items() if value in text]


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """On this one nothing is installed."""
    with small_estate(tmp_path_factory.mktemp("commands") / "estate") as running:
        yield running


# check


@dataclass(frozen=True)
class Checked:
    folder: Path
    clean: Done
    failed_json: Done
    failed: Done

    def secrets_told(self) -> list[str]:
        told = (self.clean, self.failed_json, self.failed)
        return secrets_in("".join(done.stdout + done.stderr for done in told), self.folder / "wrong")


@pytest.fixture(scope="module")
def checked(estate: Estate, tmp_path_factory: pytest.TempPathFactory) -> Checked:
    """Good answers, then twice a wrong password, in one process."""
    folder = tmp_path_factory.mktemp("checked")
    right = answers_file(folder / "right", estate)
    wrong = answers_file(folder / "wrong", estate, registry__password="canary-wrong")
    lines = (("check", "--answers", right), ("check", "--json", "--answers", wrong), ("check", "--answers", wrong))
    done = manage_all(folder / "state", *lines)
    assert not [one.stderr for one in done if "Traceback" in one.stdout + one.stderr]
    return Checked(folder, *done)


def test_check_of_good_answers_is_clean_and_keeps_nothing(checked: Checked) -> None:
    done = checked.clean
    assert done.returncode == CLEAN, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "check: clean"
    assert [line.split()[0] for line in done.stdout.splitlines()[:-1]] == list(answer_keys.STEPS)
    assert not (checked.folder / "state" / "installer.sqlite3").exists()


def test_check_as_json_has_every_check_and_no_secret(checked: Checked) -> None:
    done = checked.failed_json
    assert done.returncode == FAILED, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["outcome"] == "failed"
    assert {found["name"] for found in told["findings"]} == {check.name for check in checks.applying({})}
    red = next(found for found in told["findings"] if found["name"] == "registry.credentials")
    assert red["level"] == "fail" and red["message"] and red["remedy"] and red["owner"]
    assert checked.secrets_told() == []


def test_check_says_in_sentences_what_is_wrong(checked: Checked) -> None:
    done = checked.failed
    assert done.returncode == FAILED
    assert "fail: registry.credentials: " in done.stdout
    assert done.stdout.splitlines()[-1] == "check: failed"
    assert checked.secrets_told() == []


def test_check_of_an_installation_that_is_not_there_could_not_run(tmp_path: Path) -> None:
    done = manage(tmp_path / "state", "check", "--installation", "7")
    assert done.returncode == COULD_NOT_RUN
    assert "Installation 7 does not exist." in done.stderr


BAD_FILES = {
    "an unknown key": (
        "registry.pasword: x\n",
        ["registry.pasword", "is not the name of an answer", "registry.password"],
    ),
    "an open secret": (
        "registry.password: canary-open\n",
        ["registry.password", "contains the secret", "{file: path}"],
    ),
    "a file that is not there": (
        "registry.password: {file: gone}\n",
        ["registry.password", "gone", "Cannot read the file"],
    ),
    "a list": ("dns.zone: [a, b]\n", ["dns.zone", "neither a text nor", "Enter a text"]),
    "no YAML": ("dns.zone: 'canary-open\n", ["answers.yaml:", "is not valid YAML", "key: value"]),
    "no answers": ("just words\n", ["answers.yaml", "contains no answers"]),
    "an answer that is missing": ("dns.zone: tmc.example.com\n", ["bundle.path"]),
}


OF_BAD_FILES = (*(("check", name) for name in BAD_FILES), ("install", "an open secret"))


@pytest.fixture(scope="module")
def told_of_bad_files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Done]:
    folder = tmp_path_factory.mktemp("bad")
    for name, (content, _words) in BAD_FILES.items():
        (folder / name).mkdir()
        (folder / name / "answers.yaml").write_text(content)
    lines = [(command, "--answers", folder / name / "answers.yaml") for command, name in OF_BAD_FILES]
    return dict(zip(OF_BAD_FILES, manage_all(folder / "state", *lines), strict=True))


@pytest.mark.parametrize(("command", "name"), OF_BAD_FILES)
def test_a_bad_answers_file_is_explained(
    command: str, name: str, told_of_bad_files: dict[tuple[str, str], Done]
) -> None:
    done, words = told_of_bad_files[command, name], BAD_FILES[name][1]
    assert done.returncode == COULD_NOT_RUN, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert done.stderr.startswith(f"CommandError: {command}: ") or done.stderr.startswith(f"{command}: ")
    assert [word for word in words if word not in done.stderr] == [], done.stderr
    assert "canary-open" not in done.stdout + done.stderr


def test_install_names_the_answer_that_its_form_refuses(estate: Estate, tmp_path: Path) -> None:
    path = answers_file(tmp_path / "a", estate, services__load_balancer_ip="not-an-address")
    done = manage(tmp_path / "state", "install", "--answers", path)
    assert done.returncode == COULD_NOT_RUN
    for words in ("services.load_balancer_ip", "not-an-address", "This is not an IP address.", "such as 10.0.0.20"):
        assert words in done.stderr, done.stderr


def test_install_without_anything_to_install_says_what_it_needs(tmp_path: Path) -> None:
    done = manage(tmp_path / "state", "install")
    assert done.returncode == COULD_NOT_RUN
    assert "--answers" in done.stderr and "--installation" in done.stderr


# status


def test_status_without_an_installation_says_so(tmp_path: Path) -> None:
    done = manage(tmp_path / "state", "status")
    assert (done.returncode, done.stdout) == (0, "There are no installations yet.\n")
    missing = manage(tmp_path / "state", "status", "--installation", "7")
    assert missing.returncode == COULD_NOT_RUN and "Installation 7 does not exist." in missing.stderr


# install, then what needs one that was carried out


@dataclass(frozen=True)
class Installed:
    """What is left of two calls: one with a wrong password, one with the right one."""

    estate: Estate
    folder: Path
    refused: Done
    done: Done

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def keyring(self) -> Path:
        return self.state / "keyring"

    def sealed(self) -> list[tuple[str, str]]:
        with sqlite3.connect(self.state / "installer.sqlite3") as rows:
            found = rows.execute("SELECT name, sealed_data_key FROM installer_tasks_workspace").fetchall()
        rows.close()
        return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("installed")
    with small_estate(folder / "estate") as estate:
        wrong = answers_file(folder / "wrong", estate, registry__password="canary-wrong")
        right = answers_file(folder / "right", estate)
        refused = manage(folder / "state", "install", "--answers", wrong)
        done = manage(folder / "state", "install", "--installation", "1", "--answers", right)
        yield Installed(estate, folder, refused, done)


def test_install_with_a_wrong_password_installs_nothing_and_says_how_to_go_on(installed: Installed) -> None:
    refused = installed.refused
    assert refused.returncode == FAILED, refused.stdout + refused.stderr
    assert "install: failed: nothing was installed" in refused.stdout
    assert "registry.credentials" in refused.stdout
    assert "manage.py install --installation 1" in refused.stdout
    assert secrets_in(refused.stdout + refused.stderr, installed.folder / "wrong") == []


def test_install_goes_on_with_the_mended_answer_and_succeeds(installed: Installed) -> None:
    done = installed.done
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("install: succeeded in ") and f"https://{installed.estate.zone}" in last
    assert set(installed.estate.edge.published) == set(installed.estate.release.public_names(installed.estate.zone))
    assert arrived(installed.estate) == dict.fromkeys(blobs_of(installed.estate), 1)
    assert secrets_in(done.stdout + done.stderr, installed.folder / "right") == []
    assert "/sign-in/" not in done.stdout, "a link to sign in must not stay in a pipeline's log"


def test_install_again_sends_nothing_again(installed: Installed) -> None:
    again = manage(installed.state, "install", "--installation", "1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert arrived(installed.estate) == dict.fromkeys(blobs_of(installed.estate), 1)


def test_check_warns_of_what_is_installed_already(installed: Installed) -> None:
    done = manage(installed.state, "check", "--installation", "1", "--json")
    assert done.returncode == WARNED, done.stdout + done.stderr
    told = json.loads(done.stdout)
    warned = {found["name"] for found in told["findings"] if found["level"] == "warn"}
    assert told["outcome"] == "warnings"
    assert "cluster.leftovers" in warned
    assert {found["level"] for found in told["findings"]} == {"pass", "warn"}


# undo and rotate_keys


@contextmanager
def held(estate: Estate) -> Iterator[None]:
    """Somebody else's finalizer keeps the package from going."""
    place = (INSTALLS, NS, "tanzu-mission-control")
    found = estate.store.get(*place)
    assert found is not None
    finalizers = [*found["metadata"]["finalizers"], "example.com/hold"]
    estate.store.update(INSTALLS, {**found, "metadata": {**found["metadata"], "finalizers": finalizers}})
    try:
        yield
    finally:
        left = until(lambda: (now := estate.store.get(*place)) and len(now["metadata"]["finalizers"]) == 1 and now)
        estate.store.update(INSTALLS, {**left, "metadata": {**left["metadata"], "finalizers": []}})


def interrupted(installed: Installed, *words: str) -> int:
    """The code of a command that is ended while it waits for the package."""
    argv = [sys.executable, str(ROOT / "manage.py"), *words, installed.estate.zone, "--state", str(installed.state)]
    with subprocess.Popen(
        argv, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            until(
                lambda: (installed.estate.store.get(INSTALLS, NS, "tanzu-mission-control") or {"metadata": {}})[
                    "metadata"
                ].get("deletionTimestamp")
            )
            until(lambda: installed.estate.store.get(INSTALLS, NS, "kafka") is None)
        finally:
            running.terminate()
        return running.wait(HANGS)


def test_after_a_rotation_the_sealed_answers_open_still(installed: Installed) -> None:
    before, keys = installed.sealed(), installed.keyring.read_text().split()
    done = manage(installed.state, "rotate_keys")
    assert done.returncode == 0, done.stderr
    after = installed.keyring.read_text().split()
    assert after[1:] == keys and after[0] not in keys
    assert installed.keyring.stat().st_mode & 0o777 == 0o600
    assert [name for name, _ in installed.sealed()] == [name for name, _ in before]
    for _name, sealed in installed.sealed():
        Fernet(after[0]).decrypt(sealed)
    assert not [key for key in after if key in done.stdout + done.stderr]
    looked = manage(installed.state, "check", "--installation", "1", "--json")
    assert looked.returncode == WARNED, "the registry's password and the kubeconfig were opened and are right"


@pytest.mark.parametrize("keyring", ["another", "none"])
def test_with_a_wrong_keyring_a_rotation_changes_nothing(installed: Installed, keyring: str) -> None:
    right, sealed = installed.keyring.read_bytes(), installed.sealed()
    installed.keyring.unlink()
    wrong = Fernet.generate_key() + b"\n" if keyring == "another" else None
    if wrong:
        installed.keyring.touch(mode=0o600)
        installed.keyring.write_bytes(wrong)
    try:
        done = manage(installed.state, "rotate_keys")
        left = installed.keyring.read_bytes() if installed.keyring.exists() else None
    finally:
        installed.keyring.touch(mode=0o600)
        installed.keyring.write_bytes(right)
    assert done.returncode != 0
    assert "nothing was changed" in done.stderr
    assert "Restore the keyring file that belongs to this database." in done.stderr
    assert installed.sealed() == sealed
    assert left == wrong, "a keyring was made up"


def test_undo_wants_the_zone_named_and_then_removes_everything(installed: Installed) -> None:
    """The last test here: the others look at what is installed. It is interrupted, told by `status` and picked up."""
    undo = (installed.state, "undo", "--installation", "1", "--volumes", "--zone")
    refused = manage(*undo, "other.example.com")
    assert refused.returncode == COULD_NOT_RUN, refused.stdout + refused.stderr
    assert "other.example.com is not the DNS zone of" in refused.stderr
    assert installed.estate.edge.published
    with held(installed.estate):
        assert interrupted(installed, *undo[1:]) == INTERRUPTED
        told = json.loads(manage(installed.state, "status", "--json").stdout)
        (one,) = told
        assert (one["run"]["kind"], one["run"]["state"], one["run"]["stage"]) == (
            "undo-all",
            "running",
            "undo-package-install",
        )
        words = manage(installed.state, "status", "--installation", "1").stdout
        assert "attempt 3: removing" in words and "Remove the packages" in words
        assert "To continue: manage.py undo --installation 1 --zone ZONE --volumes" in words
        busy = manage(installed.state, "install", "--installation", "1")
        assert busy.returncode == COULD_NOT_RUN and "already in progress" in busy.stderr
    done = manage(*undo, installed.estate.zone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is already removing installation 1" in done.stdout
    assert manage(installed.state, "status").stdout.startswith("1  ")
    assert done.stdout.splitlines()[-1] == "undo: succeeded: installation 1 is removed from the cluster"
    assert installed.estate.edge.published == ()
    again = manage(*undo, installed.estate.zone)
    assert again.returncode == COULD_NOT_RUN
    assert "has nothing to remove from the cluster" in again.stderr
