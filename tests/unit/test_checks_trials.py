"""What the outcomes of trials in the cluster are judged to mean."""

from __future__ import annotations

from typing import Any

import pytest

from installer_tasks.preflight.checks import registry_pull
from installer_tasks.preflight.checks.base import Facts, Level, Verdict, judge
from installer_tasks.preflight.checks.trial_removal import passed_trial
from installer_tasks.preflight.facts import trials
from installer_tasks.preflight.facts.trial_pull import _kind
from installer_tasks.text import text
from tests.engine.memory_cluster import MemoryCluster

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


class Lingering(MemoryCluster):
    """A namespace that is deleted stays, with these conditions."""

    def __init__(self, *conditions: dict[str, str]) -> None:
        super().__init__()
        self.conditions = conditions

    def delete(self, api_version: str, kind: str, name: str, namespace: str = "") -> bool:
        self.put({"apiVersion": api_version, "kind": kind, "metadata": {"name": name},
                  "status": {"conditions": list(self.conditions)}})  # fmt: skip
        return True


def condition(kind: str, message: str, status: str = "True") -> dict[str, str]:
    return {"type": kind, "status": status, "message": message}


REMAINING = condition("NamespaceContentRemaining", "Some resources are remaining: pods. has 1 resource instances")
SILENT = condition("NamespaceDeletionDiscoveryFailure", "Discovery failed for some groups: metrics.k8s.io/v1beta1")


@pytest.mark.parametrize(
    ("cluster", "level", "told"),
    [
        (MemoryCluster(), Level.PASS, "Went well. The test objects were deleted."),
        (Lingering(REMAINING), Level.PASS, "Went well. The test namespace {} is being deleted."),
        (Lingering({**SILENT, "status": "False"}), Level.PASS, "Went well. The test namespace {} is being deleted."),
        (Lingering(REMAINING, SILENT), Level.WARN, "Went well. But the cluster cannot delete the test namespace {}."),
    ],
)
def test_a_trial_is_not_said_to_be_gone_before_it_is(
    cluster: MemoryCluster, level: Level, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "GOING", 0.0)
    with trials.trial_namespace(cluster) as namespace:
        assert namespace.startswith("tmc-sm-installer-trial")
    verdict = passed_trial({"removal": namespace.removal()}, text("Went well."))
    assert (verdict.level, str(verdict.message)) == (level, told.format(namespace))
    if level is Level.WARN:
        assert "metrics.k8s.io/v1beta1" in str(verdict.cause) and "pods" not in str(verdict.cause)


def test_facts_of_an_older_version_say_nothing_of_their_removal() -> None:
    assert passed_trial({"bound": True}, text("Went well.")).level is Level.PASS
