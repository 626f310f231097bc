"""Every check, in dependency order; a new check is one value in its system's module."""

from __future__ import annotations

from collections.abc import Mapping

from installer_tasks.preflight.checks import (
    bundle,
    certificates,
    certificates_authority,
    cluster,
    cluster_access,
    cluster_namespace,
    cluster_nodes,
    cluster_packages,
    cluster_trials,
    dns,
    dns_answers,
    dns_cluster,
    identity,
    registry,
    registry_pull,
    registry_trial,
    services,
)
from installer_tasks.preflight.checks.base import Check

CHECKS: tuple[Check, ...] = (
    *bundle.CHECKS,
    *cluster.CHECKS,
    *cluster_access.CHECKS,
    *cluster_nodes.CHECKS,
    *cluster_packages.CHECKS,
    *cluster_namespace.CHECKS,
    *cluster_trials.CHECKS,
    *dns.CHECKS,
    *dns_answers.CHECKS,
    *dns_cluster.CHECKS,
    *identity.CHECKS,
    *registry.CHECKS,
    *registry_trial.CHECKS,
    *registry_pull.CHECKS,
    *certificates_authority.CHECKS,
    *certificates.CHECKS,
    *services.CHECKS,
)

BY_NAME = {check.name: check for check in CHECKS}


def applying(answers: Mapping[str, str]) -> tuple[Check, ...]:
    """The checks that have something to judge where these are the answers."""
    return tuple(check for check in CHECKS if check.applies(answers))


def of_system(system: str, answers: Mapping[str, str] | None = None) -> tuple[Check, ...]:
    """Those of one system that apply; without answers, where people sign in with a provider."""
    return tuple(check for check in applying(answers or {}) if check.system == system)
