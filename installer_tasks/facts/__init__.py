"""One collector a system; a new system is one module here and one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from installer_tasks.facts import bundle, certificates, cluster, dns, identity, registry, services
from installer_tasks.facts.base import Collector, Observations

PAUSE = 0.3  #: seconds between two looks at what has come in

COLLECTORS: Mapping[str, Collector] = {
    "bundle": bundle.collect,
    "cluster": cluster.collect,
    "dns": dns.collect,
    "identity": identity.collect,
    "registry": registry.collect,
    "certificates": certificates.collect,
    "services": services.collect,
}


def looking(
    answers: Mapping[str, str],
    systems: Iterable[str],
    collectors: Mapping[str, Collector] = COLLECTORS,
    *,
    wanted: frozenset[str] | None = None,
) -> Iterator[tuple[dict[str, dict[str, Any]], bool]]:
    """The facts by system, again and again while more come in, and at last all of them with True.

    Systems are looked at together: it takes as long as the slowest of them. `wanted`: names of the facts that are
    needed; what is slow and not among them is left out.
    """
    seen = {system: Observations(wanted) for system in systems}
    with ThreadPoolExecutor(len(seen), thread_name_prefix="look") as pool:
        looks = [pool.submit(collectors[system], answers, each) for system, each in seen.items()]
        while wait(looks, timeout=PAUSE).not_done:
            yield {system: dict(each.facts) for system, each in seen.items()}, False
    for look in looks:
        look.result()
    yield {system: each.facts for system, each in seen.items()}, True


def look_at_all(answers: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The facts of every system."""
    *_before, (seen, _whole) = looking(answers, COLLECTORS)
    return seen
