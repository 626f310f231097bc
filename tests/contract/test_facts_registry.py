"""The registry's collector and checks against the practice registry, with Harbor's manners, and what it may be instead."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.preflight.checks import registry, registry_trial
from installer_tasks.preflight.facts.trial_images import new_tag, sweep
from installer_tasks.rehearsal.bundle import SMALL, make_bundle
from installer_tasks.rehearsal.faults import Faults
from installer_tasks.rehearsal.registry import RegistryServer
from installer_tasks.systems.bundle.model import OCI_MANIFEST
from installer_tasks.systems.registry import RegistryClient
from installer_tasks.systems.registry.trial import TrialImage
from tests.contract.docker_registry import free_port
from tests.contract.looks import Look, all_of, look_at
from tests.contract.odd_servers import answering
from tests.contract.registry_client import Certificates, make_certificates

PASS, WARN, FAIL, BLOCKED = "pass", "warn", "fail", "blocked"
#: No cluster is named here: what its workers may pull, tests of trials say.
HEALTHY = all_of("registry", PASS) | {"registry.pull-on-nodes": BLOCKED}
NOT_REACHED = all_of("registry", BLOCKED) | {"registry.reachable": FAIL}
PASSWORD = "canary p@ss:word/ä"
TRIAL = "tmc/tmc-sm-installer-trial"
OF_THE_TRIAL = {check.name: BLOCKED for check in registry_trial.CHECKS}
OF_THE_PROJECT = {check.name: BLOCKED for check in registry.CHECKS if "registry.project" in check.needs}
OF_THE_USER = {name: BLOCKED for name in HEALTHY if name not in ("registry.reachable", "registry.certificate")}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def other_ca(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_certificates(tmp_path_factory.mktemp("other")).ca.read_text()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "practice", scale=SMALL)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def harbor(tmp_path: Path, certificates: Certificates, faults: Faults) -> Iterator[RegistryServer]:
    server = RegistryServer(tmp_path / "registry", certificates.certificate, certificates.key, faults=faults)
    with server as registry:
        registry.create_project("tmc")
        yield registry


class Asking:
    """Answers that are right for the practice registry, but for what a test changes."""

    def __init__(self, harbor: RegistryServer, ca: str, bundle: Path) -> None:
        self.harbor, self.ca, self.bundle = harbor, ca, bundle

    def __call__(self, user: str = "admin", **changes: str) -> Look:
        right = {
            "project": f"{self.harbor.host}/tmc",
            "username": user,
            "password": self.harbor.users[user].password,
            "ca": self.ca,
        }
        answers = {f"registry.{key}": value for key, value in (right | changes).items()}
        return look_at("registry", {**answers, "bundle.path": str(self.bundle)})


@pytest.fixture
def look(harbor: RegistryServer, certificates: Certificates, bundle: Path) -> Asking:
    return Asking(harbor, certificates.ca.read_text(), bundle)


@pytest.mark.parametrize("user", ["admin", "developer", "robot$tmc+pusher"])
def test_a_healthy_registry_raises_nothing_for_whoever_may_push(look: Asking, user: str) -> None:
    assert look(user).levels == HEALTHY


def test_the_trial_is_removed_where_the_user_may_remove_it(look: Asking, harbor: RegistryServer) -> None:
    facts = look().facts
    trial = facts["trial"]["value"]
    assert facts["removal"]["value"] == {"kept": ""}
    assert trial["repository"] == TRIAL
    assert not harbor.has(TRIAL, trial["digest"])
    assert harbor.storage.repositories() == []
    assert harbor.storage.project_bytes("tmc") == 0, "a probe has left content behind"
    assert not list(harbor.storage.staging.iterdir()), "an upload is still open"


def test_wherever_the_probe_of_tags_is_killed_the_next_look_removes_all(look: Asking, harbor: RegistryServer) -> None:
    client = RegistryClient(harbor.host, "admin", harbor.users["admin"].password, look.ca)
    for ended_after in (1, 2, 3):
        image = TrialImage(client, "tmc", new_tag())
        image.push()
        other = new_tag()
        if ended_after > 1:
            client.put_manifest(TRIAL, other, image.manifest, OCI_MANIFEST)
        if ended_after > 2:
            client.put_manifest(TRIAL, other, image.manifest + b" ", OCI_MANIFEST)
        assert sweep(client, "tmc") > 0
        assert harbor.storage.project_bytes("tmc") == 0
    client.close()


def test_a_project_with_a_path_below_it(look: Asking, harbor: RegistryServer) -> None:
    assert look(project=f"{harbor.host}/tmc/eu/one").levels == HEALTHY


def test_a_wrong_password_is_one_red_line_that_names_where(look: Asking) -> None:
    found = look(password=PASSWORD)
    assert found.levels == HEALTHY | OF_THE_USER | {"registry.credentials": FAIL}
    assert look.harbor.host in found.says("registry.credentials")
    assert "password" in str(found["registry.credentials"].remedy)


def test_an_unknown_authority(look: Asking, other_ca: str) -> None:
    for ca in ("", other_ca):
        found = look(ca=ca)
        assert found.levels == NOT_REACHED
        assert found["registry.reachable"].value == look.harbor.host
        assert "PEM" in str(found["registry.reachable"].remedy)


def test_an_authority_that_is_no_certificate(look: Asking, certificates: Certificates) -> None:
    key = certificates.key.read_text()
    secret = key.splitlines()[1]
    for ca in ("no pem", key, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"):
        found = look(ca=ca)
        assert found.levels == NOT_REACHED
        assert secret not in str(found.facts) + found.says("registry.reachable")


@pytest.mark.parametrize(
    ("project", "named"),
    [
        ("https://localhost/tmc", "https"),
        ("localhost", "localhost"),
        ("localhost/TMC", "TMC"),
        ("localhost/tmc/", "slash"),
        ("localhost:99999/tmc", "99999"),
        ("local host/tmc", "local host"),
    ],
)
def test_a_project_that_is_not_written_as_one(look: Asking, project: str, named: str) -> None:
    found = look(project=project)
    assert found.levels == NOT_REACHED
    assert named in found.says("registry.reachable")


def test_nothing_listens(look: Asking) -> None:
    host = f"localhost:{free_port()}"
    found = look(project=f"{host}/tmc")
    assert found.levels == NOT_REACHED
    assert found["registry.reachable"].value == host


def test_a_name_that_does_not_resolve(look: Asking) -> None:
    found = look(project="registry.invalid/tmc")
    assert found.levels == NOT_REACHED
    assert found["registry.reachable"].value == "registry.invalid"


def test_plain_http(look: Asking) -> None:
    with answering({"/v2/": (200, {})}, None) as server:
        host = f"localhost:{server.server_address[1]}"
        found = look(project=f"{host}/tmc")
    assert found.levels == NOT_REACHED
    assert found["registry.reachable"].value == host
    assert "TLS" in found.says("registry.reachable")


@pytest.mark.parametrize("status", [200, 404])
def test_a_web_page_is_not_a_registry(look: Asking, certificates: Certificates, status: int) -> None:
    with answering({"/v2/": (status, "<html><title>Portal</title></html>")}, _files(certificates)) as server:
        host = f"localhost:{server.server_address[1]}"
        found = look(project=f"{host}/tmc")
    assert found.levels == NOT_REACHED
    assert found["registry.reachable"].value == host
    assert "not a container registry" in found.says("registry.reachable")


def test_a_redirect_to_elsewhere_is_not_a_registry(look: Asking, certificates: Certificates) -> None:
    with answering({"/v2/": (302, "https://localhost:1/sign-in")}, _files(certificates)) as server:
        found = look(project=f"localhost:{server.server_address[1]}/tmc")
    assert found.levels == NOT_REACHED


def test_a_server_that_accepts_and_says_nothing_is_left(look: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer_tasks.preflight.facts.registry.FIRST_ANSWER", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        host = f"127.0.0.1:{mute.getsockname()[1]}"
        found = look(project=f"{host}/tmc")
    assert found.levels == NOT_REACHED
    assert found["registry.reachable"].value == host


def test_a_user_who_may_only_read(look: Asking) -> None:
    found = look("reader")
    assert found.levels == HEALTHY | OF_THE_TRIAL | {"registry.push-allowed": FAIL}
    assert TRIAL in found.says("registry.push-allowed")
    assert "push" in str(found["registry.push-allowed"].remedy)


def test_a_missing_project_is_a_warning_not_a_stop(look: Asking, harbor: RegistryServer) -> None:
    found = look(project=f"{harbor.host}/other")
    not_tried = dict.fromkeys([*OF_THE_TRIAL, "registry.pull-on-nodes"], WARN)
    assert found.levels == HEALTHY | not_tried | {"registry.project": WARN}
    assert found["registry.project"].value == "other"
    assert not harbor.has("other/tmc-sm-installer-trial", "latest")


@pytest.mark.parametrize("user", ["admin", "robot$tmc+pusher"])
def test_a_private_project(look: Asking, harbor: RegistryServer, user: str) -> None:
    harbor.create_project("hidden", public=False)
    found = look(user, project=f"{harbor.host}/hidden")
    assert found.levels == HEALTHY | OF_THE_TRIAL | OF_THE_PROJECT | {"registry.project": FAIL}
    assert found["registry.project"].value == "hidden"
    assert "public" in str(found["registry.project"].remedy)


def test_a_quota_that_is_too_small_for_the_bundle(look: Asking, harbor: RegistryServer) -> None:
    harbor.create_project("tight", storage_limit=1_000_000)
    found = look(project=f"{harbor.host}/tight")
    assert found.levels == HEALTHY | {"registry.room": FAIL}
    assert found["registry.room"].value == "0 MiB"


def test_a_quota_that_is_large_enough(look: Asking, harbor: RegistryServer) -> None:
    harbor.create_project("wide", storage_limit=10 * 1024**3)
    found = look(project=f"{harbor.host}/wide")
    assert found.levels == HEALTHY
    assert found.facts["room"]["value"]["needed"] > 0


def test_read_only_mode(look: Asking, faults: Faults) -> None:
    faults.switch("registry.read-only", on=True)
    found = look()
    assert found.levels == HEALTHY | OF_THE_TRIAL | {"registry.writable": FAIL}
    assert "Read Only" in str(found["registry.writable"].remedy)


def test_a_proxy_without_a_registry_behind_it(look: Asking, faults: Faults) -> None:
    faults.switch("registry.unavailable", on=True)
    assert look().levels == NOT_REACHED


def _files(certificates: Certificates) -> tuple[Path, Path]:
    return certificates.certificate, certificates.key


def test_a_proxy_cache_takes_nothing(look: Asking, harbor: RegistryServer) -> None:
    back = harbor.change_project("tmc", registry_id=7)
    try:
        found = look("developer")["registry.project"]
    finally:
        back()
    assert (found.level, found.value) == (FAIL, "tmc")
    assert "proxy cache" in str(found.message)
    assert "ordinary project" in str(found.remedy)
