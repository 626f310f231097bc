"""Server-side apply with its owners, and the three patches, as the practice cluster carries them out."""

from __future__ import annotations

from typing import Any

import pytest

from installer_tasks.rehearsal.kube import GVR, Store, apply_manifests, seed
from installer_tasks.rehearsal.kube.errors import ApiError
from installer_tasks.rehearsal.kube.merging import json_patch, merge, strategic
from tests.contract.kube_cluster import CONFIGMAPS, DEPLOYMENTS, configmap, deployment, namespace

SERVICES = GVR("", "v1", "services")


@pytest.fixture
def store() -> Store:
    found = Store()
    namespace(found, "here")
    return found


def images(obj: dict[str, Any] | None) -> dict[str, str]:
    assert obj is not None
    return {c["name"]: c["image"] for c in obj["spec"]["template"]["spec"]["containers"]}


def owned(obj: dict[str, Any], manager: str) -> Any:
    return next(e["fieldsV1"] for e in obj["metadata"]["managedFields"] if e["manager"] == manager)


def test_apply_creates_with_an_identity_and_an_owner(store: Store) -> None:
    made = store.apply(CONFIGMAPS, configmap("one", "here", x="1"), manager="me")
    assert made["metadata"]["uid"] and made["metadata"]["creationTimestamp"]
    assert owned(made, "me") == {"f:data": {"f:x": {}}}


def test_the_same_again_changes_nothing_not_even_the_version(store: Store) -> None:
    first = store.apply(DEPLOYMENTS, deployment("web", "here", "a:1"), manager="me")
    watch = store.watch()
    again = store.apply(DEPLOYMENTS, deployment("web", "here", "a:1"), manager="me")
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert watch.next(0) is None


def test_what_is_left_out_goes_element_and_all(store: Store) -> None:
    store.apply(DEPLOYMENTS, deployment("web", "here", "a:1", "b:1"), manager="me")
    after = store.apply(DEPLOYMENTS, deployment("web", "here", "a:2"), manager="me")
    assert images(after) == {"c0": "a:2"}
    assert after["metadata"]["generation"] == 2


def test_a_value_agreed_upon_has_two_owners_and_stays_until_both_leave_it(store: Store) -> None:
    store.apply(CONFIGMAPS, configmap("one", "here", x="1"), manager="first")
    store.apply(CONFIGMAPS, configmap("one", "here", x="1"), manager="second")
    after = store.apply(CONFIGMAPS, configmap("one", "here"), manager="first")
    assert after["data"] == {"x": "1"}
    after = store.apply(CONFIGMAPS, {**configmap("one", "here"), "data": {"z": ""}}, manager="second")
    assert after["data"] == {"z": ""}


def test_a_conflict_names_every_owner_and_field(store: Store) -> None:
    store.apply(DEPLOYMENTS, deployment("web", "here", "a:1"), manager="first")
    scaled = {**deployment("web", "here"), "spec": {"replicas": 3}}
    store.change(DEPLOYMENTS, "here", "web", lambda live: {**live, "spec": {**live["spec"], **scaled["spec"]}})
    wanted = deployment("web", "here", "a:2")
    wanted["spec"]["replicas"] = 1
    with pytest.raises(ApiError) as refused:
        store.apply(DEPLOYMENTS, wanted, manager="second")
    assert refused.value.code == 409
    assert [(cause["message"], cause["field"]) for cause in refused.value.details["causes"]] == [
        ('conflict with "controllers" using apps/v1', ".spec.replicas"),
        ('conflict with "first"', '.spec.template.spec.containers[name="c0"].image'),
    ]
    assert refused.value.message.startswith("Apply failed with 2 conflicts: conflicts with")
    forced = store.apply(DEPLOYMENTS, wanted, manager="second", force=True)
    assert (images(forced), forced["spec"]["replicas"]) == ({"c0": "a:2"}, 1)
    assert "f:image" not in str(owned(forced, "first"))


def test_a_field_that_another_wrote_is_theirs_from_then_on(store: Store) -> None:
    store.apply(CONFIGMAPS, configmap("one", "here", x="1", z="1"), manager="me")
    store.change(CONFIGMAPS, "here", "one", lambda live: {**live, "data": {"x": "2", "z": "1"}}, manager="editor")
    after = store.apply(CONFIGMAPS, configmap("one", "here"), manager="me")
    assert after["data"] == {"x": "2"}, "the edited field is no longer ours to remove"


def test_managers_share_a_list_that_merges_by_key(store: Store) -> None:
    service = {"metadata": {"name": "s", "namespace": "here"}, "spec": {"ports": [{"port": 80, "name": "http"}]}}
    store.apply(SERVICES, service, manager="first")
    second = {"metadata": {"name": "s", "namespace": "here"}, "spec": {"ports": [{"port": 443, "name": "https"}]}}
    after = store.apply(SERVICES, second, manager="second")
    assert [port["name"] for port in after["spec"]["ports"]] == ["http", "https"]
    after = store.apply(SERVICES, {**second, "spec": {}}, manager="second")
    assert [port["name"] for port in after["spec"]["ports"]] == ["http"]


def test_finalizers_are_a_set_that_managers_share(store: Store) -> None:
    def with_finalizer(name: str) -> dict[str, Any]:
        found = configmap("one", "here")
        found["metadata"]["finalizers"] = [name]
        return found

    store.apply(CONFIGMAPS, with_finalizer("a/a"), manager="first")
    after = store.apply(CONFIGMAPS, with_finalizer("b/b"), manager="second")
    assert after["metadata"]["finalizers"] == ["a/a", "b/b"]
    after = store.apply(CONFIGMAPS, configmap("one", "here"), manager="first")
    assert after["metadata"]["finalizers"] == ["b/b"]


def test_status_is_applied_apart_from_the_rest(store: Store) -> None:
    store.apply(DEPLOYMENTS, deployment("web", "here", "a:1"), manager="me")
    status = {"metadata": {"name": "web", "namespace": "here"}, "status": {"readyReplicas": 1}, "spec": {"replicas": 9}}
    after = store.apply(DEPLOYMENTS, status, manager="operator", subresource="status")
    assert (after["status"]["readyReplicas"], after["spec"]["replicas"]) == (1, 1)
    after = store.apply(DEPLOYMENTS, {**deployment("web", "here", "a:2"), "status": {"readyReplicas": 7}}, manager="me")
    assert after["status"]["readyReplicas"] == 1


def test_apply_as_a_dry_run_keeps_nothing(store: Store) -> None:
    shown = store.apply(CONFIGMAPS, configmap("one", "here", x="1"), manager="me", dry_run=True)
    assert shown["data"] == {"x": "1"}
    assert store.get(CONFIGMAPS, "here", "one") is None


def test_manifests_are_applied_by_their_kind() -> None:
    store = Store()
    seed(store)
    issuer = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "ClusterIssuer",
        "metadata": {"name": "i"},
        "spec": {"ca": {}},
    }
    apply_manifests(store, [configmap("one", "default", x="1"), issuer])
    apply_manifests(store, [configmap("one", "default", x="2")], manager="another")
    kept = store.get(CONFIGMAPS, "default", "one")
    assert kept and kept["data"] == {"x": "2"}
    assert store.get(GVR("cert-manager.io", "v1", "clusterissuers"), "", "i")
    with pytest.raises(ApiError, match="could not find"):
        apply_manifests(store, [{"apiVersion": "v1", "kind": "Nonsense", "metadata": {"name": "n"}}])


def test_merge_patch() -> None:
    target = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert merge(target, {"a": {"b": None, "c": [3]}, "e": {"f": None}}) == {"a": {"c": [3]}, "d": 1, "e": {}}
    assert target == {"a": {"b": 1, "c": [1, 2]}, "d": 1}, "nothing is changed in place"


def test_json_patch() -> None:
    target = {"a": [1, 2], "b/c": {"~": 1}}
    operations = [
        {"op": "test", "path": "/a/0", "value": 1},
        {"op": "add", "path": "/a/-", "value": 3},
        {"op": "remove", "path": "/a/0"},
        {"op": "replace", "path": "/b~1c/~0", "value": 2},
        {"op": "copy", "from": "/a", "path": "/d"},
        {"op": "move", "from": "/d/0", "path": "/e"},
    ]
    assert json_patch(target, operations) == {"a": [2, 3], "b/c": {"~": 2}, "d": [3], "e": 2}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "remove", "path": "/nothing"},
        {"op": "replace", "path": "/nothing", "value": 1},
        {"op": "add", "path": "/list/7", "value": 1},
        {"op": "dance", "path": "/a"},
        {"path": "/a"},
        "text",
    ],
)
def test_json_patch_that_does_not_fit(operation: Any) -> None:
    with pytest.raises(ApiError) as refused:
        json_patch({"a": 1, "list": []}, [operation])
    assert refused.value.code == 422


def test_strategic_merge_patch() -> None:
    target = {
        "containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}],
        "args": [1],
    }
    patch = {
        "containers": [{"name": "a", "env": [{"name": "Z", "value": "2"}]}, {"name": "b", "$patch": "delete"}],
        "args": [2],
    }
    after = strategic(target, patch)
    assert after["containers"] == [
        {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}, {"name": "Z", "value": "2"}]}
    ]
    assert after["args"] == [2]
    assert strategic({"finalizers": ["a"]}, {"finalizers": ["b"]}) == {"finalizers": ["a", "b"]}
    assert strategic({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}) == {
        "finalizers": ["b"]
    }
    assert strategic({"strategy": {"type": "A", "x": 1}}, {"strategy": {"$retainKeys": ["type"], "type": "B"}}) == {
        "strategy": {"type": "B"}
    }
