"""One collector a system; a new system is one module here and one line."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from installer_tasks.facts import bundle, certificates, cluster, dns, identity, registry, services
from installer_tasks.facts.base import Collector, Observations

COLLECTORS: Mapping[str, Collector] = {
    "bundle": bundle.collect,
    "cluster": cluster.collect,
    "dns": dns.collect,
    "identity": identity.collect,
    "registry": registry.collect,
    "certificates": certificates.collect,
    "services": services.collect,
}


def look_at(
    system: str, answers: Mapping[str, str], collectors: Mapping[str, Collector] = COLLECTORS
) -> dict[str, Any]:
    """The facts of one system, by name."""
    observations = Observations()
    collectors[system](answers, observations)
    return observations.facts


def look_at_all(
    answers: Mapping[str, str], collectors: Mapping[str, Collector] = COLLECTORS
) -> dict[str, dict[str, Any]]:
    """The facts of every system. All are looked at together: it takes as long as the slowest of them."""
    with ThreadPoolExecutor(len(collectors), thread_name_prefix="look") as pool:
        looks = {system: pool.submit(look_at, system, answers, collectors) for system in collectors}
        return {system: look.result() for system, look in looks.items()}
