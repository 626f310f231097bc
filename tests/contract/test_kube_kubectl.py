"""The real kubectl, as people and scripts use it, on the practice cluster."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest
import yaml

from installer_tasks.rehearsal.kube import GVR
from tests.contract.kube_cluster import (
    CONFIGMAPS,
    DEPLOYMENTS,
    PODS,
    READER,
    Running,
    configmap,
    definition,
    deployment,
    namespace,
    pod,
    running,
)
from tests.waiting import PATIENCE, joined, until

pytestmark = pytest.mark.program("kubectl")
REPOSITORIES = GVR("packaging.carvel.dev", "v1alpha1", "packagerepositories")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("kube")) as found:
        yield found


def manifest(*objects: dict) -> str:
    return yaml.safe_dump_all(objects)


def repository(where: str, image: str) -> dict:
    return {
        "apiVersion": "packaging.carvel.dev/v1alpha1",
        "kind": "PackageRepository",
        "metadata": {"name": "practice", "namespace": where},
        "spec": {"fetch": {"imgpkgBundle": {"image": image}}},
    }


def rows(printed: str) -> list[list[str]]:
    return [line.split() for line in printed.splitlines() if line]


def test_the_cluster_as_a_customer_hands_it_over(cluster: Running) -> None:
    namespace(cluster.store, "over")
    cluster.store.create(REPOSITORIES, repository("over", "localhost/tmc:1"))
    cluster.store.patch_status(REPOSITORIES, "over", "practice", {"friendlyDescription": "Reconcile succeeded"})
    printed = cluster.kubectl("get", "nodes,sc,pkgr,pkgi", "-A")
    found = {row[0]: row for row in rows(printed) if "/" in row[0]}
    assert found["node/practice-control-plane-0"][1:3] == ["Ready", "control-plane"]
    assert found["node/practice-worker-2"][-1] == "v1.30.2"
    assert found["storageclass.storage.k8s.io/practice-storage"][1:3] == ["(default)", "csi.vsphere.vmware.com"]
    assert ["over", "packagerepository.packaging.carvel.dev/practice"] in [row[:2] for row in rows(printed)]
    assert "Reconcile succeeded" in printed


def test_versions_and_resources_without_a_complaint(cluster: Running) -> None:
    assert json.loads(cluster.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"] == "v1.30.2"
    found = cluster.kubectl("api-resources", "--no-headers", "-o", "name").split()
    assert {"nodes", "packages.data.packaging.carvel.dev", "certificates.cert-manager.io"} <= set(found)
    assert cluster.kubectl("get", "--raw", "/readyz") == "ok"


def test_what_runs_already(cluster: Running) -> None:
    cluster.kubectl("rollout", "status", "-n", "tkg-system", "deployment/kapp-controller")
    deployments = rows(cluster.kubectl("get", "deploy", "-n", "cert-manager", "--no-headers"))
    assert [row[:2] for row in deployments] == [
        ["cert-manager", "1/1"],
        ["cert-manager-cainjector", "1/1"],
        ["cert-manager-webhook", "1/1"],
    ]
    pods = rows(cluster.kubectl("get", "pods", "-n", "tkg-system", "-l", "app=kapp-controller", "--no-headers"))
    assert [row[1:3] for row in pods] == [["1/1", "Running"]]
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", f"--timeout={PATIENCE}s")


def test_apply_creates_changes_and_sees_that_nothing_changed(cluster: Running) -> None:
    where = namespace(cluster.store, "apply")
    objects = [configmap("one", where, x="1"), deployment("web", where, "a:1", "b:1"), repository(where, "r:1")]
    names = ["configmap/one", "deployment.apps/web", "packagerepository.packaging.carvel.dev/practice"]
    assert cluster.kubectl("apply", "-f", "-", stdin=manifest(*objects)).splitlines() == [f"{n} created" for n in names]
    again = cluster.kubectl("apply", "-f", "-", stdin=manifest(*objects)).splitlines()
    assert again == [f"{n} unchanged" for n in names]
    changed = [configmap("one", where, z="2"), deployment("web", where, "a:1", "b:2"), repository(where, "r:2")]
    again = cluster.kubectl("apply", "-f", "-", stdin=manifest(*changed)).splitlines()
    assert again == [f"{n} configured" for n in names]
    kept = cluster.store.get(CONFIGMAPS, where, "one")
    assert kept and kept["data"] == {"z": "2"}, "what the manifest leaves out goes"
    web = cluster.store.get(DEPLOYMENTS, where, "web")
    assert web and [c["image"] for c in web["spec"]["template"]["spec"]["containers"]] == ["a:1", "b:2"]


def test_dry_runs_and_diffs_change_nothing(cluster: Running) -> None:
    where = namespace(cluster.store, "dry")
    cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=manifest(configmap("one", where, x="1")))
    assert cluster.store.get(CONFIGMAPS, where, "one") is None
    cluster.store.create(CONFIGMAPS, configmap("one", where, x="1"))
    shown = cluster.run("diff", "-f", "-", stdin=manifest(configmap("one", where, x="2")))
    assert shown.returncode == 1 and '+  x: "2"' in shown.stdout
    kept = cluster.store.get(CONFIGMAPS, where, "one")
    assert kept and kept["data"] == {"x": "1"}


def test_server_side_apply_and_its_conflicts(cluster: Running) -> None:
    where = namespace(cluster.store, "ssa")
    first, second = manifest(configmap("one", where, x="1")), manifest(configmap("one", where, x="2"))
    printed = cluster.kubectl("apply", "--server-side", "-f", "-", stdin=first)
    assert printed == "configmap/one serverside-applied\n"
    other = ("apply", "--server-side", "--field-manager=other", "-f", "-")
    refused = cluster.run(*other, stdin=second)
    assert refused.returncode == 1
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .data.x' in refused.stderr
    cluster.kubectl(*other, "--force-conflicts", stdin=second)
    kept = cluster.store.get(CONFIGMAPS, where, "one")
    assert kept and kept["data"] == {"x": "2"}
    assert "conflict" in cluster.run("apply", "--server-side", "-f", "-", stdin=first).stderr, "it has lost the field"


def test_client_side_apply_may_become_server_side_apply(cluster: Running) -> None:
    where = namespace(cluster.store, "migrate")
    cluster.kubectl("apply", "-f", "-", stdin=manifest(configmap("one", where, x="1")))
    changed = cluster.run("apply", "--server-side", "-f", "-", stdin=manifest(configmap("one", where, x="2")))
    assert 'conflict with "kubectl-client-side-apply" using v1: .data.x' in changed.stderr
    for data in ({"x": "1"}, {"z": "3"}):  # kubectl moves its ownership over once it has applied the same
        cluster.kubectl("apply", "--server-side", "-f", "-", stdin=manifest(configmap("one", where, **data)))
    kept = cluster.store.get(CONFIGMAPS, where, "one")
    assert kept and kept["data"] == {"z": "3"}
    assert "kubectl-client-side-apply" not in {entry["manager"] for entry in kept["metadata"]["managedFields"]}


def test_get_watch_prints_changes_as_they_come(cluster: Running) -> None:
    where = namespace(cluster.store, "watch")
    cluster.store.create(CONFIGMAPS, configmap("one", where))
    watching = cluster.popen("get", "cm", "-n", where, "--watch", "-o", "name")
    lines: list[str] = []
    assert watching.stdout is not None
    reader = threading.Thread(target=lambda: lines.extend(watching.stdout or ()), daemon=True)
    try:
        first = watching.stdout.readline()
        reader.start()
        cluster.store.create(CONFIGMAPS, configmap("two", where, a="b"))
        until(lambda: len(lines) == 1)
        cluster.store.update(CONFIGMAPS, configmap("two", where, a="c"))
        until(lambda: len(lines) == 2)
        cluster.store.delete(CONFIGMAPS, where, "two")
        until(lambda: len(lines) == 3)
    finally:
        watching.kill()
        watching.wait(PATIENCE)
        joined(reader)
        watching.stdout.close()
    assert [first, *lines] == ["configmap/one\n", *["configmap/two\n"] * 3]


def test_get_watch_prints_tables(cluster: Running) -> None:
    where = namespace(cluster.store, "watch-table")
    watching = cluster.popen("get", "pods", "-n", where, "--watch")
    assert watching.stdout is not None
    try:
        cluster.store.create(PODS, pod("p", where, phase="Pending"))
        assert watching.stdout.readline().split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
        assert watching.stdout.readline().split()[:3] == ["p", "0/1", "Pending"]
        cluster.store.patch_status(PODS, where, "p", {"phase": "Running"})
        assert watching.stdout.readline().split()[:3] == ["p", "0/1", "Running"]
    finally:
        watching.kill()
        watching.wait(PATIENCE)
        watching.stdout.close()


def test_logs_whole_tailed_and_followed_to_the_end(cluster: Running) -> None:
    where = namespace(cluster.store, "logs")
    cluster.store.create(PODS, pod("p", where))
    for number in range(3):
        cluster.store.append_log(where, "p", f"line {number}")
    assert cluster.kubectl("logs", "-n", where, "p") == "line 0\nline 1\nline 2\n"
    assert cluster.kubectl("logs", "-n", where, "p", "--tail=1") == "line 2\n"
    assert cluster.kubectl("logs", "-n", where, "p", "--tail=1", "--timestamps").endswith("Z line 2\n")
    following = cluster.popen("logs", "-n", where, "p", "--follow", "--tail=1")
    assert following.stdout is not None
    assert following.stdout.readline() == "line 2\n"
    cluster.store.append_log(where, "p", "last words")
    assert following.stdout.readline() == "last words\n"
    cluster.store.patch_status(PODS, where, "p", {"phase": "Succeeded"})
    assert following.wait(PATIENCE) == 0
    following.stdout.close()


def test_namespaces_come_and_go_with_all_they_hold(cluster: Running) -> None:
    cluster.kubectl("create", "ns", "short")
    cluster.kubectl("create", "configmap", "-n", "short", "one", "--from-literal=a=b")
    missing = cluster.run("create", "configmap", "-n", "nowhere", "one")
    assert 'namespaces "nowhere" not found' in missing.stderr
    assert cluster.kubectl("delete", "ns", "short") == 'namespace "short" deleted\n'
    assert cluster.run("get", "ns", "short").stderr == 'Error from server (NotFound): namespaces "short" not found\n'
    assert cluster.store.list(CONFIGMAPS, "short") == []


def test_labels_selectors_patches_and_deletion(cluster: Running) -> None:
    where = namespace(cluster.store, "verbs")
    cluster.kubectl("create", "deployment", "-n", where, "web", "--image=a:1")
    cluster.kubectl("label", "-n", where, "deploy/web", "tier=front")
    assert cluster.kubectl("get", "deploy", "-n", where, "-l", "tier in (front,back)", "-o", "name").strip()
    assert cluster.kubectl("get", "deploy", "-n", where, "-l", "tier!=front", "-o", "name") == ""
    cluster.kubectl("set", "image", "-n", where, "deploy/web", "a=a:2")
    cluster.kubectl("scale", "-n", where, "deploy/web", "--replicas=3")
    spec = '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s:1"}]}}}}'
    cluster.kubectl("patch", "-n", where, "deploy/web", "-p", spec)
    web = cluster.store.get(DEPLOYMENTS, where, "web")
    assert web and web["spec"]["replicas"] == 3
    images = {c["name"]: c["image"] for c in web["spec"]["template"]["spec"]["containers"]}
    assert images == {"a": "a:2", "side": "s:1"}
    cluster.kubectl("delete", "deploy", "-n", where, "web")
    assert cluster.run("get", "deploy", "-n", where, "web").returncode == 1


def test_wait_for_a_condition_that_comes(cluster: Running) -> None:
    where = namespace(cluster.store, "wait")
    cluster.store.create(REPOSITORIES, repository(where, "r:1"))
    waiting = cluster.popen(
        "wait", "-n", where, "pkgr/practice", "--for=condition=ReconcileSucceeded", f"--timeout={PATIENCE}s"
    )
    conditions = [{"type": "ReconcileSucceeded", "status": "True"}]
    cluster.store.patch_status(REPOSITORIES, where, "practice", {"conditions": conditions})
    assert waiting.communicate(timeout=PATIENCE)[0].endswith("condition met\n")
    assert waiting.returncode == 0


def test_who_may_do_what(cluster: Running) -> None:
    assert cluster.kubectl("auth", "can-i", "*", "*") == "yes\n"
    assert cluster.kubectl("auth", "can-i", "list", "pkgi", "-A", token=READER) == "yes\n"
    assert cluster.run("auth", "can-i", "get", "secrets", token=READER).stdout == "no\n"
    assert cluster.run("auth", "can-i", "create", "ns", token=READER).stdout == "no\n"
    assert "read-only" in cluster.kubectl("auth", "whoami", token=READER)
    assert cluster.run("get", "secrets", "-A", token=READER).stderr == (
        'Error from server (Forbidden): secrets is forbidden: User "read-only" cannot list resource "secrets" '
        'in API group "" at the cluster scope\n'
    )
    assert "Unauthorized" in cluster.run("get", "nodes", token="stolen").stderr


def test_the_service_account_that_our_remedy_makes_may_do_all(cluster: Running) -> None:
    cluster.kubectl("-n", "kube-system", "create", "serviceaccount", "tmc-installer")
    account = "--serviceaccount=kube-system:tmc-installer"
    token = cluster.kubectl("-n", "kube-system", "create", "token", "tmc-installer", "--duration=24h").strip()
    user = "system:serviceaccount:kube-system:tmc-installer"
    assert user in cluster.kubectl("auth", "whoami", token=token)
    assert cluster.run("auth", "can-i", "*", "*", token=token).stdout == "no\n"
    cluster.kubectl("create", "clusterrolebinding", "tmc-installer", "--clusterrole=cluster-admin", account)
    assert cluster.kubectl("auth", "can-i", "*", "*", token=token) == "yes\n"
    assert "token" in cluster.run("create", "token", "nobody").stderr


def test_a_definition_adds_a_kind_with_its_columns(cluster: Running) -> None:
    where = namespace(cluster.store, "crd")
    made = definition("fruit.example", "Apple", "apples")
    cluster.kubectl("apply", "-f", "-", stdin=manifest(made))
    cluster.kubectl("wait", "--for=condition=Established", "crd/apples.fruit.example", f"--timeout={PATIENCE}s")
    apple = {
        "apiVersion": "fruit.example/v1",
        "kind": "Apple",
        "metadata": {"name": "a", "namespace": where},
        "spec": {"colour": "red"},
    }
    cluster.kubectl("apply", "-f", "-", stdin=manifest(apple))
    assert rows(cluster.kubectl("get", "apples", "-n", where)) == [["NAME", "COLOUR", "READY"], ["a", "red"]]
    assert "What a Apple is." in cluster.kubectl("explain", "apples")
    cluster.kubectl("delete", "crd", "apples.fruit.example")
    assert cluster.run("get", "apples.fruit.example", "-n", where).returncode == 1
