"""The official Python client, typed and dynamic, on the practice cluster."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config, utils, watch
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError, ResourceNotFoundError

from tests.contract.kube_cluster import CONFIGMAPS, PODS, Running, configmap, deployment, namespace, pod, running
from tests.waiting import PATIENCE

WAIT: dict[str, Any] = {"_request_timeout": 10}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("kube")) as found:
        yield found


@pytest.fixture(scope="module")
def api(cluster: Running) -> Iterator[client.ApiClient]:
    file = cluster.folder / "config"
    file.write_text(cluster.kubeconfig())
    with config.new_client_from_config(str(file)) as found:
        yield found


@pytest.fixture
def dynamic(api: client.ApiClient, tmp_path: Path) -> DynamicClient:
    return DynamicClient(api, cache_file=str(tmp_path / "discovery.json"))


def test_typed_answers_satisfy_the_typed_client(cluster: Running, api: client.ApiClient) -> None:
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    assert client.VersionApi(api).get_code(**WAIT).git_version == "v1.30.2"
    nodes = core.list_node(**WAIT).items
    assert [node.status.allocatable["cpu"] for node in nodes] == ["4"] * 4
    assert [bool(node.spec.taints) for node in nodes] == [True, False, False, False]
    found = apps.read_namespaced_deployment("kapp-controller", "tkg-system", **WAIT)
    assert found.status.available_replicas == found.spec.replicas == 1
    classes = client.StorageV1Api(api).list_storage_class(**WAIT).items
    assert [item.provisioner for item in classes] == ["csi.vsphere.vmware.com"]
    for listing in (core.list_namespace, core.list_pod_for_all_namespaces, core.list_service_for_all_namespaces):
        assert listing(**WAIT).items
    assert client.ApiextensionsV1Api(api).list_custom_resource_definition(**WAIT).items
    assert client.RbacAuthorizationV1Api(api).list_cluster_role_binding(**WAIT).items


def test_typed_objects_come_back_as_they_were_sent(cluster: Running, api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    where = core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(generate_name="typed-")), **WAIT)
    name = where.metadata.name
    assert name.startswith("typed-") and len(name) == len("typed-") + 5
    secret = client.V1Secret(metadata=client.V1ObjectMeta(name="s"), string_data={"a": "b"})
    made = core.create_namespaced_secret(name, secret, **WAIT)
    assert (made.data, made.type) == ({"a": "Yg=="}, "Opaque")
    made.metadata.labels = {"x": "y"}
    assert core.replace_namespaced_secret("s", name, made, **WAIT).metadata.labels == {"x": "y"}
    with pytest.raises(client.ApiException) as stale:
        core.replace_namespaced_secret("s", name, made, **WAIT)
    assert (stale.value.status, "the object has been modified" in stale.value.body) == (409, True)
    core.delete_namespaced_secret("s", name, **WAIT)
    core.delete_namespace(name, **WAIT)
    with pytest.raises(client.ApiException) as gone:
        core.read_namespace(name, **WAIT)
    assert gone.value.status == 404


def test_typed_watch_and_its_end(cluster: Running, api: client.ApiClient) -> None:
    where = namespace(cluster.store, "typed-watch")
    cluster.store.create(PODS, pod("p", where))
    watching = watch.Watch()
    seen = []
    for event in watching.stream(
        client.CoreV1Api(api).list_namespaced_pod, where, timeout_seconds=1, _request_timeout=PATIENCE
    ):
        seen.append((event["type"], event["object"].status.phase))
        if len(seen) == 1:
            cluster.store.patch_status(PODS, where, "p", {"phase": "Failed"})
        if len(seen) == 2:
            cluster.store.delete(PODS, where, "p")
    assert seen == [("ADDED", "Running"), ("MODIFIED", "Failed"), ("DELETED", "Failed")]


def test_typed_log(cluster: Running, api: client.ApiClient) -> None:
    where = namespace(cluster.store, "typed-log")
    cluster.store.create(PODS, pod("p", where))
    for line in ("one", "two"):
        cluster.store.append_log(where, "p", line)
    core = client.CoreV1Api(api)
    assert core.read_namespaced_pod_log("p", where, **WAIT) == "one\ntwo\n"
    assert core.read_namespaced_pod_log("p", where, tail_lines=1, **WAIT) == "two\n"


def test_may_i(cluster: Running, api: client.ApiClient) -> None:
    wish = client.V1ResourceAttributes(verb="create", group="apps", resource="deployments", namespace="default")
    spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=wish)
    review = client.V1SelfSubjectAccessReview(spec=spec)
    answer = client.AuthorizationV1Api(api).create_self_subject_access_review(review, **WAIT)
    assert answer.status.allowed is True
    asked = client.V1SelfSubjectReview()
    who = client.AuthenticationV1Api(api).create_self_subject_review(asked, **WAIT)
    assert who.status.user_info.username == "admin"


def test_dynamic_server_side_apply_and_its_conflict(cluster: Running, dynamic: DynamicClient) -> None:
    where = namespace(cluster.store, "dynamic")
    maps = dynamic.resources.get(api_version="v1", kind="ConfigMap")

    def apply(manager: str, *, force: bool = False, **data: str) -> Any:
        body = configmap("one", where, **data)
        return dynamic.server_side_apply(maps, body, field_manager=manager, force_conflicts=force)

    apply("first", x="1", z="1")
    with pytest.raises(ConflictError) as refused:
        apply("second", x="2")
    assert refused.value.summary().endswith('Apply failed with 1 conflict: conflict with "first": .data.x')
    apply("second", x="2", force=True)
    apply("first", z="1")
    kept = cluster.store.get(CONFIGMAPS, where, "one")
    assert kept and kept["data"] == {"x": "2", "z": "1"}
    apply("second")
    kept = cluster.store.get(CONFIGMAPS, where, "one")
    assert kept and kept["data"] == {"z": "1"}, "what nobody owns any more goes"


def test_dynamic_verbs_on_a_custom_resource(cluster: Running, dynamic: DynamicClient) -> None:
    where = namespace(cluster.store, "custom")
    installs = dynamic.resources.get(api_version="packaging.carvel.dev/v1alpha1", kind="PackageInstall")
    made = installs.create(
        {"metadata": {"name": "tmc", "namespace": where}, "spec": {"paused": True}, "status": {"ours": "not"}},
        namespace=where, **WAIT,
    )  # fmt: skip
    assert (made.metadata.generation, made.status) == (1, None)
    installs.status.patch(
        {"metadata": {"name": "tmc"}, "status": {"version": "1"}, "spec": {"paused": False}},
        namespace=where, content_type="application/merge-patch+json", **WAIT,
    )  # fmt: skip
    found = installs.get(name="tmc", namespace=where, **WAIT)
    assert (found.status.version, found.spec.paused, found.metadata.generation) == ("1", True, 1)
    assert [item.metadata.name for item in installs.get(namespace=where, **WAIT).items] == ["tmc"]
    with pytest.raises(ConflictError, match="already exists"):
        installs.create({"metadata": {"name": "tmc", "namespace": where}}, namespace=where, **WAIT)
    installs.delete(name="tmc", namespace=where, **WAIT)
    with pytest.raises(NotFoundError):
        installs.get(name="tmc", namespace=where, **WAIT)


def test_dynamic_watch_from_a_version(cluster: Running, dynamic: DynamicClient) -> None:
    where = namespace(cluster.store, "dynamic-watch")
    maps = dynamic.resources.get(api_version="v1", kind="ConfigMap")
    cluster.store.create(CONFIGMAPS, configmap("before", where))
    version = maps.get(namespace=where, **WAIT).metadata.resourceVersion
    later = threading.Timer(0.2, lambda: cluster.store.create(CONFIGMAPS, configmap("after", where)))
    later.start()
    seen = [
        (event["type"], event["object"].metadata.name)
        for event in maps.watch(namespace=where, resource_version=version, timeout=1)
    ]
    later.join()
    assert seen == [("ADDED", "after")]


def test_a_kind_that_is_not_served(dynamic: DynamicClient) -> None:
    with pytest.raises(ResourceNotFoundError):
        dynamic.resources.get(api_version="projectcontour.io/v1", kind="HTTPProxy")


def test_create_from_dict_with_apply(cluster: Running, api: client.ApiClient) -> None:
    where = namespace(cluster.store, "utils")
    for image in ("a:1", "a:2"):
        utils.create_from_dict(api, deployment("web", where, image), namespace=where, apply=True)
    web = client.AppsV1Api(api).read_namespaced_deployment("web", where, **WAIT)
    assert web.spec.template.spec.containers[0].image == "a:2"
