"""The practice cluster's API byte by byte: lists in parts, watches, refusals, certificates, faults."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest

from installer_tasks.rehearsal.kube.protobuf import MAGIC
from tests.contract.kube_cluster import (
    CONFIGMAPS,
    PODS,
    READER,
    Running,
    configmap,
    deployment,
    namespace,
    pod,
    running,
)
from tests.waiting import until


class Switch:
    """Faults by name."""

    def __init__(self) -> None:
        self.on: set[str] = set()

    def active(self, name: str) -> bool:
        return name in self.on


SWITCH = Switch()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("kube"), faults=SWITCH, history=200) as found:
        yield found


def maps(where: str, rest: str = "") -> str:
    return f"/api/v1/namespaces/{where}/configmaps{rest}"


def watch(cluster: Running, path: str) -> list[dict[str, Any]]:
    """All events of a watch that ends by itself."""
    response = cluster.request("GET", path)
    assert response.code == 200
    return [json.loads(line) for line in response.body.splitlines()]


def status(response: Any) -> tuple[int, str, str]:
    assert response.json["kind"] == "Status"
    assert response.json["code"] == response.code
    return response.code, response.json["reason"], response.json["message"]


def test_lists_come_in_parts(cluster: Running) -> None:
    where = namespace(cluster.store, "parts")
    for number in range(5):
        cluster.store.create(CONFIGMAPS, configmap(f"c{number}", where))
    found, token = [], ""
    for size in (2, 2, 1):
        page = cluster.request("GET", maps(where, f"?limit=2&continue={token}")).json
        assert (page["kind"], page["apiVersion"], len(page["items"])) == ("ConfigMapList", "v1", size)
        found += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
    assert (found, token) == ([f"c{number}" for number in range(5)], "")
    assert status(cluster.request("GET", maps(where, "?continue=nonsense")))[:2] == (400, "BadRequest")


def test_fields_select(cluster: Running) -> None:
    where = namespace(cluster.store, "fields")
    cluster.store.create(PODS, pod("a", where, node="n1"))
    cluster.store.create(PODS, pod("b", where, phase="Failed", node="n2"))

    def names(selector: str) -> list[str]:
        path = f"/api/v1/namespaces/{where}/pods?fieldSelector={selector}"
        return [item["metadata"]["name"] for item in cluster.request("GET", path).json["items"]]

    assert names("metadata.name%3Da") == names("spec.nodeName%3Dn1") == names("status.phase!%3DFailed") == ["a"]
    assert names("status.phase%3DFailed,spec.nodeName%3Dn2") == ["b"]
    refused = cluster.request("GET", f"/api/v1/namespaces/{where}/pods?fieldSelector=spec.x%3D1")
    assert status(refused) == (400, "BadRequest", "field label not supported: spec.x")


def test_watch_of_what_is_there_with_bookmarks(cluster: Running) -> None:
    where = namespace(cluster.store, "bookmarks")
    cluster.store.create(CONFIGMAPS, configmap("one", where))
    query = "?watch=true&timeoutSeconds=1&allowWatchBookmarks=true&sendInitialEvents=true"
    events = watch(cluster, maps(where, query + "&resourceVersionMatch=NotOlderThan"))
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(events[2]["object"]["metadata"]["resourceVersion"]) == cluster.store.version


def test_watch_from_a_forgotten_version_is_gone(cluster: Running) -> None:
    where = namespace(cluster.store, "forgotten")
    for number in range(201):
        cluster.store.create(CONFIGMAPS, configmap(f"c{number}", where))
    (event,) = watch(cluster, maps(where, "?watch=1&resourceVersion=1"))
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


def test_a_client_that_leaves_its_watch_is_let_go(cluster: Running) -> None:
    where = namespace(cluster.store, "leaves")
    connection = cluster.connection()
    connection.request("GET", maps(where, "?watch=true"), headers={"Authorization": "Bearer admin-token"})
    response = connection.getresponse()
    assert response.status == 200
    feed = cluster.store._feed
    watched: list[Any] = []

    def is_watched() -> bool:  # the answer's head comes a moment before
        watched[:] = [w for w in feed._watches if w._gvr == CONFIGMAPS]
        return bool(watched)

    until(is_watched)
    connection.close()
    response.close()
    until(lambda: not any(w in feed._watches for w in watched))


def test_patches_by_content_type(cluster: Running) -> None:
    where = namespace(cluster.store, "patches")
    cluster.store.create(CONFIGMAPS, configmap("one", where, x="1"))

    def patch(kind: str, body: Any, query: str = "") -> Any:
        return cluster.request("PATCH", maps(where, f"/one{query}"), body, headers={"Content-Type": kind})

    assert patch("application/merge-patch+json", {"data": {"z": "1"}}).json["data"] == {"x": "1", "z": "1"}
    operations = [{"op": "remove", "path": "/data/x"}]
    assert patch("application/json-patch+json", operations).json["data"] == {"z": "1"}
    strategic = "application/strategic-merge-patch+json"
    assert patch(strategic, {"data": {"z": None, "w": "1"}}, "?dryRun=All").json["data"] == {"w": "1"}
    assert patch("application/json-patch+json", operations).code == 422
    assert patch("text/plain", "hello").code == 415
    apply = "application/apply-patch+yaml"
    wanted = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {day: 2026-11-23}\n"
    assert status(patch(apply, wanted))[:2] == (422, "Invalid")
    assert patch(apply, wanted, "?fieldManager=me").json["data"]["day"] == "2026-11-23"
    assert patch(apply, "a: [", "?fieldManager=me").code == 400
    version = {"metadata": {"resourceVersion": "1"}, "data": {"z": "2"}}
    assert status(patch("application/merge-patch+json", version))[:2] == (409, "Conflict")


def test_apply_creates_with_201_and_then_answers_200(cluster: Running) -> None:
    where = namespace(cluster.store, "created")
    headers = {"Content-Type": "application/apply-patch+yaml"}
    path = maps(where, "/one?fieldManager=me&force=true&fieldValidation=Strict")
    codes = [cluster.request("PATCH", path, configmap("one", where, x="1"), headers=headers).code for _ in range(2)]
    assert codes == [201, 200]


def test_custom_resources_know_no_strategic_patch(cluster: Running) -> None:
    where = namespace(cluster.store, "strategic")
    path = f"/apis/packaging.carvel.dev/v1alpha1/namespaces/{where}/packageinstalls"
    made = cluster.request("POST", path, {"metadata": {"name": "p"}, "spec": {"paused": True}})
    assert made.code == 201
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    assert cluster.request("PATCH", f"{path}/p", {"spec": {}}, headers=headers).code == 415
    unversioned = {"metadata": {"name": "p"}, "spec": {}}
    assert "must be specified for an update" in status(cluster.request("PUT", f"{path}/p", unversioned))[2]


def test_a_collection_is_deleted_by_selection(cluster: Running) -> None:
    where = namespace(cluster.store, "collection")
    for name, colour in (("a", "red"), ("b", "blue")):
        found = configmap(name, where)
        found["metadata"]["labels"] = {"colour": colour}
        cluster.store.create(CONFIGMAPS, found)
    assert cluster.request("DELETE", maps(where, "?labelSelector=colour%3Dred")).code == 200
    assert [obj["metadata"]["name"] for obj in cluster.store.list(CONFIGMAPS, where)] == ["b"]


def test_deletion_answers_with_a_status_and_keeps_its_preconditions(cluster: Running) -> None:
    where = namespace(cluster.store, "deletion")
    cluster.store.create(CONFIGMAPS, configmap("one", where))
    wrong = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "another"}}
    assert cluster.request("DELETE", maps(where, "/one"), wrong).code == 409
    assert cluster.request("DELETE", maps(where, "/one?dryRun=All")).code == 200
    done = cluster.request("DELETE", maps(where, "/one")).json
    assert (done["kind"], done["status"], done["details"]["kind"]) == ("Status", "Success", "configmaps")
    gone = cluster.request("DELETE", maps(where, "/one"))
    assert status(gone) == (404, "NotFound", 'configmaps "one" not found')


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/api/v1/nonsense", None, 404),
        ("GET", "/apis/no.such/v1/things", None, 404),
        ("GET", "/nonsense", None, 404),
        ("GET", "/api/v1/namespaces/default/pods/none/dance", None, 404),
        ("POST", "/api/v1/configmaps", {"metadata": {"name": "a"}}, 404),
        ("POST", "/api/v1/namespaces/default/configmaps/a", {"metadata": {"name": "a"}}, 405),
        ("PUT", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "a"}}, 405),
        ("POST", "/api/v1/namespaces/default/configmaps", "{", 400),
        ("POST", "/api/v1/namespaces/default/configmaps", "[]", 400),
        ("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "a", "namespace": "b"}}, 400),
        ("POST", "/api/v1/namespaces/default/configmaps", {"metadata": []}, 400),
        ("POST", "/api/v1/namespaces/default/configmaps?dryRun=Some", {"metadata": {"name": "a"}}, 400),
        ("GET", "/api/v1/pods?limit=many", None, 400),
    ],
)
def test_bad_requests_get_a_status(cluster: Running, method: str, path: str, body: Any, code: int) -> None:
    assert status(cluster.request(method, path, body))[0] == code


def test_unknown_bodies(cluster: Running) -> None:
    def post(kind: str, body: str) -> Any:
        return cluster.request("POST", maps("default"), body, headers={"Content-Type": kind})

    assert status(post("text/plain", "a"))[:2] == (415, "UnsupportedMediaType")
    protobuf = "application/vnd.kubernetes.protobuf"
    assert post(protobuf, MAGIC.decode() + "\x0a\x02\x0a").code == 400
    assert post(protobuf, MAGIC.decode() + "\x0a\x07\x0a\x01a\x12\x02Xy\x12\x00").code == 415
    assert post("application/yaml", "metadata: {name: from-yaml}\ndata: {a: b}\n").code == 201


def test_who_asks(cluster: Running) -> None:
    assert status(cluster.request("GET", "/api/v1/pods", token="stolen")) == (401, "Unauthorized", "Unauthorized")
    anonymous = cluster.request("GET", "/api/v1/pods", token="")
    assert status(anonymous)[:2] == (403, "Forbidden")
    assert 'User "system:anonymous" cannot list resource "pods"' in anonymous.json["message"]
    assert cluster.request("GET", "/version", token="").json["gitVersion"] == "v1.30.2"
    assert cluster.request("GET", "/healthz", token="").body == b"ok"
    assert cluster.request("GET", "/apis", token="").code == 403
    forbidden = cluster.request("GET", "/api/v1/namespaces/default/secrets/s", token=READER)
    assert status(forbidden)[2] == (
        'secrets "s" is forbidden: User "read-only" cannot get resource "secrets" in API group "" '
        'in the namespace "default"'
    )


def test_a_client_certificate_is_a_user(cluster: Running) -> None:
    issued = cluster.ca.issue([], common_name="operator", organizations=["system:masters"], client=True)
    file = cluster.folder / "operator.pem"
    file.write_text(issued.chain_pem + issued.key_pem)
    connection = cluster.connection(certfile=file)
    try:
        question = json.dumps({"kind": "SelfSubjectReview"})
        connection.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", question)
        found = json.loads(connection.getresponse().read())["status"]["userInfo"]
        connection.request("GET", "/api/v1/secrets")
        second = connection.getresponse()
        assert (found["username"], second.status) == ("operator", 200)
        assert "system:masters" in found["groups"]
        second.read()
    finally:
        connection.close()


def test_rights_of_a_role_in_one_namespace(cluster: Running) -> None:
    where = namespace(cluster.store, "rights")
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{where}"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["mine"], "verbs": ["get"]}
    cluster.request("POST", f"{roles}/roles", {"metadata": {"name": "r"}, "rules": [rule]})
    binding = {
        "metadata": {"name": "b"},
        "subjects": [{"kind": "User", "name": "ann"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
    }
    assert cluster.request("POST", f"{roles}/rolebindings", binding).code == 201

    def may(verb: str, name: str, place: str) -> bool:
        wish = {"verb": verb, "resource": "configmaps", "name": name, "namespace": place}
        review = {"spec": {"user": "ann", "resourceAttributes": wish}}
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        return bool(cluster.request("POST", path, review).json["status"]["allowed"])

    wishes = [("get", "mine", where), ("get", "other", where), ("delete", "mine", where), ("get", "mine", "default")]
    assert [may(*wish) for wish in wishes] == [True, False, False, False]


def test_one_connection_carries_many_requests(cluster: Running) -> None:
    connection = cluster.connection()
    try:
        ports = set()
        for _ in range(3):
            connection.request("GET", "/version")
            connection.getresponse().read()
            ports.add(connection.sock.getsockname()[1])
        assert len(ports) == 1
    finally:
        connection.close()


def test_a_client_slow_to_shake_hands_holds_up_nobody(cluster: Running) -> None:
    host, port = cluster.server.url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port))):
        assert cluster.request("GET", "/healthz").body == b"ok"


def test_another_authority_is_not_believed(cluster: Running) -> None:
    host, port = cluster.server.url.removeprefix("https://").split(":")
    context = ssl.create_default_context()
    with socket.create_connection((host, int(port))) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname=host)


def test_faults_bite_when_they_are_on(cluster: Running) -> None:
    try:
        SWITCH.on = {"kube.unavailable"}
        assert status(cluster.request("GET", "/api/v1/nodes"))[:2] == (503, "ServiceUnavailable")
        SWITCH.on = {"kube.slow"}
        started = time.monotonic()
        assert cluster.request("GET", "/healthz").code == 200
        assert time.monotonic() - started >= 2
    finally:
        SWITCH.on = set()
    assert cluster.request("GET", "/api/v1/nodes").code == 200


def test_logs_of_which_container(cluster: Running) -> None:
    where = namespace(cluster.store, "containers")
    two = pod("two", where)
    two["spec"]["containers"].append({"name": "side", "image": "s:1"})
    cluster.store.create(PODS, two)
    cluster.store.append_log(where, "two", "from side", "side")
    cluster.store.append_log(where, "two", "from the pod")
    path = f"/api/v1/namespaces/{where}/pods/two/log"
    assert "choose one of: [main side]" in status(cluster.request("GET", path))[2]
    assert cluster.request("GET", f"{path}?container=side").body == b"from side\nfrom the pod\n"
    assert cluster.request("GET", f"{path}?container=main").body == b"from the pod\n"
    assert cluster.request("GET", f"{path}?container=none").code == 400
    waiting = pod("late", where, phase="Pending")
    state = {"waiting": {"reason": "ContainerCreating"}}
    waiting["status"]["containerStatuses"] = [{"name": "main", "state": state}]
    cluster.store.create(PODS, waiting)
    refused = status(cluster.request("GET", f"/api/v1/namespaces/{where}/pods/late/log"))
    assert refused[2] == 'container "main" in pod "late" is waiting to start: ContainerCreating'


def test_stopping_ends_watches_and_a_restart_keeps_the_address(tmp_path: Any) -> None:
    with running(tmp_path) as cluster:
        connection = cluster.connection()
        connection.request(
            "GET", "/api/v1/pods?watch=true&timeoutSeconds=86400", headers={"Authorization": "Bearer admin-token"}
        )
        response = connection.getresponse()
        url = cluster.server.url
        cluster.server.stop()
        connection.close()
        response.close()
        cluster.server.start()
        assert cluster.server.url == url
        assert cluster.request("GET", "/healthz").body == b"ok"


def test_status_cannot_be_smuggled_in(cluster: Running) -> None:
    where = namespace(cluster.store, "smuggled")
    path = f"/apis/apps/v1/namespaces/{where}/deployments"
    made = cluster.request("POST", path, {**deployment("web", where, "a:1"), "status": {"readyReplicas": 9}}).json
    assert made["status"] == {}
    put = cluster.request("PUT", f"{path}/web/status", {**made, "status": {"readyReplicas": 1}, "spec": {}})
    assert (put.json["status"], put.json["spec"]) == ({"readyReplicas": 1}, made["spec"])
