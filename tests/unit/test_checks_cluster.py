"""What the cluster is judged to be, from facts written by hand: each defect alone is one line that names it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from installer_tasks import answer_keys
from installer_tasks.preflight import checks
from installer_tasks.preflight.checks.base import Facts, Verdict, judge_all
from tests.unit.cluster_facts import CLUSTER, GIB, KAPP, worker

NODES = CLUSTER["nodes"]
FAST, SLOW = CLUSTER["storage_classes"]
CLOCK, HOME, TRUST, INGRESS = (CLUSTER[name] for name in ("clock", "home", "trust", "ingress"))
RIGHT = {"verb": "create", "resource": "namespaces", "group": "", "name": ""}
HOOK = {"configuration": "Validating/x", "name": "hook.example.com", "service": "x/hook", "answers": False}
HELD = {"kind": "App", "name": "stack", "finalizers": ["finalizers.kapp-ctrl.k14s.io/delete"]}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def nodes(*changed: dict[str, Any]) -> list[dict[str, Any]]:
    """The control plane, two workers, and these."""
    return [*NODES[:3], *changed]


def expiring(seconds: int, given: int | None = None) -> dict[str, Any]:
    expires = {"at": "2026-03-01T12:00:00+00:00", "seconds": seconds, "given": given}
    return {**CLUSTER["kubeconfig"], "expires": expires}


def quota(**hard: float) -> dict[str, Any]:
    return {"namespace": "tmc-local", "quotas": [{"name": "small", "hard": hard}], "ranges": []}


def judged(**changed: Any) -> dict[str, Verdict]:
    facts = {name: {"ok": True, "value": value} for name, value in (CLUSTER | changed).items()}
    return judge_all(
        checks.of_system("cluster"), Facts({"cluster": facts}, answer_keys.with_defaults({"bundle.release": "1.4.1"}))
    )


def loud(verdicts: dict[str, Verdict]) -> dict[str, str]:
    return {
        name: str(verdict.level) for name, verdict in verdicts.items() if str(verdict.level) not in ("pass", "blocked")
    }


def test_the_healthy_facts_raise_nothing() -> None:
    assert {str(verdict.level) for verdict in judged().values()} == {"pass"}


#: Fact, what it is instead, the check that says so, its level, a word of its value.
DEFECTS = [
    ("version", {"git_version": "v1.22.9"}, "version-supported", "fail", "v1.22.9"),
    ("version", {"git_version": "v1.40.0"}, "version-supported", "warn", "v1.40.0"),
    ("kubeconfig", expiring(3600), "kubeconfig-expiry", "warn", "2026-03-01T12"),
    ("kubeconfig", expiring(-5), "kubeconfig-expiry", "fail", "2026-03-01T12"),
    ("kubeconfig", expiring(23 * 3600, 48 * 3600), "kubeconfig-expiry", "warn", "2026-03-01T12"),
    ("kubeconfig", expiring(11 * 3600, 24 * 3600), "kubeconfig-expiry", "warn", "2026-03-01T12"),
    ("kubeconfig", expiring(3500, 3600), "kubeconfig-expiry", "warn", "2026-03-01T12"),
    ("clock", {**CLOCK, "ahead": 61.0}, "clock", "warn", "2026-03-01T10"),
    ("clock", {**CLOCK, "ahead": -301.0}, "clock", "fail", "2026-03-01T10"),
    ("clock", {**CLOCK, "server": "", "ahead": None}, "clock", "warn", "Date"),
    ("kinds", {"asked": 13, "missing": ["Job.batch/v1"], "silent": []}, "apis", "fail", "Job.batch/v1"),
    ("kinds", {"asked": 13, "missing": [], "silent": ["Package.x"]}, "apis", "fail", "Package.x"),
    ("rights", {"asked": 2, "missing": [RIGHT], "user": ""}, "rights", "fail", "create namespaces"),
    ("nodes", NODES[:3], "workers", "fail", "2"),
    ("nodes", nodes(worker("tiny", cpu=1)), "workers", "fail", "tiny (cpu 1)"),
    ("nodes", nodes(worker("full", disk=GIB)), "workers", "fail", "full (disk 1.0 GiB)"),
    ("nodes", nodes(worker("low", memory=GIB)), "workers", "fail", "low (memory 1.0 GiB)"),
    ("nodes", nodes(worker("ill", ready=False)), "nodes-healthy", "fail", "ill: NotReady"),
    ("nodes", [*NODES, worker("ill", pressures=["DiskPressure"])], "nodes-healthy", "warn", "ill: DiskPressure"),
    ("nodes", [*NODES, worker("arm", architecture="arm64")], "architecture", "fail", "arm"),
    ("requested", {f"w{n}": {"cpu": 3.0, "memory": GIB} for n in range(3)}, "node-room", "warn", "w0: 0.9 CPU"),
    ("requested", {f"w{n}": {"cpu": 0.5, "memory": 6 * GIB} for n in range(3)}, "node-room", "warn", "1.5 GiB"),
    ("storage_classes", [], "default-storage-class", "fail", "storageclasses"),
    ("storage_classes", [SLOW], "default-storage-class", "fail", "slow"),
    ("storage_classes", [FAST, {**SLOW, "default": True}], "default-storage-class", "fail", "fast, slow"),
    (
        "storage_classes",
        [{**FAST, "provisioner": "kubernetes.io/no-provisioner"}],
        "storage-provisioner",
        "fail",
        "kubernetes.io/no-provisioner",
    ),
    ("kapp_controller", {**KAPP, "namespace": "", "name": ""}, "kapp-controller", "fail", "packaging"),
    ("kapp_controller", {**KAPP, "available": False}, "kapp-controller", "fail", "tkg-system/kapp-controller"),
    ("kapp_controller", {**KAPP, "version": "0.30.1"}, "kapp-version", "warn", "0.30.1"),
    ("kapp_controller", {**KAPP, "version": ""}, "kapp-version", "warn", "tkg-system/kapp-controller"),
    ("trust", {**TRUST, "config": "Secret", "wanted": PEM}, "kapp-trusts-registry", "warn", "Secret tkg-system"),
    ("webhooks", [HOOK], "webhooks", "fail", "hook.example.com (x/hook)"),
    (
        "home",
        {**HOME, "going": True, "since": "2026", "held": [HELD]},
        "namespace-not-terminating",
        "fail",
        "App/stack",
    ),
    ("home", {**HOME, "there": True, "enforces": "baseline"}, "pod-security", "warn", "enforce=baseline"),
    ("home", {**HOME, "policies": True}, "pod-security", "warn", "podsecuritypolicies"),
    ("limits", quota(pods=10), "quota", "fail", "small: pods 10"),
    ("limits", quota(pods=500), "quota", "warn", "small"),
    ("limits", {"namespace": "tmc-local", "quotas": [], "ranges": ["defaults"]}, "quota", "warn", "defaults"),
    ("leftovers", {"namespace": "tmc-local", "objects": ["Secret/old"]}, "leftovers", "warn", "Secret/old"),
    ("other_contours", ["ingress/contour"], "no-other-contour", "fail", "ingress/contour"),
    ("ingress", {**INGRESS, "class": "tmc-local"}, "ingress-class", "warn", "IngressClass/tmc-local"),
    ("ingress", {**INGRESS, "definition": "h.p.io", "app": "17"}, "ingress-class", "fail", "h.p.io"),
]


@pytest.mark.parametrize(("fact", "value", "name", "level", "word"), DEFECTS)
def test_one_defect_is_one_line_with_its_words(fact: str, value: Any, name: str, level: str, word: str) -> None:
    verdicts = judged(**{fact: value})
    assert loud(verdicts) == {f"cluster.{name}": level}
    verdict = verdicts[f"cluster.{name}"]
    assert word in verdict.value
    assert str(verdict.message)
    assert str(verdict.cause or "")
    assert str(verdict.remedy or "")
    assert "%(" not in f"{verdict.message}{verdict.cause}{verdict.remedy}"


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("kubeconfig", expiring(25 * 3600)),
        ("kubeconfig", expiring(24 * 3600 - 1, 24 * 3600)),  # fresh, from a cluster that gives none for longer
        ("clock", {**CLOCK, "ahead": 59.0}),
        ("trust", {**TRUST, "config": "Secret", "trusted": True}),
        ("trust", {**TRUST, "config": "ConfigMap", "authority": False}),
        ("home", {**HOME, "there": True, "enforces": "privileged"}),
        ("ingress", {**INGRESS, "class": "tmc-local", "definition": "h.p.io", "app": "17", "ours": True}),
        ("webhooks", [{**HOOK, "answers": True}]),
    ],
)
def test_what_is_no_defect_is_not_called_one(fact: str, value: Any) -> None:
    assert loud(judged(**{fact: value})) == {}


def test_expired_credentials_are_named_where_the_cluster_turns_them_away() -> None:
    facts = {"kubeconfig": {"ok": True, "value": expiring(-60)}}
    refusal = {"code": "kubernetes-unauthorized", "value": "https://c:6443", "cause": {}, "remedy": {}, "detail": ""}
    facts["version"] = {"ok": False, "error": refusal}
    verdicts = judge_all(
        checks.of_system("cluster"), Facts({"cluster": facts}, answer_keys.with_defaults({"bundle.release": "1.4.1"}))
    )
    assert loud(verdicts) == {"cluster.reachable": "fail"}
    assert "expired" in str(verdicts["cluster.reachable"].message)


def test_the_printed_manifest_gives_all_rights_verb_by_verb() -> None:
    command = judged(rights={"asked": 70, "missing": [RIGHT], "user": "ada"})["cluster.rights"].command
    role, binding = yaml.safe_load_all(command)
    rule = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "create", "patch", "delete"]}
    assert rule in role["rules"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert [subject["name"] for subject in binding["subjects"]] == ["ada"]


@pytest.mark.parametrize(
    ("group", "resource", "name", "told"),
    [
        ("", "nodes", "", "list nodes"),
        ("apps", "deployments", "", "list deployments.apps"),
        ("apps", "deployments", "one", "list deployments.apps/one"),
    ],
)
def test_a_missing_right_is_named_whole(group: str, resource: str, name: str, told: str) -> None:
    right = {"verb": "list", "group": group, "resource": resource, "name": name}
    assert judged(rights={"asked": 70, "missing": [right], "user": "ada"})["cluster.rights"].value == told


@pytest.mark.parametrize(
    ("objects", "first"),
    [
        (["Secret/old"], ""),
        (["PackageInstall/kafka", "PackageInstall/tanzu-mission-control"], "packageinstall tanzu-mission-control -n "),
        (["App/x", "PackageInstall/kafka", "PackageInstall/redis"], "packageinstall kafka redis -n "),
    ],
)
def test_leftovers_are_cleared_packages_first(objects: list[str], first: str) -> None:
    """A namespace that is deleted first takes the accounts, and waits for its packages for ever."""
    command = judged(leftovers={"namespace": "tmc-local", "objects": objects})["cluster.leftovers"].command
    assert command.endswith("kubectl delete namespace tmc-local")
    assert (f"kubectl delete {first}tmc-local && " in command) is bool(first)
    assert command.startswith("kubectl label persistentvolumeclaims -n tmc-local ") is bool(first)
