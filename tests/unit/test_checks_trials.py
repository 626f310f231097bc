"""What the outcomes of trials in the cluster are judged to mean."""

from __future__ import annotations

from typing import Any

import pytest

from installer_tasks.checks import registry_pull
from installer_tasks.checks.base import Facts, Level, Verdict, judge
from installer_tasks.facts.trial_pull import _kind

HOST = "harbor.example.com"
X509 = 'Head "https://harbor.example.com/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority'


def node(name: str, outcome: str = "pulled", kind: str = "", words: str = "") -> dict[str, str]:
    return {"node": name, "outcome": outcome, "kind": kind, "words": words}


def judged(*nodes: dict[str, str], exists: bool = True, skipped: bool = False) -> Verdict:
    pull: dict[str, Any] = {"skipped": skipped, "host": HOST, "nodes": list(nodes)}
    observed = {"project": {"exists": exists}, "pull": pull}
    facts = {"registry": {name: {"ok": True, "value": value} for name, value in observed.items()}}
    return judge(registry_pull.CHECKS[0], Facts(facts, {"registry.project": f"{HOST}/tmc"}), frozenset())


def test_every_worker_counts() -> None:
    assert judged(node("a"), node("b")).level is Level.PASS
    assert judged(node("a"), node("b", "unknown", words="OutOfcpu")).level is Level.WARN
    verdict = judged(node("a"), node("b", "refused", "certificate", X509), node("c", "unknown"))
    assert (verdict.level, verdict.value) == (Level.FAIL, "b")
    assert "unknown authority" in str(verdict.cause)
    assert "additionalTrustedCAs" in verdict.command


def test_no_worker_at_all_is_no_success() -> None:
    assert judged().level is Level.WARN


def test_the_gravest_cause_is_told_and_all_workers_are_named() -> None:
    verdict = judged(node("a", "refused", "rights", "403 Forbidden"), node("b", "refused", "certificate", X509))
    assert verdict.value == "a, b"
    assert "trust" in str(verdict.cause)


def test_without_project_or_cluster_nothing_is_green() -> None:
    assert judged(node("a"), exists=False).level is Level.WARN
    assert judged(skipped=True).level is Level.BLOCKED


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (X509, "certificate"),
        ("dial tcp: lookup harbor.example.com on 10.0.0.2:53: no such host", "name"),
        ("dial tcp: lookup harbor.example.com on 10.0.0.2:53: read udp 10.0.0.9:41->10.0.0.2:53: i/o timeout", "name"),
        ("dial tcp 10.0.0.5:443: i/o timeout", "network"),
        ("dial tcp 10.0.0.5:443: connect: connection refused", "network"),
        ("failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized", "rights"),
        ("pull access denied, repository does not exist or may require authorization", "rights"),
        ("failed to authorize: failed to fetch anonymous token: Get https://h: dial tcp 10.0.0.5:443: i/o timeout", "network"),
        ("harbor.example.com/tmc/x@sha256:12: not found", "missing"),
        ('Back-off pulling image "harbor.example.com/tmc/x"', "other"),
    ],
)  # fmt: skip
def test_the_kubelets_words_have_a_kind(words: str, kind: str) -> None:
    assert _kind(words) == kind
    assert kind in registry_pull.WHY
