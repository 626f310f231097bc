"""The objects of the practice cluster: versions, watches, deletion and what follows from it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from installer_tasks.rehearsal.kube import GVR, Store, seed
from installer_tasks.rehearsal.kube.errors import ApiError
from installer_tasks.rehearsal.kube.store import watching
from tests.contract.kube_cluster import (
    CONFIGMAPS,
    DEFINITIONS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    configmap,
    definition,
    deployment,
    namespace,
    pod,
)
from tests.waiting import joined

SERVICE_ACCOUNTS = GVR("", "v1", "serviceaccounts")
SECRETS = GVR("", "v1", "secrets")
NODES = GVR("", "v1", "nodes")


@pytest.fixture
def store() -> Store:
    found = Store()
    namespace(found, "here")
    return found


def kinds(store: Store, watch: Any) -> list[tuple[str, str]]:
    found = []
    while change := watch.next(0):
        found.append((change.kind, change.object["metadata"]["name"]))
    return found


def refusal(call: Any, *arguments: Any, **more: Any) -> tuple[int, str]:
    with pytest.raises(ApiError) as refused:
        call(*arguments, **more)
    return refused.value.code, refused.value.reason


def test_objects_are_copies(store: Store) -> None:
    mine = configmap("one", "here", x="1")
    made = store.create(CONFIGMAPS, mine)
    mine["data"]["x"] = made["data"]["x"] = "2"
    read = store.get(CONFIGMAPS, "here", "one")
    assert read and read["data"] == {"x": "1"}
    read["data"]["x"] = "3"
    store.list(CONFIGMAPS)[0]["data"]["x"] = "4"
    with watching(store) as watch:
        store.patch_status(NAMESPACES, "", "here", {"phase": "Odd"})
        change = watch.next(1)
        assert change
        change.object["status"]["phase"] = "Odder"
    kept, home = store.get(CONFIGMAPS, "here", "one"), store.get(NAMESPACES, "", "here")
    assert kept and home
    assert (kept["data"]["x"], home["status"]["phase"]) == ("1", "Odd")


def test_what_is_refused(store: Store) -> None:
    store.create(CONFIGMAPS, configmap("one", "here"))
    assert refusal(store.create, CONFIGMAPS, configmap("one", "here")) == (409, "AlreadyExists")
    assert refusal(store.create, CONFIGMAPS, configmap("one", "nowhere")) == (404, "NotFound")
    assert refusal(store.create, CONFIGMAPS, configmap("", "here")) == (422, "Invalid")
    assert refusal(store.create, CONFIGMAPS, configmap("Not_a_name", "here")) == (422, "Invalid")
    assert refusal(store.create, CONFIGMAPS, {**configmap("two", "here"), "kind": "Secret"}) == (400, "BadRequest")
    assert refusal(store.update, CONFIGMAPS, configmap("two", "here")) == (404, "NotFound")
    assert refusal(store.create, GVR("no.such", "v1", "things"), {"metadata": {"name": "a"}}) == (404, "NotFound")
    assert refusal(store.delete, NAMESPACES, "", "here", uid="another") == (409, "Conflict")


def test_what_is_not_there_yet_is_no_error_to_look_for(store: Store) -> None:
    things = GVR("no.such", "v1", "things")
    assert store.get(things, "here", "a") is None
    assert store.list(things) == []
    assert store.delete(CONFIGMAPS, "here", "nothing") is None


def test_an_update_of_an_older_version_is_a_conflict(store: Store) -> None:
    first = store.create(CONFIGMAPS, configmap("one", "here", x="1"))
    store.update(CONFIGMAPS, {**first, "data": {"x": "2"}})
    assert refusal(store.update, CONFIGMAPS, {**first, "data": {"x": "3"}}) == (409, "Conflict")
    after = store.update(CONFIGMAPS, configmap("one", "here", x="3"))
    assert (after["data"], after["metadata"]["uid"]) == ({"x": "3"}, first["metadata"]["uid"])


def test_generation_counts_changes_of_the_specification_alone(store: Store) -> None:
    made = store.create(DEPLOYMENTS, deployment("web", "here", "a:1"))
    labelled = store.update(DEPLOYMENTS, {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}})
    store.patch_status(DEPLOYMENTS, "here", "web", {"replicas": 1})
    assert labelled["metadata"]["generation"] == 1
    after = store.change(DEPLOYMENTS, "here", "web", lambda live: {**live, "spec": {**live["spec"], "replicas": 2}})
    assert (after["metadata"]["generation"], after["status"]) == (2, {"replicas": 1})


def test_status_and_the_rest_are_written_apart(store: Store) -> None:
    made = store.create(DEPLOYMENTS, deployment("web", "here", "a:1"))
    after = store.update(DEPLOYMENTS, {**made, "status": {"replicas": 5}})
    assert after["status"] == {}
    after = store.update(DEPLOYMENTS, {**after, "status": {"replicas": 5}, "spec": {}}, subresource="status")
    assert after["status"] == {"replicas": 5} and after["spec"] == made["spec"]


def test_writing_the_same_is_no_change(store: Store) -> None:
    store.create(DEPLOYMENTS, deployment("web", "here", "a:1"))
    store.patch_status(DEPLOYMENTS, "here", "web", {"replicas": 1})
    before = store.version
    with watching(store) as watch:
        store.patch_status(DEPLOYMENTS, "here", "web", {"replicas": 1})
        assert (watch.next(0), store.version) == (None, before)


def test_watch_of_one_resource_from_a_version(store: Store) -> None:
    store.create(CONFIGMAPS, configmap("before", "here"))
    since = store.version
    store.create(CONFIGMAPS, configmap("after", "here"))
    watch = store.watch(CONFIGMAPS, since=since)
    store.create(PODS, pod("p", "here"))
    store.delete(CONFIGMAPS, "here", "before")
    assert kinds(store, watch) == [("ADDED", "after"), ("DELETED", "before")]
    watch.stop()
    store.create(CONFIGMAPS, configmap("late", "here"))
    assert list(watch) == []


def test_a_selection_is_entered_and_left(store: Store) -> None:
    def red(obj: dict[str, Any]) -> bool:
        return obj.get("data", {}).get("colour") == "red"

    watch = store.watch(CONFIGMAPS, selects=red)
    store.create(CONFIGMAPS, configmap("one", "here", colour="blue"))
    for colour in ("red", "red", "blue", "green"):
        store.update(CONFIGMAPS, configmap("one", "here", colour=colour, seen=str(store.version)))
    assert [kind for kind, _name in kinds(store, watch)] == ["ADDED", "MODIFIED", "DELETED"]


def test_history_is_bounded_and_says_so() -> None:
    store = Store(history=3)
    namespace(store, "here")
    early = store.version
    for number in range(5):
        store.create(CONFIGMAPS, configmap(f"c{number}", "here"))
    assert refusal(store.watch, CONFIGMAPS, since=early) == (410, "Expired")
    assert len(kinds(store, store.watch(CONFIGMAPS, since=store.version - 3))) == 3


def test_a_watch_in_another_thread_ends_when_it_is_stopped(store: Store) -> None:
    seen: list[str] = []
    watch = store.watch(CONFIGMAPS)
    reader = threading.Thread(target=lambda: seen.extend(change.object["metadata"]["name"] for change in watch))
    reader.start()
    for number in range(50):
        store.create(CONFIGMAPS, configmap(f"c{number}", "here"))
    watch.stop()
    joined(reader)
    assert seen == [f"c{number}" for number in range(50)]


def test_writers_side_by_side_lose_nothing(store: Store) -> None:
    store.create(CONFIGMAPS, configmap("one", "here", count="0"))

    def count() -> None:
        for _ in range(25):
            store.change(
                CONFIGMAPS, "here", "one", lambda live: {**live, "data": {"count": str(int(live["data"]["count"]) + 1)}}
            )

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        joined(thread)
    kept = store.get(CONFIGMAPS, "here", "one")
    assert kept and kept["data"] == {"count": "100"}


def test_a_finalizer_holds_an_object_until_it_is_taken_off(store: Store) -> None:
    held = configmap("one", "here")
    held["metadata"]["finalizers"] = ["practice/hold"]
    store.create(CONFIGMAPS, held)
    marked = store.delete(CONFIGMAPS, "here", "one")
    assert marked and marked["metadata"]["deletionTimestamp"]
    assert store.get(CONFIGMAPS, "here", "one")
    with watching(store, CONFIGMAPS) as watch:
        marked["metadata"]["finalizers"] = []
        store.update(CONFIGMAPS, marked)
        assert kinds(store, watch) == [("MODIFIED", "one"), ("DELETED", "one")]
    assert store.get(CONFIGMAPS, "here", "one") is None


def test_a_namespace_waits_for_the_last_of_its_contents(store: Store) -> None:
    held = configmap("held", "here")
    held["metadata"]["finalizers"] = ["practice/hold"]
    store.create(CONFIGMAPS, held)
    store.create(CONFIGMAPS, configmap("free", "here"))
    store.delete(NAMESPACES, "", "here")
    home = store.get(NAMESPACES, "", "here")
    assert home and home["status"]["phase"] == "Terminating"
    assert [obj["metadata"]["name"] for obj in store.list(CONFIGMAPS, "here")] == ["held"]
    assert refusal(store.create, CONFIGMAPS, configmap("new", "here")) == (403, "Forbidden")
    store.change(CONFIGMAPS, "here", "held", lambda live: {**live, "metadata": {**live["metadata"], "finalizers": []}})
    assert store.get(NAMESPACES, "", "here") is None


def test_a_new_namespace_has_its_default_account(store: Store) -> None:
    assert store.get(SERVICE_ACCOUNTS, "here", "default")
    assert refusal(lambda: (namespace(store, "kube-system"), store.delete(NAMESPACES, "", "kube-system")))[0] == 403


def test_what_is_owned_goes_with_its_owner(store: Store) -> None:
    def owned_by(name: str, *owners: dict[str, Any]) -> None:
        found = configmap(name, "here")
        found["metadata"]["ownerReferences"] = [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": o["metadata"]["name"], "uid": o["metadata"]["uid"]}
            for o in owners
        ]
        store.create(CONFIGMAPS, found)

    first = store.create(CONFIGMAPS, configmap("first", "here"))
    second = store.create(CONFIGMAPS, configmap("second", "here"))
    owned_by("of-first", first)
    owned_by("of-both", first, second)
    store.delete(CONFIGMAPS, "here", "first")
    assert [obj["metadata"]["name"] for obj in store.list(CONFIGMAPS, "here")] == ["of-both", "second"]
    store.delete(CONFIGMAPS, "here", "second", propagation="Orphan")
    assert [obj["metadata"]["name"] for obj in store.list(CONFIGMAPS, "here")] == ["of-both"]


def test_definitions_add_and_take_away_their_resource(store: Store) -> None:
    apples = GVR("fruit.example", "v1", "apples")
    apple = {"metadata": {"name": "a", "namespace": "here"}, "spec": {"colour": "red"}}
    made = store.create(DEFINITIONS, definition("fruit.example", "Apple", "apples"))
    assert {c["type"] for c in made["status"]["conditions"]} == {"Established", "NamesAccepted"}
    assert store.create(apples, apple)["kind"] == "Apple"
    store.delete(DEFINITIONS, "", "apples.fruit.example")
    assert store.list(apples) == []
    assert refusal(store.create, apples, apple) == (404, "NotFound")


def test_a_secret_may_be_written_as_text(store: Store) -> None:
    secret = {"metadata": {"name": "s", "namespace": "here"}, "stringData": {"a": "b"}, "data": {"c": "ZA=="}}
    made = store.create(SECRETS, secret)
    assert (made["data"], "stringData" in made, made["type"]) == ({"a": "Yg==", "c": "ZA=="}, False, "Opaque")


def test_labels_select(store: Store) -> None:
    for name, labels in (("a", {"x": "1"}), ("b", {"x": "2", "z": ""}), ("c", {})):
        found = configmap(name, "here")
        found["metadata"]["labels"] = labels
        store.create(CONFIGMAPS, found)

    def names(selector: str) -> str:
        return "".join(obj["metadata"]["name"] for obj in store.list(CONFIGMAPS, "here", selector))

    selectors = ("", "x=1", "x==2", "x!=1", "x", "!x", "x in (1,2),z", "x notin (1)", "z=")
    assert [names(selector) for selector in selectors] == ["abc", "a", "b", "bc", "ab", "c", "b", "bc", "b"]
    assert refusal(store.list, CONFIGMAPS, None, "x in 1") == (400, "BadRequest")


def test_the_furnished_cluster() -> None:
    store = Store()
    seed(store)
    nodes = store.list(NODES)
    assert [bool(node["spec"].get("taints")) for node in nodes] == [True, False, False, False]
    worker = nodes[1]["status"]
    assert worker["allocatable"] == {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "40Gi", "pods": "110"}
    assert worker["nodeInfo"]["kubeletVersion"] == "v1.30.2"
    assert worker["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://")
    homes = {obj["metadata"]["name"] for obj in store.list(NAMESPACES)}
    assert {"default", "kube-system", "kube-public", "cert-manager", "tkg-system"} <= homes
    for controller in store.list(DEPLOYMENTS):
        owners = [p["metadata"]["ownerReferences"][0]["uid"] for p in store.list(PODS)]
        assert owners.count(controller["metadata"]["uid"]) == 1


def test_pods_forget_what_they_said_when_they_go(store: Store) -> None:
    store.create(PODS, pod("p", "here"))
    store.append_log("here", "p", "hello")
    assert [line.text for line in store.logs.lines("here", "p")] == ["hello"]
    store.delete(PODS, "here", "p")
    assert store.logs.lines("here", "p") == []
