"""The stages of a real run against practice systems; the cluster alone is in memory here."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installer_tasks import releases, stages
from installer_tasks.bundle import read_release_bundle
from installer_tasks.cluster import carvel
from installer_tasks.errors import Conflict, InputError, InstallerError, Missing, Stalled, SystemFailure
from installer_tasks.plan import Plan
from installer_tasks.registry import RegistryClient
from installer_tasks.rehearsal.bundle import SMALL, make_bundle
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.dns import DnsServer
from installer_tasks.rehearsal.edge import Edge, tmc_routes
from installer_tasks.rehearsal.identity import Client, IdentityServer
from installer_tasks.rehearsal.registry import RegistryServer, User, practice_users
from installer_tasks.stages import acceptance, certificate_issuer, package_repository, packages_and_pods
from installer_tasks.stages.base import Context, Stage
from tests.answers import ANSWERS
from tests.engine.heard import Heard
from tests.engine.memory_cluster import MemoryCluster, install, pod, practice_cluster, reconciled

RELEASE = releases.get("1.4.1")
ZONE = "tmc.example.com"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tmc", scale=SMALL)


@pytest.fixture(scope="module")
def files(ca: PracticeCA, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return ca.issue_files(tmp_path_factory.mktemp("tls"), "server", ["localhost", "127.0.0.1"])


@pytest.fixture
def admin() -> User:
    return next(user for user in practice_users() if user.role == "admin")


@pytest.fixture
def registry(tmp_path: Path, files: tuple[Path, Path], admin: User) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path / "registry", *files, users=[admin]) as server:
        yield server


@pytest.fixture
def idp(files: tuple[Path, Path]) -> Iterator[IdentityServer]:
    client = Client("tmc", ANSWERS["identity.client_secret"], [RELEASE.redirect_uri(ZONE)])
    with IdentityServer(*files, clients=[client], users=()) as server:
        yield server


@pytest.fixture
def edge(ca: PracticeCA, idp: IdentityServer) -> Iterator[Edge]:
    """Every public name answers."""
    with Edge(port=0) as edge:
        routes = tmc_routes(edge, ZONE, authorize_url=idp.authorization_endpoint, client_id="tmc")
        for name in RELEASE.public_names(ZONE):
            issued = ca.issue([name])
            edge.publish(name, issued.chain_pem, issued.key_pem, routes.get(name))
        yield edge


@pytest.fixture
def dns(edge: Edge) -> Iterator[DnsServer]:
    with DnsServer(ZONE) as server:
        for name in RELEASE.public_names(ZONE):
            server.set(name, edge.address)
        yield server


@pytest.fixture
def plan(
    ca: PracticeCA, bundle: Path, registry: RegistryServer, admin: User, idp: IdentityServer, dns: DnsServer
) -> Plan:
    answers = {
        **ANSWERS,
        "bundle.path": str(bundle),
        "registry.project": f"{registry.host}/tmc",
        "registry.username": admin.name,
        "registry.password": admin.password,
        "registry.ca": ca.ca_pem,
        "certificates.ca": ca.ca_pem,
        "identity.issuer_url": idp.issuer,
        "identity.ca": ca.ca_pem,
        "dns.server": dns.address,
    }
    return Plan.from_answers(answers)


@pytest.fixture
def cluster(ca: PracticeCA, plan: Plan, edge: Edge) -> MemoryCluster:
    return practice_cluster(RELEASE, ca, plan.project, (edge.address, edge.port))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def context(plan: Plan, heard: Heard, cluster: MemoryCluster, tmp_path: Path) -> Iterator[Context]:
    folder = tmp_path / "17"
    folder.mkdir()
    context = Context(plan, heard, lambda: False, folder, {"cluster": cluster})
    yield context
    if isinstance(client := context.cache.get("registry"), RegistryClient):
        client.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages_and_pods, "INTERVAL", 0.01)
    monkeypatch.setattr(acceptance, "INTERVAL", 0.01)
    monkeypatch.setattr(acceptance, "DEADLINE", 0.05)


def of(slug: str) -> Stage:
    return next(stage for stage in stages.STAGES if stage.slug == slug)


def up_to(slug: str, context: Context) -> None:
    for stage in stages.STAGES:
        if stage.slug == slug:
            return
        if not stage.is_done(context):
            stage.run(context)


def test_the_whole_way_and_once_more(context: Context, heard: Heard, cluster: MemoryCluster, plan: Plan) -> None:
    for stage in stages.STAGES:
        assert not stage.is_done(context), stage.slug
        stage.run(context)
    findings = heard.figures[-1]["findings"]
    assert {finding["level"] for finding in findings} == {"pass"}, findings
    assert len(findings) == 4 + 2 * len(RELEASE.hosts) + 3
    before = list(cluster.writes)
    done = [stage.slug for stage in stages.STAGES if stage.is_done(context)]
    assert done == [stage.slug for stage in stages.STAGES if stage.slug != "acceptance"]
    assert cluster.writes == before  # looking changes nothing
    assert heard.codes.count("package.reconciled") == len(RELEASE.packages) + 1
    assert ("push.done" in heard.codes) and ("acceptance.passed" in heard.codes)


def test_what_keeps_the_run_from_going_on_is_named(context: Context, heard: Heard) -> None:
    context.preflight = lambda: ["dns.records", "registry.push"]
    with pytest.raises(InputError) as caught:
        of("preflight").run(context)
    assert caught.value.value == "dns.records, registry.push"
    assert heard.codes == ["preflight.blocked"]
    assert not of("preflight").is_done(context)


def test_a_push_sends_nothing_twice_and_shows_its_figures(
    context: Context, heard: Heard, registry: RegistryServer
) -> None:
    up_to("push-images", context)
    of("push-images").run(context)
    last = heard.figures[-1]
    assert last["bytes_sent"] > 0
    assert (last["images_done"], last["state"]) == (last["images_total"], "done")
    assert of("push-images").is_done(context)
    of("push-images").run(context)
    assert heard.figures[-1]["bytes_sent"] == 0
    assert heard.figures[-1]["bytes_present"] == heard.figures[-1]["bytes_total"]


def test_a_push_that_lost_one_image_is_not_done(context: Context, plan: Plan, bundle: Path) -> None:
    up_to("push-images", context)
    of("push-images").run(context)
    release = read_release_bundle(bundle)
    other = next(image for archive in release.archives[1:] for image in archive.images)
    context.cache["registry"].delete_manifest(f"tmc/{other.repository}", other.digest)
    assert not of("push-images").is_done(context)


def test_the_bundle_of_another_release_is_refused(context: Context, bundle: Path) -> None:
    context.plan = Plan("1.4.0", context.plan.answers)
    with pytest.raises(Missing) as caught:
        of("push-images").is_done(context)
    assert caught.value.code == "bundle-other-release"


def test_trust_is_added_to_what_is_trusted_already(context: Context, cluster: MemoryCluster, plan: Plan) -> None:
    data = {"caCerts": "", "httpProxy": "http://proxy:3128"}
    metadata = {"name": carvel.KAPP_CONFIG, "namespace": "tkg-system"}
    cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    stage = of("namespace-and-trust")
    assert not stage.is_done(context)
    stage.run(context)
    secret = cluster.get("v1", "Secret", carvel.KAPP_CONFIG, "tkg-system")
    decoded = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert plan["registry.ca"].strip() in decoded["caCerts"]
    assert decoded["httpProxy"] == "http://proxy:3128"
    namespace = cluster.get("v1", "Namespace", "tmc-local")
    assert namespace["metadata"]["labels"][carvel.POD_SECURITY] == "privileged"
    assert stage.is_done(context)
    assert cluster.writes.count("Deployment/kapp-controller") == 1
    stage.run(context)
    assert cluster.writes.count("Deployment/kapp-controller") == 1  # no second restart


def test_without_kapp_controller_it_says_so(context: Context, cluster: MemoryCluster) -> None:
    cluster.delete("apps/v1", "Deployment", "kapp-controller", "tkg-system")
    with pytest.raises(Missing) as caught:
        of("namespace-and-trust").run(context)
    assert caught.value.code == "kapp-controller-missing"


def test_an_issuer_of_another_authority_is_found_out(context: Context, cluster: MemoryCluster, tmp_path: Path) -> None:
    other = PracticeCA.load_or_create(tmp_path / "other")
    context.plan = Plan("1.4.1", {**context.plan.answers, "certificates.ca": other.ca_pem})
    with pytest.raises(SystemFailure) as caught:
        of("certificate-issuer").run(context)
    assert (caught.value.code, caught.value.field) == ("issuer-other-authority", "certificates.ca")
    assert cluster.find("", "Certificate", "tmc-installer-trial-17", "tmc-local") is None
    assert cluster.find("", "Secret", "tmc-installer-trial-17", "tmc-local") is None


def test_an_issuer_that_does_not_issue_stalls_and_leaves_nothing(
    context: Context, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate_issuer, "DEADLINE", 0.05)
    del cluster.on_apply[0]
    with pytest.raises(Stalled):
        of("certificate-issuer").run(context)
    assert cluster.find("", "Certificate", "tmc-installer-trial-17", "tmc-local") is None


def test_a_repository_that_only_fails_is_given_up_with_its_words(
    context: Context, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_repository, "GIVE_UP", 0.0)
    failure = reconciled("ReconcileFailed", "x509: certificate signed by unknown authority")

    def fails(obj: dict[str, Any]) -> None:
        if obj["kind"] == "PackageRepository":
            cluster.put({**obj, "status": failure})

    cluster.on_apply[1] = fails
    with pytest.raises(SystemFailure) as caught:
        of("package-repository").run(context)
    assert caught.value.code == "repository-failed"
    assert "x509" in caught.value.detail
    assert caught.value.value.endswith("/tmc/package-repository:1.4.1")


def test_a_changed_answer_makes_the_install_undone(context: Context, cluster: MemoryCluster) -> None:
    stage = of("package-install")
    stage.run(context)
    assert stage.is_done(context)
    context.plan = Plan("1.4.1", {**context.plan.answers, "services.minio_password": "another-password"})
    assert not stage.is_done(context)
    stage.run(context)
    assert stage.is_done(context)


def test_an_install_under_another_name_is_not_fought_with(context: Context, cluster: MemoryCluster) -> None:
    other = install("tmc", "tmc-local", reconciled())
    cluster.put({**other, "spec": {"packageRef": {"refName": RELEASE.ref_name}}})
    with pytest.raises(Conflict) as caught:
        of("package-install").run(context)
    assert (caught.value.code, caught.value.retry) == ("install-other-name", False)
    assert cluster.writes == []


def test_a_standstill_names_the_package_and_what_its_pods_say(
    context: Context, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages_and_pods, "STANDSTILL", 0.05)
    cluster.on_list.clear()
    cluster.put(install("contour", "tmc-local", reconciled()))
    for package in RELEASE.packages[1:]:
        cluster.put(install(package.name, "tmc-local", reconciled("Reconciling")))
    broken = pod("stack-0", "tmc-local", "x")
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    broken["status"]["containerStatuses"] = [{"name": "main", "ready": False, "state": waiting}]
    cluster.put(broken)
    with pytest.raises(Stalled) as caught:
        of("packages-and-pods").run(context)
    assert caught.value.value == RELEASE.packages[1].name
    assert "stack-0: ImagePullBackOff 0/1" in caught.value.detail


@pytest.fixture
def installed(context: Context) -> Context:
    """Everything but acceptance is done."""
    up_to("acceptance", context)
    return context


def refused(context: Context, heard: Heard) -> dict[str, dict[str, Any]]:
    """Runs acceptance, which must fail; the findings that are not green."""
    with pytest.raises(InstallerError) as caught:
        of("acceptance").run(context)
    assert caught.value.code == "acceptance-failed"
    bad = {found["name"]: found for found in heard.figures[-1]["findings"] if found["level"] != "pass"}
    assert set(caught.value.value.split(", ")) == {name for name, found in bad.items() if found["level"] == "fail"}
    return bad


def test_a_name_that_leads_elsewhere_is_not_accepted(installed: Context, heard: Heard, dns: DnsServer) -> None:
    dns.set(f"s3.{ZONE}", "192.0.2.1")
    assert set(refused(installed, heard)) == {"acceptance.dns.s3"}


def test_a_name_that_does_not_answer_is_not_accepted(installed: Context, heard: Heard, edge: Edge) -> None:
    edge.withdraw(f"gts.{ZONE}")
    assert set(refused(installed, heard)) == {"acceptance.tls.gts"}


def test_a_name_the_release_has_no_certificate_for_is_a_warning(installed: Context, heard: Heard, edge: Edge) -> None:
    edge.withdraw(f"blob.{ZONE}")
    of("acceptance").run(installed)
    bad = {found["name"]: found["level"] for found in heard.figures[-1]["findings"] if found["level"] != "pass"}
    assert bad == {"acceptance.tls.blob": "warn"}


def test_a_certificate_of_another_authority_is_not_accepted(
    installed: Context, heard: Heard, edge: Edge, tmp_path: Path
) -> None:
    name = f"auth.{ZONE}"
    issued = PracticeCA.load_or_create(tmp_path / "other").issue([name])
    edge.publish(name, issued.chain_pem, issued.key_pem)
    assert set(refused(installed, heard)) == {"acceptance.tls.auth", "acceptance.sign-in"}


def test_signing_in_as_another_client_is_not_accepted(
    installed: Context, heard: Heard, edge: Edge, ca: PracticeCA, idp: IdentityServer
) -> None:
    name = f"pinniped-supervisor.{ZONE}"
    issued = ca.issue([name])
    routes = tmc_routes(edge, ZONE, authorize_url=idp.authorization_endpoint, client_id="somebody-else")
    edge.publish(name, issued.chain_pem, issued.key_pem, routes[name])
    bad = refused(installed, heard)
    assert set(bad) == {"acceptance.sign-in"}
    assert bad["acceptance.sign-in"]["value"] == "somebody-else"


def test_an_image_from_outside_is_not_accepted(installed: Context, heard: Heard, cluster: MemoryCluster) -> None:
    cluster.put(pod("intruder", "tmc-local", "docker.example.org/library/busybox"))
    bad = refused(installed, heard)
    assert "intruder: docker.example.org/library/busybox" in bad["acceptance.images"]["evidence"]["detail"]


def test_a_load_balancer_without_address_is_not_accepted(
    installed: Context, heard: Heard, cluster: MemoryCluster
) -> None:
    service = cluster.objects["Service", "tmc-local", "contour-envoy"]
    service["status"] = {}
    assert set(refused(installed, heard)) == {"acceptance.load-balancer"}
