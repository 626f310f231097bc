"""The collectors and checks of cluster, certificates and services against the practice cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from installer_tasks.preflight.facts import trials
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.controllers import Address, Controllers, Pace
from installer_tasks.rehearsal.controllers.objects import ObjectClient
from installer_tasks.rehearsal.kube import GVR, Store, seed
from installer_tasks.systems.cluster.access import connect
from installer_tasks.systems.cluster.kubeconfig import parse_kubeconfig
from tests.contract.docker_registry import free_port
from tests.contract.looks import all_of
from tests.contract.practice_cluster import (
    ADDRESS,
    ISSUER,
    READER,
    PracticeCluster,
    issuer,
    practice_cluster,
)
from tests.waiting import until

PASS, WARN, FAIL, BLOCKED = "pass", "warn", "fail", "blocked"
CLUSTER, SERVICES = all_of("cluster", PASS), all_of("services", PASS)
#: Nobody has named a provider or a registry here, whose authorities could be missing.
CERTIFICATES = all_of("certificates", PASS) | {"certificates.trust-complete": BLOCKED}
NOT_REACHED = all_of("cluster", BLOCKED) | {"cluster.reachable": FAIL}
DEFAULT = "storageclass.kubernetes.io/is-default-class"
NO_CLASS = {
    "cluster.default-storage-class": FAIL,
    "cluster.storage-provisioner": BLOCKED,
    "cluster.volume-provisioned": BLOCKED,
}
NO_KAPP = {"cluster.kapp-controller": FAIL} | dict.fromkeys(
    ("cluster.apis", "cluster.kapp-version", "cluster.kapp-trusts-registry"), BLOCKED
)
NO_CHAIN = {"certificates.chain": BLOCKED, "certificates.chain-presented": BLOCKED}
NO_TRIAL = NO_CHAIN | dict.fromkeys(
    ("certificates.trial-issued", "certificates.trial-usable", "certificates.lifetime"), BLOCKED
)
NO_ISSUER = NO_TRIAL | {"certificates.issuer-kind": BLOCKED}
NO_AUTHORITY = NO_CHAIN | dict.fromkeys(
    (
        f"certificates.{name}"
        for name in (
            "authority-accepted",
            "authority-valid",
            "authority-strength",
            "authority-complete",
            "trust-complete",
        )
    ),
    BLOCKED,
)


ENDPOINTS = GVR("", "v1", "endpoints")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def practice(tmp_path: Path, ca: PracticeCA) -> Iterator[PracticeCluster]:
    with practice_cluster(tmp_path, ca) as cluster:
        yield cluster


def test_a_healthy_cluster_raises_nothing_and_keeps_nothing(practice: PracticeCluster) -> None:
    assert practice.look("cluster").levels == CLUSTER
    certificates = practice.look("certificates")
    assert certificates.levels == CERTIFICATES
    assert certificates.facts["trial"]["value"]["name"].endswith(".tmc.example.com")
    services = practice.look("services")
    assert services.levels == SERVICES
    assert services.facts["load_balancer"]["value"]["address"] == ADDRESS
    until(lambda: not practice.trial_namespaces())


def test_what_runs_when_the_controllers_come_is_left_running() -> None:
    """Replacing it made cert-manager unavailable for a moment, and its check red (a machine under load saw it)."""
    store = Store()
    seed(store)
    desk, controllers = ObjectClient(store), Controllers(store, Pace.INSTANT)
    before = _pods(desk)
    assert {"cert-manager", "tkg-system"} <= {place for place, _name, _uid in before}
    controllers.start()
    try:
        desk.ensure(issuer("ClusterIssuer", "any", "no-such-secret"))
        until(lambda: (desk.get("ClusterIssuer", "any") or {}).get("status"))
        assert _pods(desk) == before
    finally:
        controllers.stop()


def _pods(desk: ObjectClient) -> set[tuple[str, str, str]]:
    found = [pod["metadata"] for pod in desk.objects("Pod")]
    return {(metadata["namespace"], metadata["name"], metadata["uid"]) for metadata in found}


def test_nothing_listens(practice: PracticeCluster) -> None:
    server = f"https://127.0.0.1:{free_port()}"
    look = practice.look("cluster", cluster_kubeconfig=practice.kubeconfig(server=server))
    assert look.levels == NOT_REACHED
    assert look["cluster.reachable"].value == server


def test_a_cluster_of_another_authority(practice: PracticeCluster, tmp_path: Path) -> None:
    other = PracticeCA.load_or_create(tmp_path / "other")
    look = practice.look("cluster", cluster_kubeconfig=practice.kubeconfig(ca=other.ca_pem))
    assert look.levels == NOT_REACHED
    assert look["cluster.reachable"].value == practice.server.url
    assert look["cluster.reachable"].evidence["code"] == "tls-unknown-ca"
    assert "signed by an unknown CA" in str(look["cluster.reachable"].cause)


def test_a_token_that_is_not_known(practice: PracticeCluster) -> None:
    look = practice.look("cluster", cluster_kubeconfig=practice.kubeconfig(token="wrong-token"))
    assert look.levels == NOT_REACHED
    assert "credentials" in str(look["cluster.reachable"].cause)


def test_an_api_that_is_unavailable(practice: PracticeCluster) -> None:
    practice.faults.switch("kube.unavailable", on=True)
    assert practice.look("cluster").levels == NOT_REACHED


@pytest.mark.parametrize(
    ("kubeconfig", "named_in"),
    [
        ("a: [", "YAML"),
        ("just a sentence", "kubeconfig"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n", "Secret"),
    ],
)
def test_what_is_not_a_kubeconfig(practice: PracticeCluster, kubeconfig: str, named_in: str) -> None:
    look = practice.look("cluster", cluster_kubeconfig=kubeconfig)
    assert look.levels == NOT_REACHED
    assert named_in in look.says("cluster.reachable")


@pytest.mark.parametrize(
    "user",
    [{"exec": {"command": "aws", "args": ["eks"]}}, {"tokenFile": "/etc/token"}, {"client-key": "/root/key.pem"}],
)
def test_a_kubeconfig_that_points_outside_of_itself(practice: PracticeCluster, user: dict[str, Any]) -> None:
    look = practice.look("cluster", cluster_kubeconfig=practice.kubeconfig(**user))
    assert look.levels == NOT_REACHED


def test_a_context_that_is_not_there(practice: PracticeCluster) -> None:
    look = practice.look("cluster", cluster_context="production")
    assert look.levels == NOT_REACHED
    assert look["cluster.reachable"].value == "production"


def test_a_user_who_may_only_read_is_one_red_line_over_three_pages(practice: PracticeCluster) -> None:
    reader = {"cluster_kubeconfig": practice.kubeconfig(token=READER)}
    look = practice.look("cluster", **reader)
    assert look["cluster.rights"].level == FAIL
    assert look["cluster.rights"].value == "create namespaces"
    others = {name: level for name, level in look.levels.items() if name != "cluster.rights"}
    assert set(others.values()) <= {PASS, BLOCKED}
    failed = ("cluster.rights",)
    assert practice.look("certificates", failed=failed, **reader).levels == CERTIFICATES | NO_TRIAL
    assert practice.look("services", failed=failed, **reader).levels == SERVICES | {"services.load-balancer": BLOCKED}
    assert not practice.trial_namespaces()


def test_the_default_storage_class(practice: PracticeCluster) -> None:
    first = next(item for item in practice.desk.objects("StorageClass") if item["metadata"].get("annotations"))
    name, annotations = first["metadata"]["name"], {DEFAULT: "true"}
    second = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "csi.practice.test"}
    practice.desk.ensure({**second, "metadata": {"name": "zweite", "annotations": annotations}})
    look = practice.look("cluster")
    assert look.levels == CLUSTER | NO_CLASS
    assert look["cluster.default-storage-class"].value == f"{name}, zweite"
    assert look["cluster.default-storage-class"].command.endswith(f"zweite {DEFAULT}=false")
    for item in practice.desk.objects("StorageClass"):
        practice.desk.replace({**item, "metadata": {**item["metadata"], "annotations": {}}})
    look = practice.look("cluster")
    assert look.levels == CLUSTER | NO_CLASS
    assert look["cluster.default-storage-class"].command.endswith(f"{DEFAULT}=true")


def test_small_workers(practice: PracticeCluster) -> None:
    name = next(obj["metadata"]["name"] for obj in practice.desk.objects("Node") if not obj["spec"].get("taints"))
    practice.spoil("Node", name, allocatable={"cpu": "1500m", "memory": "8Gi", "ephemeral-storage": "40Gi"})
    look = practice.look("cluster")
    assert look.levels == CLUSTER | {"cluster.workers": FAIL, "cluster.node-room": BLOCKED}
    assert look["cluster.workers"].value == f"{name} (cpu 1.5)"


def test_a_kapp_controller_that_does_not_run_and_none(practice: PracticeCluster) -> None:
    found = next(obj for obj in practice.desk.objects("Deployment") if obj["metadata"]["name"] == "kapp-controller")
    namespace = found["metadata"]["namespace"]
    practice.desk.replace({**found, "spec": {**found["spec"], "replicas": 0}})
    until(lambda: _available(practice, namespace) == 0)
    look = practice.look("cluster")
    assert look.levels == CLUSTER | NO_KAPP
    assert look["cluster.kapp-controller"].value == f"{namespace}/kapp-controller"
    practice.desk.delete("Deployment", "kapp-controller", namespace)
    look = practice.look("cluster")
    assert look.levels == CLUSTER | NO_KAPP
    assert "is not installed in this cluster" in look.says("cluster.kapp-controller")


def _available(practice: PracticeCluster, namespace: str) -> int:
    found = practice.desk.get("Deployment", "kapp-controller", namespace) or {}
    return int((found.get("status") or {}).get("availableReplicas") or 0)


def test_another_contour_and_leftovers(practice: PracticeCluster) -> None:
    for name in ("tmc-local", "ingress"):
        practice.desk.ensure({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "old-tls", "namespace": "tmc-local"}}
    practice.desk.ensure({**secret, "data": {"tls.key": "Y2FuYXJ5"}})
    container = {"name": "contour", "image": "registry.test/projectcontour/contour:v1.28"}
    practice.desk.ensure(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "ingress-controller", "namespace": "ingress"},
            "spec": {
                "selector": {"matchLabels": {"app": "x"}},
                "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}},
            },
        }
    )
    look = practice.look("cluster")
    ingress = {"cluster.no-other-contour": FAIL, "cluster.ingress-class": BLOCKED}
    assert look.levels == CLUSTER | ingress | {"cluster.leftovers": WARN}
    assert look["cluster.no-other-contour"].value == "ingress/ingress-controller"
    assert "old-tls" in look["cluster.leftovers"].value
    assert "Y2FuYXJ5" not in str(look.facts)


def test_an_issuer_whose_secret_is_missing(practice: PracticeCluster) -> None:
    practice.desk.ensure(issuer("ClusterIssuer", "broken", "no-such-secret"))
    look = practice.look("certificates", certificates_cluster_issuer="broken")
    assert look.levels == CERTIFICATES | NO_ISSUER | {"certificates.issuer-ready": FAIL}
    assert look["certificates.issuer-ready"].value == "broken"


def test_the_name_of_an_issuer_of_one_namespace(practice: PracticeCluster) -> None:
    practice.desk.ensure({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tmc-local"}})
    practice.desk.ensure(issuer("Issuer", "local", "practice-ca", "tmc-local"))
    look = practice.look("certificates", certificates_cluster_issuer="local")
    assert look.levels == CERTIFICATES | NO_ISSUER | {"certificates.issuer-ready": FAIL}
    assert look["certificates.issuer-ready"].value == "local"
    assert ISSUER in str(look["certificates.issuer-ready"].cause)


def test_the_authority_of_somebody_else(practice: PracticeCluster, tmp_path: Path) -> None:
    other = PracticeCA.load_or_create(tmp_path / "other")
    look = practice.look("certificates", certificates_ca=other.ca_pem)
    assert look.levels == CERTIFICATES | NO_CHAIN | {"certificates.chain": FAIL}
    key = practice.look("certificates", certificates_ca=other.key_pem)
    assert key.levels == CERTIFICATES | NO_AUTHORITY | {"certificates.authority": FAIL}
    assert other.key_pem.splitlines()[1] not in str(key.facts)
    server = practice.look("certificates", certificates_ca=other.issue(["web.example.com"]).cert_pem)
    assert server.levels == CERTIFICATES | NO_AUTHORITY | {"certificates.authority": FAIL}


def test_an_issuer_that_does_not_sign_in_time(practice: PracticeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer_tasks.preflight.facts.certificates.TRIAL_DEADLINE", 0.5)
    monkeypatch.setattr("installer_tasks.preflight.facts.certificates._is_ready", lambda *_: True)
    practice.desk.ensure(issuer("ClusterIssuer", "broken", "no-such-secret"))
    look = practice.look("certificates", certificates_cluster_issuer="broken")
    error = look.facts["trial"]["error"]
    assert (error["code"], error["value"]) == ("stalled", "broken")
    until(lambda: not practice.trial_namespaces())


def test_a_load_balancer_that_gives_nothing(practice: PracticeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer_tasks.preflight.facts.services.ADDRESS_DEADLINE", 0.5)
    practice.address[0] = None
    look = practice.look("services")
    assert look.levels == SERVICES | {"services.load-balancer": FAIL}
    assert look["services.load-balancer"].value == "LoadBalancer"
    until(lambda: not practice.trial_namespaces())


def test_a_load_balancer_that_gives_another_address(practice: PracticeCluster) -> None:
    practice.address[0] = Address("127.0.0.10")
    look = practice.look("services", services_load_balancer_ip=ADDRESS)
    assert look.levels == SERVICES | {"services.load-balancer": FAIL}
    assert look["services.load-balancer"].value == ADDRESS


def test_where_a_webhook_is_dead_no_trial_waits_for_what_cannot_come(practice: PracticeCluster) -> None:
    """A certificate was waited for during three minutes: cert-manager could write no request for it."""
    store = practice.store
    found = store.get(ENDPOINTS, "cert-manager", "cert-manager-webhook")
    assert found is not None
    store.update(ENDPOINTS, {**found, "subsets": []})
    cluster = practice.look("cluster")
    assert cluster["cluster.webhooks"].level == FAIL
    verdicts = [cluster["cluster.volume-provisioned"], practice.look("certificates")["certificates.trial-issued"]]
    assert {verdict.level for verdict in verdicts} == {FAIL}
    said = {str(verdict.message) + str(verdict.cause) for verdict in verdicts}
    assert all("webhook.cert-manager.io does not respond" in words for words in said), said
    assert not practice.trial_namespaces()


def test_no_trial_without_a_load_balancer(practice: PracticeCluster) -> None:
    look = practice.look("services", services_service_type="NodePort")
    assert look.levels == SERVICES | {"services.load-balancer": WARN}


def test_what_an_abandoned_trial_left_is_swept_and_a_running_one_is_not(
    practice: PracticeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {"name": "tmc-sm-installer-trial-left", "labels": {trials.LABEL: "true"}}
    practice.desk.ensure({"apiVersion": "v1", "kind": "Namespace", "metadata": left})
    assert practice.look("services").levels == SERVICES
    assert "tmc-sm-installer-trial-left" in practice.trial_namespaces()
    monkeypatch.setattr(trials, "ABANDONED", timedelta(seconds=-1))
    cluster = connect(parse_kubeconfig(practice.kubeconfig(), context="practice"))
    try:
        assert trials.sweep(cluster) >= 1
    finally:
        cluster.close()
    until(lambda: not practice.trial_namespaces())
