"""The estate after a whole installation, as tools that are not ours see it: kubectl, skopeo, dig, curl, idpyoidc."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import yaml
from idpyoidc.client.rp_handler import RPHandler
from pytest_django import DjangoDbBlocker

from installer_tasks.models import RunState
from installer_tasks.rehearsal.estate import PROJECT, Estate
from installer_tasks.runs import service
from installer_tasks.systems.bundle import read_release_bundle
from tests.contract.kube_cluster import configmap
from tests.contract.registry_client import Client
from tests.contract.test_practice_identity import SCOPES, sign_in
from tests.engine import conftest as database_in_a_file  # noqa: F401
from tests.faults.whole import carried_out, proven, small_estate
from tests.waiting import PATIENCE, joined, until

pytestmark = pytest.mark.django_db(transaction=True)  # what the run left in the database is gone after the first test
RECONCILED = "Reconcile succeeded"


@dataclass(frozen=True)
class Installed:
    """The estate, and the files with which its customer's own people would reach it."""

    estate: Estate
    folder: Path

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        done = told("kubectl", "--kubeconfig", self.kubeconfig, *arguments, stdin=stdin, home=self.folder)
        assert done.stderr == ""
        return done.stdout

    def skopeo(self, command: str, *arguments: str) -> str:
        return told("skopeo", command, *arguments, "--authfile", str(self.folder / "auth.json")).stdout

    @property
    def kubeconfig(self) -> str:
        return str(self.folder / "kubeconfig")

    @property
    def trust(self) -> str:
        return str(self.folder / "trust")

    @property
    def public_names(self) -> tuple[str, ...]:
        names = self.estate.release.public_names(self.estate.zone)
        assert len(names) >= 10
        return names

    def authority_of(self, host: str) -> str:
        """The file with the CA that must have signed this name: some releases sign a few with one of their own."""
        certificate = self.estate.release.certificate_of(host)
        if certificate is None or not certificate.internal:
            return str(self.estate.ca.ca_file)
        named = ("-n", self.estate.release.namespace, certificate.secret, "-o", "json")
        secret = json.loads(self.kubectl("get", "secret", *named))
        file = self.folder / f"{certificate.secret}.crt"
        file.write_bytes(base64.b64decode(secret["data"]["ca.crt"]))
        return str(file)


def told(*command: str, stdin: str = "", home: Path | None = None) -> subprocess.CompletedProcess[str]:
    """What a tool says; it must succeed. kubectl keeps a cache in its home."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home or os.environ.get("HOME", "/"))}
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False, env=environment
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}{done.stdout}"
    return done


@pytest.fixture(scope="module")
def installed(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("tools")
    with small_estate(folder / "estate") as estate:
        with django_db_blocker.unblock():
            run = carried_out(service.start(proven(estate)))
            assert (run.state, run.error) == (RunState.SUCCEEDED, None)
        write_files(estate, folder)
        yield Installed(estate, folder)


def write_files(estate: Estate, folder: Path) -> None:
    (folder / "kubeconfig").write_text(estate.kubeconfig())
    (folder / "trust").mkdir()
    (folder / "trust" / "ca.crt").write_text(estate.ca.ca_pem)
    robot = estate.registry.users[f"robot${PROJECT}+pusher"]
    auth = base64.b64encode(f"{robot.name}:{robot.password}".encode()).decode()
    (folder / "auth.json").write_text(json.dumps({"auths": {estate.registry.host: {"auth": auth}}}))


# kubectl


@pytest.mark.program("kubectl")
def test_kubectl_lists_what_the_customer_has_and_what_was_installed(installed: Installed) -> None:
    rows = [line.split(maxsplit=2) for line in installed.kubectl("get", "nodes,sc", "--no-headers").splitlines()]
    found = {row[0]: row[1] for row in rows if row}
    assert [name for name, state in found.items() if name.startswith("node/") and state != "Ready"] == []
    assert sum(name.startswith("node/") for name in found) == 4
    assert found["storageclass.storage.k8s.io/practice-storage"] == "(default)"
    lines = installed.kubectl("get", "pkgr,pkgi", "-A", "--no-headers").splitlines()
    carvel = {row.split()[1].rpartition("/")[2]: row for row in lines if row}
    assert {"tanzu-mission-control-packages", "tanzu-mission-control", "tmc-local-stack", "contour"} <= set(carvel)
    assert len(carvel) >= 15
    assert [name for name, row in carvel.items() if RECONCILED not in row] == []


@pytest.mark.program("kubectl")
def test_kubectl_applies_the_same_twice_and_then_a_change(installed: Installed) -> None:
    def apply(**data: str) -> str:
        return installed.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(configmap("tools", "default", **data)))

    assert apply(a="1") == "configmap/tools created\n"
    assert apply(a="1") == "configmap/tools unchanged\n"
    assert apply(a="2") == "configmap/tools configured\n"
    kept = json.loads(installed.kubectl("get", "cm", "tools", "-o", "json"))
    assert kept["data"] == {"a": "2"}
    assert installed.kubectl("delete", "cm", "tools") == 'configmap "tools" deleted\n'


@pytest.mark.program("kubectl")
def test_kubectl_watches_changes_that_another_kubectl_makes(installed: Installed) -> None:
    def apply(name: str, **data: str) -> None:
        installed.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(configmap(name, "default", **data)))

    apply("before")
    argv = ["kubectl", "--kubeconfig", installed.kubeconfig, "get", "cm", "--watch", "-o", "name"]
    watching = subprocess.Popen(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(watching.stdout or ()), daemon=True)
    reader.start()
    try:
        until(lambda: "configmap/before\n" in lines)
        apply("after", a="1")
        until(lambda: lines.count("configmap/after\n") == 1)
        apply("after", a="2")
        until(lambda: lines.count("configmap/after\n") == 2)
    finally:
        watching.terminate()
        watching.wait(PATIENCE)
        joined(reader)
        assert watching.stdout is not None
        watching.stdout.close()


@pytest.mark.program("kubectl")
def test_kubectl_reads_the_logs_of_the_release(installed: Installed) -> None:
    namespace = installed.estate.release.namespace
    pods = installed.kubectl("get", "pods", "-n", namespace, "-o", "name").split()
    assert len(pods) > 20
    for pod in pods[::4]:
        logged = installed.kubectl("logs", "-n", namespace, pod, "--all-containers")
        assert logged.strip(), f"{pod} has said nothing"


# skopeo


def pushed(estate: Estate) -> list[tuple[str, str]]:
    """Repository and tag of everything in the registry, as its catalogue says; trials of the checks are not ours."""
    with Client(estate.registry.port, estate.ca.ca_file, estate.registry.users["admin"]) as admin:
        found: list[tuple[str, str]] = []
        for repository in admin("GET", "/v2/_catalog").json()["repositories"]:
            if not repository.endswith("installer-trial"):
                found += [(repository, tag) for tag in admin("GET", f"/v2/{repository}/tags/list").json()["tags"]]
    return found


@pytest.mark.program("skopeo")
def test_skopeo_inspects_everything_that_was_pushed(installed: Installed) -> None:
    host = installed.estate.registry.host

    def inspect(place: tuple[str, str]) -> tuple[str, str, str]:
        image = f"docker://{host}/{place[0]}:{place[1]}"
        shown = installed.skopeo("inspect", "--no-tags", image, "--cert-dir", installed.trust)
        raw = installed.skopeo("inspect", "--raw", image, "--cert-dir", installed.trust)
        return place[1], json.loads(shown)["Digest"], f"sha256:{sha256(raw.encode()).hexdigest()}"

    places = pushed(installed.estate)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(inspect, places))
    assert [row for row in found if row[1] != row[2]] == []
    # imgpkg's tags say themselves what they must lead to.
    named = {tag: digest for tag, digest, _ in found if tag.startswith("sha256-") and ".image-locations" not in tag}
    assert {tag: f"sha256-{digest.partition(':')[2]}.imgpkg" for tag, digest in named.items()} == {t: t for t in named}
    archives = read_release_bundle(installed.estate.bundle).archives
    assert {image.digest for archive in archives for image in archive.images} <= {digest for _, digest, _ in found}


@pytest.mark.program("skopeo")
def test_skopeo_copies_an_image_out_and_back(installed: Installed, tmp_path: Path) -> None:
    registry = f"docker://{installed.estate.registry.host}"
    repository, tag = next(place for place in pushed(installed.estate) if not place[1].startswith("sha256-"))
    image, other, layout = f"{registry}/{repository}:{tag}", f"{registry}/{PROJECT}/copied:back", f"oci:{tmp_path}:it"
    keep = ("--all", "--preserve-digests")
    installed.skopeo("copy", *keep, image, layout, "--src-cert-dir", installed.trust)
    installed.skopeo("copy", *keep, layout, other, "--dest-cert-dir", installed.trust)
    digests = [
        json.loads(installed.skopeo("inspect", "--no-tags", each, "--cert-dir", installed.trust))["Digest"]
        for each in (image, other)
    ]
    assert digests[0] == digests[1]


# dig and curl


@pytest.mark.program("dig")
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_dig_leads_every_public_name_to_the_load_balancer(installed: Installed, transport: str) -> None:
    address, _, port = installed.estate.dns.address.partition(":")
    for name in installed.public_names:
        said = told("dig", f"@{address}", "-p", port, transport, "+short", "+time=5", "+tries=2", name, "A").stdout
        assert said.split() == [installed.estate.edge.address], name


@pytest.mark.program("curl")
@pytest.mark.program("kubectl")
def test_curl_is_answered_on_every_public_name(installed: Installed) -> None:
    edge = installed.estate.edge
    for host, name in zip(installed.estate.release.hosts, installed.public_names, strict=True):
        ca = installed.authority_of(host)
        url = edge.origin(name)
        resolve = ("--resolve", f"{name}:{edge.port}:{edge.address}", "--noproxy", "*")
        said = told("curl", "-sS", "-o", os.devnull, "-w", "%{http_code}", "--cacert", ca, *resolve, url)
        assert 200 <= int(said.stdout) < 400, f"{name}: {said.stdout}"


@pytest.mark.program("curl")
def test_curl_does_not_trust_the_names_without_the_practice_authority(installed: Installed) -> None:
    edge, name = installed.estate.edge, installed.estate.zone
    argv = ["curl", "-sS", "--noproxy", "*", "--resolve", f"{name}:{edge.port}:{edge.address}", edge.origin(name)]
    refused = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert refused.returncode == 60, refused.stderr


# OpenID Connect


def test_a_foreign_client_signs_in_on_the_issuer(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    estate = installed.estate
    callback = estate.release.redirect_uri(estate.zone)
    monkeypatch.chdir(tmp_path)  # it keeps its keys below the working folder
    client = relying_party(estate, callback)
    url = client.begin("practice")
    assert "code_challenge_method=S256" in url
    response = sign_in(url, estate.ca, "ada", estate.passwords.people["ada"])
    assert response.headers["location"].startswith(f"{callback}?")
    outcome = client.finalize(estate.identity.issuer, dict(parse_qsl(urlsplit(response.headers["location"]).query)))
    assert outcome["id_token"]["iss"] == estate.identity.issuer
    assert outcome["id_token"]["groups"] == outcome["userinfo"]["groups"] == ["tmc:admin"]


def relying_party(estate: Estate, callback: str) -> RPHandler:
    oidc = "idpyoidc.client.oidc"
    config = {
        "client_type": "oidc",
        "issuer": estate.identity.issuer,
        "client_id": "tmc",
        "client_secret": estate.passwords.client_secret,
        "redirect_uris": [callback],
        "response_types_supported": ["code"],
        "scopes_supported": SCOPES,
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "client_authn_methods": ["client_secret_basic", "bearer_header"],
        "services": {
            "discovery": {"class": f"{oidc}.provider_info_discovery.ProviderInfoDiscovery"},
            "authorization": {"class": f"{oidc}.authorization.Authorization"},
            "accesstoken": {"class": f"{oidc}.access_token.AccessToken"},
            "userinfo": {"class": f"{oidc}.userinfo.UserInfo"},
        },
        "add_ons": {
            "pkce": {
                "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
                "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
            }
        },
    }

    def verified(method: str, url: str, **more: Any) -> requests.Response:
        """The library itself does not verify the keys' address where it is localhost."""
        return requests.request(method, url, **{"timeout": 10, **more, "verify": str(estate.ca.ca_file)})

    return RPHandler(
        base_url=f"https://{urlsplit(callback).netloc}", client_configs={"practice": config}, httpc=verified
    )
