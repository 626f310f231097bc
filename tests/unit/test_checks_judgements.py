"""What cluster, certificates and services are judged to be, from facts written by hand: each defect alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from installer_tasks import answer_keys
from installer_tasks.preflight import checks
from installer_tasks.preflight.checks.base import Facts, Verdict, judge_all
from installer_tasks.text import Text
from tests.unit.certificate_facts import dissected
from tests.unit.cluster_facts import CLUSTER, GONE

ANSWERS = {
    "bundle.release": "1.4.1",
    "cluster.context": "practice",
    "certificates.cluster_issuer": "issuer",
    "services.service_type": "LoadBalancer",
}


PARTS = {
    part: {"name": f"cert-manager-{part}", "namespace": "cert-manager", "wanted": 1, "available": 1}
    for part in ("controller", "webhook", "cainjector")
}
ROOT = {
    **dissected(subject="CN=CA", is_ca=True, may_sign=True, self_signed=True),
    "signer_supplied": True,
    "cramped_by": [],
}
ISSUED = {
    "name": "trial.tmc.example.com", "asked_hours": 8780, "renew_hours": 780, "disorder": [],
    "presented": [dissected(sans=["trial.tmc.example.com"])],
}  # fmt: skip
#: What there is nothing to say of without a certificate of trial.
NO_TRIAL = tuple(
    f"certificates.{name}" for name in ("trial-issued", "trial-usable", "lifetime", "chain", "chain-presented")
)
NO_ISSUER = ("certificates.issuer-kind", *NO_TRIAL)
NO_CHAIN = ("certificates.chain", "certificates.chain-presented")
SECRET_KIND = {"length": 36, "different": 14, "signs": [], "leading_dash": False, "ascii": True}
HEALTHY: dict[str, dict[str, Any]] = {
    "cluster": CLUSTER,
    "certificates": {
        "cert_manager": {"installed": True, "version": "1.10.2", "parts": PARTS},
        "signing": {"kind": "ca", "server": "", "solvers": []},
        "trust": [
            {"system": "identity", "host": "idp", "by": "authority", "subject": "CN=CA", "pem": "", "detail": ""}
        ],
        "issuers": [{"name": "issuer", "kind": "ca", "ready": True, "message": ""}],
        "authority": {"certificates": [ROOT]},
        "accepted": [{"subject": "CN=CA", "rejected": None, "rejected_by_newer": None}],
        "trial": {"name": "trial.tmc.example.com", "seconds": 1, "removal": GONE},
        "issued": ISSUED,
        "chain": {
            "issuer": "CN=CA",
            "trusted": True,
            "reason": None,
            "chain": [],
            "roots": 1,
            "from_root": True,
            "missing": "",
        },
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
        "load_balancer": {"skipped": False, "address": "10.0.0.9", "seconds": 3, "removal": GONE},
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


ISSUER = HEALTHY["certificates"]["issuers"][0]
CHAIN = HEALTHY["certificates"]["chain"]
PASSWORDS = HEALTHY["services"]["passwords"]


def authority(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return change("certificates", "authority", {"certificates": [{**ROOT, **changes}]})


def accepted(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return change(
        "certificates", "accepted", [{"subject": "CN=CA", "rejected": None, "rejected_by_newer": None, **changes}]
    )


def issued(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return change("certificates", "issued", {**ISSUED, "presented": [{**ISSUED["presented"][0], **changes}]})


WEAK = ("certificates.authority-complete", *NO_CHAIN)
NO_AUTHORITY = (
    "certificates.authority-accepted",
    "certificates.authority-valid",
    "certificates.authority-strength",
    "certificates.trust-complete",
    *WEAK,
)
UNTRUSTED = {**CHAIN, "trusted": False, "issuer": "CN=Other", "reason": Text("signed by another").as_json()}
#: What is changed, the check that says so, its level, a word of its value, and what is blocked by it.
DEFECTS = [
    (
        change("certificates", "cert_manager", {"installed": False, "version": "", "parts": {}}),
        "certificates.cert-manager",
        "fail",
        "cert-manager.io",
        ("certificates.cert-manager-running", "certificates.issuer-ready", *NO_ISSUER),
    ),
    (
        change("certificates", "cert_manager", {"installed": True, "version": "", "parts": PARTS}),
        "certificates.cert-manager",
        "warn",
        "cert-manager",
        (),
    ),
    (
        change("certificates", "cert_manager", {"installed": True, "version": "0.16.1", "parts": PARTS}),
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
        NO_ISSUER,
    ),
    (
        change("certificates", "issuers", [{**ISSUER, "ready": False, "message": "no secret"}]),
        "certificates.issuer-ready",
        "fail",
        "issuer",
        NO_ISSUER,
    ),
    (authority(subject="CN=web", is_ca=False), "certificates.authority", "fail", "CN=web", NO_AUTHORITY),
    (authority(may_sign=False), "certificates.authority", "fail", "CN=CA", NO_AUTHORITY),
    (accepted(rejected=Text("Its key is odd.").as_json()), "certificates.authority-accepted", "fail", "CN=CA", ()),
    (accepted(rejected_by_newer=Text("It is odd.").as_json()), "certificates.authority-accepted", "warn", "CN=CA", ()),
    (authority(days_left=-1), "certificates.authority-valid", "fail", "CN=CA (2026-01-01", NO_CHAIN),
    (authority(started=False), "certificates.authority-valid", "fail", "CN=CA", NO_CHAIN),
    (authority(days_left=89), "certificates.authority-valid", "warn", "CN=CA", ()),
    (authority(bits=2047, key="RSA 2047"), "certificates.authority-strength", "fail", "RSA 2047", WEAK),
    (authority(signature="sha1"), "certificates.authority-strength", "warn", "SHA1", ()),
    (authority(signature="sha1", self_signed=False), "certificates.authority-strength", "fail", "SHA1", WEAK),
    (authority(cramped_by=["CN=Root"]), "certificates.authority-complete", "fail", "CN=CA", NO_CHAIN),
    (authority(signer_supplied=False), "certificates.authority-complete", "warn", "CN=CA", ()),
    (
        change("certificates", "signing", {"kind": "selfSigned", "server": "", "solvers": []}),
        "certificates.issuer-kind",
        "fail",
        "selfSigned",
        NO_CHAIN,
    ),
    (
        change("certificates", "signing", {"kind": "acme", "server": "https://acme", "solvers": ["http01"]}),
        "certificates.issuer-kind",
        "warn",
        "https://acme",
        (),
    ),
    (issued(sans=["other"]), "certificates.trial-usable", "fail", "trial.tmc.example.com", ()),
    (issued(hours=779), "certificates.lifetime", "warn", "issuer", ()),
    (
        change("certificates", "chain", {**CHAIN, "from_root": False, "missing": "CN=Middle"}),
        "certificates.chain-presented",
        "warn",
        "CN=Middle",
        (),
    ),
    (
        change(
            "certificates",
            "trust",
            [{"system": "registry", "host": "harbor", "by": "nobody", "subject": "CN=X", "pem": "PEM"}],
        ),
        "certificates.trust-complete",
        "warn",
        "harbor",
        (),
    ),
    (
        change("certificates", "chain", UNTRUSTED),
        "certificates.chain",
        "fail",
        "CN=Other",
        ("certificates.chain-presented",),
    ),
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
    missing = {"asked": 1, "missing": [{"verb": "list", "resource": "nodes", "group": "", "name": ""}], "user": ""}
    facts = {
        system: {name: {"ok": True, "value": value} for name, value in found.items()}
        for system, found in HEALTHY.items()
    }
    facts["cluster"]["nodes"] = facts["services"]["load_balancer"] = {"ok": False, "error": error}
    with_rights = judge_all(OF_CLUSTER, Facts({"dns": _dns(), **facts}, answer_keys.with_defaults(ANSWERS)))
    assert str(with_rights["cluster.nodes-healthy"].level) == "fail"
    facts["cluster"]["rights"] = {"ok": True, "value": missing}
    verdicts = judge_all(OF_CLUSTER, Facts({"dns": _dns(), **facts}, answer_keys.with_defaults(ANSWERS)))
    loud = [name for name, verdict in verdicts.items() if str(verdict.level) == "fail"]
    assert loud == ["cluster.rights"]
    assert verdicts["cluster.nodes-healthy"].evidence == {"blocked_by": "cluster.rights"}
    assert verdicts["services.load-balancer"].evidence == {"blocked_by": "cluster.rights"}
