"""What cluster, certificates and services are judged to be, from facts written by hand: each defect alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from installer_tasks import answers as answer_keys
from installer_tasks import checks
from installer_tasks.checks.base import Facts, Verdict, judge_all
from installer_tasks.text import Text

GIB = 1024**3
ANSWERS = {
    "bundle.release": "1.4.1",
    "cluster.context": "practice",
    "certificates.cluster_issuer": "issuer",
    "services.service_type": "LoadBalancer",
}


def worker(name: str, **changes: Any) -> dict[str, Any]:
    found = {"cpu": 3.9, "memory": 7.5 * GIB, "disk": 36 * GIB, "architecture": "amd64"}
    return {"name": name, "schedulable": True, "ready": True, "control_plane": False, **found, **changes}


KAPP = {
    "name": "kapp-controller",
    "namespace": "tkg-system",
    "version": "0.50.0",
    "available": True,
    "resources": True,
}
SECRET_KIND = {"length": 36, "different": 14, "signs": [], "leading_dash": False, "ascii": True}
HEALTHY: dict[str, dict[str, Any]] = {
    "cluster": {
        "kubeconfig": {"contexts": ["practice"], "context": "practice", "server": "https://c:6443", "user": "token"},
        "version": {"git_version": "v1.28.3+vmware.1"},
        "rights": {"asked": 20, "missing": []},
        "nodes": [worker("cp", schedulable=False, cpu=2), *(worker(f"w{number}") for number in range(3))],
        "storage_classes": [{"name": "fast", "default": True}, {"name": "slow", "default": False}],
        "kapp_controller": KAPP,
        "leftovers": {"namespace": "tmc-local", "objects": []},
        "other_contours": [],
    },
    "certificates": {
        "cert_manager": {"installed": True, "version": "1.10.2"},
        "issuers": [{"name": "issuer", "kind": "ca", "ready": True, "message": ""}],
        "authority": {"certificates": [{"subject": "CN=CA", "is_ca": True}], "expired": []},
        "trial": {"name": "trial.tmc.example.com", "seconds": 1},
        "chain": {"issuer": "CN=CA", "trusted": True, "reason": None, "chain": []},
    },
    "services": {
        "passwords": {
            "services.postgres_password": {"length": 24, "printable": True},
            "services.minio_password": {"length": 24, "printable": True},
            "services.minio_username": {"length": 4, "printable": True},
        },
        "secrets": {
            "passwords": {
                "services.postgres_password": SECRET_KIND,
                "services.minio_password": SECRET_KIND,
            },
            "equal": False,
            "named": [],
        },
        "address_use": {"asked": "", "problem": "", "taken_by": []},
        "load_balancer": {"skipped": False, "address": "10.0.0.9", "seconds": 3},
    },
}
OF_CLUSTER = tuple(check for check in checks.CHECKS if check.system in HEALTHY or check.system == "dns")


def judged(facts: Mapping[str, Mapping[str, Any]], **answers: str) -> dict[str, Verdict]:
    observed = {
        system: {name: {"ok": True, "value": value} for name, value in found.items()} for system, found in facts.items()
    }
    given = answer_keys.with_defaults(ANSWERS | answers)
    verdicts = judge_all(OF_CLUSTER, Facts({"dns": _dns(), **observed}, given))
    return {name: verdict for name, verdict in verdicts.items() if not name.startswith("dns.")}


def _dns() -> dict[str, Any]:
    return {"zone": {"ok": True, "value": {"name": "tmc.example.com"}}}


def test_the_healthy_facts_raise_nothing() -> None:
    assert {str(verdict.level) for verdict in judged(HEALTHY).values()} == {"pass"}


def change(system: str, fact: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(facts: dict[str, Any]) -> None:
        facts[system][fact] = value

    return apply


NODES = HEALTHY["cluster"]["nodes"]
ISSUER = HEALTHY["certificates"]["issuers"][0]
CHAIN = HEALTHY["certificates"]["chain"]
PASSWORDS = HEALTHY["services"]["passwords"]
UNTRUSTED = {**CHAIN, "trusted": False, "issuer": "CN=Other", "reason": Text("signed by another").as_json()}
KUBERNETES = "cluster.version-supported"
#: What is changed, the check that says so, its level, a word of its value, and what is blocked by it.
DEFECTS = [
    (change("cluster", "version", {"git_version": "v1.22.9"}), KUBERNETES, "fail", "v1.22.9", ()),
    (change("cluster", "version", {"git_version": "v1.40.0"}), KUBERNETES, "warn", "v1.40.0", ()),
    (
        change(
            "cluster", "rights", {"asked": 2, "missing": [{"verb": "create", "resource": "namespaces", "group": ""}]}
        ),
        "cluster.rights",
        "fail",
        "create namespaces",
        (),
    ),
    (change("cluster", "nodes", NODES[:3]), "cluster.workers", "fail", "2", ()),
    (change("cluster", "nodes", [*NODES[:3], worker("tiny", cpu=1)]), "cluster.workers", "fail", "tiny (cpu 1)", ()),
    (
        change("cluster", "nodes", [*NODES[:3], worker("full", disk=GIB)]),
        "cluster.workers",
        "fail",
        "full (disk 1.0 GiB)",
        (),
    ),
    (
        change("cluster", "nodes", [*NODES[:3], worker("low", memory=GIB)]),
        "cluster.workers",
        "fail",
        "low (memory 1.0 GiB)",
        (),
    ),
    (
        change("cluster", "nodes", [*NODES[:3], worker("ill", ready=False)]),
        "cluster.workers",
        "fail",
        "ill (NotReady)",
        (),
    ),
    (
        change("cluster", "nodes", [*NODES, worker("arm", architecture="arm64")]),
        "cluster.architecture",
        "fail",
        "arm",
        (),
    ),
    (change("cluster", "storage_classes", []), "cluster.default-storage-class", "fail", "storageclasses", ()),
    (
        change("cluster", "storage_classes", [{"name": "slow", "default": False}]),
        "cluster.default-storage-class",
        "fail",
        "slow",
        (),
    ),
    (
        change("cluster", "storage_classes", [{"name": "a", "default": True}, {"name": "b", "default": True}]),
        "cluster.default-storage-class",
        "fail",
        "a, b",
        (),
    ),
    (
        change("cluster", "kapp_controller", {**KAPP, "namespace": "", "name": ""}),
        "cluster.kapp-controller",
        "fail",
        "packaging",
        (),
    ),
    (
        change("cluster", "kapp_controller", {**KAPP, "available": False}),
        "cluster.kapp-controller",
        "fail",
        "tkg-system/kapp-controller",
        (),
    ),
    (
        change("cluster", "leftovers", {"namespace": "tmc-local", "objects": ["Secret/old"]}),
        "cluster.leftovers",
        "warn",
        "Secret/old",
        (),
    ),
    (
        change("cluster", "other_contours", ["ingress/contour"]),
        "cluster.no-other-contour",
        "fail",
        "ingress/contour",
        (),
    ),
    (
        change("certificates", "cert_manager", {"installed": False, "version": ""}),
        "certificates.cert-manager",
        "fail",
        "cert-manager.io",
        ("certificates.issuer-ready", "certificates.trial-issued", "certificates.chain"),
    ),
    (
        change("certificates", "cert_manager", {"installed": True, "version": ""}),
        "certificates.cert-manager",
        "warn",
        "cert-manager",
        (),
    ),
    (
        change("certificates", "cert_manager", {"installed": True, "version": "0.16.1"}),
        "certificates.cert-manager",
        "warn",
        "0.16.1",
        (),
    ),
    (
        change("certificates", "issuers", [{**ISSUER, "name": "other"}]),
        "certificates.issuer-ready",
        "fail",
        "issuer",
        ("certificates.trial-issued", "certificates.chain"),
    ),
    (
        change("certificates", "issuers", [{**ISSUER, "ready": False, "message": "no secret"}]),
        "certificates.issuer-ready",
        "fail",
        "issuer",
        ("certificates.trial-issued", "certificates.chain"),
    ),
    (
        change("certificates", "authority", {"certificates": [{"subject": "CN=web", "is_ca": False}], "expired": []}),
        "certificates.authority",
        "fail",
        "CN=web",
        ("certificates.chain",),
    ),
    (
        change(
            "certificates", "authority", {"certificates": [{"subject": "CN=old", "is_ca": True}], "expired": ["CN=old"]}
        ),
        "certificates.authority",
        "fail",
        "CN=old",
        ("certificates.chain",),
    ),
    (change("certificates", "chain", UNTRUSTED), "certificates.chain", "fail", "CN=Other", ()),
    (
        change("services", "passwords", {"services.minio_password": {"length": 7, "printable": True}}),
        "services.passwords",
        "fail",
        "services.minio_password",
        ("services.passwords-strong",),
    ),
    (
        change("services", "passwords", {"services.minio_password": {"length": 8, "printable": True}}),
        "services.passwords",
        "warn",
        "services.minio_password",
        (),
    ),
    (
        change("services", "passwords", {"services.postgres_password": {"length": 9, "printable": False}}),
        "services.passwords",
        "fail",
        "services.postgres_password",
        ("services.passwords-strong",),
    ),
    (
        change("services", "passwords", {"services.minio_username": {"length": 2, "printable": True}}),
        "services.passwords",
        "fail",
        "services.minio_username",
        ("services.passwords-strong",),
    ),
    (
        change("services", "load_balancer", {"skipped": True, "kind": "NodePort"}),
        "services.load-balancer",
        "warn",
        "NodePort",
        (),
    ),
]


@pytest.mark.parametrize(("apply", "name", "level", "value", "blocked"), DEFECTS)
def test_one_defect_is_one_line_with_its_words(
    apply: Callable, name: str, level: str, value: str, blocked: tuple[str, ...]
) -> None:
    facts = copy.deepcopy(HEALTHY)
    apply(facts)
    verdicts = judged(facts)
    expected = dict.fromkeys(verdicts, "pass") | {name: level} | dict.fromkeys(blocked, "blocked")
    assert {check: str(verdict.level) for check, verdict in verdicts.items()} == expected
    verdict = verdicts[name]
    assert value in verdict.value
    assert str(verdict.message)
    assert verdict.cause is not None and str(verdict.cause)
    assert verdict.remedy is not None and str(verdict.remedy)


def test_a_small_postgres_password_is_taken() -> None:
    facts = copy.deepcopy(HEALTHY)
    facts["services"]["passwords"]["services.postgres_password"]["length"] = 8
    assert str(judged(facts)["services.passwords"].level) == "pass"


def test_the_pinned_address_must_be_the_one_given() -> None:
    assert str(judged(HEALTHY, **{"services.load_balancer_ip": "10.0.0.9"})["services.load-balancer"].level) == "pass"
    other = judged(HEALTHY, **{"services.load_balancer_ip": "10.0.0.8"})["services.load-balancer"]
    assert (str(other.level), other.value) == ("fail", "10.0.0.8")


def test_a_cluster_out_of_reach_is_one_red_line_over_three_pages() -> None:
    facts = copy.deepcopy(HEALTHY)
    for name in list(facts["cluster"])[1:]:
        del facts["cluster"][name]
    verdicts = judged(facts)
    loud = {
        name: str(verdict.level) for name, verdict in verdicts.items() if str(verdict.level) not in ("pass", "blocked")
    }
    assert loud == {"cluster.reachable": "error"}
    assert (
        str(verdicts["certificates.cert-manager"].level) == str(verdicts["services.load-balancer"].level) == "blocked"
    )


def test_looks_that_the_cluster_refused_fold_under_the_missing_rights() -> None:
    refused = {"code": "kubernetes-forbidden", "value": "list nodes", "detail": ""}
    error = {**refused, "cause": Text("may not").as_json(), "remedy": Text("bind").as_json()}
    missing = {"asked": 1, "missing": [{"verb": "list", "resource": "nodes", "group": ""}]}
    facts = {
        system: {name: {"ok": True, "value": value} for name, value in found.items()}
        for system, found in HEALTHY.items()
    }
    facts["cluster"]["nodes"] = facts["services"]["load_balancer"] = {"ok": False, "error": error}
    with_rights = judge_all(OF_CLUSTER, Facts({"dns": _dns(), **facts}, answer_keys.with_defaults(ANSWERS)))
    assert str(with_rights["cluster.workers"].level) == "fail"
    facts["cluster"]["rights"] = {"ok": True, "value": missing}
    verdicts = judge_all(OF_CLUSTER, Facts({"dns": _dns(), **facts}, answer_keys.with_defaults(ANSWERS)))
    loud = [name for name, verdict in verdicts.items() if str(verdict.level) == "fail"]
    assert loud == ["cluster.rights"]
    assert verdicts["cluster.workers"].evidence == {"blocked_by": "cluster.rights"}
    assert verdicts["services.load-balancer"].evidence == {"blocked_by": "cluster.rights"}
