"""One collector a system; a new system is one module here and one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from installer_tasks.preflight.facts import bundle, certificates, cluster, dns, identity, registry, services
from installer_tasks.preflight.facts.base import NOTHING_GRANTED, Collector, Granted, Observations, Reading

PAUSE = 0.3  #: seconds between two looks at what has come in

Tell = Callable[[str, Reading], None]

COLLECTORS: Mapping[str, Collector] = {
    "bundle": bundle.collect,
    "cluster": cluster.collect,
    "dns": dns.collect,
    "identity": identity.collect,
    "registry": registry.collect,
    "certificates": certificates.collect,
    "services": services.collect,
}


def observing(
    answers: Mapping[str, str],
    systems: Iterable[str],
    collectors: Mapping[str, Collector] = COLLECTORS,
    *,
    wanted: frozenset[str] | None = None,
    granted: Granted = NOTHING_GRANTED,
    tell: Tell = lambda _system, _reading: None,
) -> Iterator[tuple[dict[str, dict[str, Any]], bool]]:
    """The facts by system, again and again while more come in, and at last all of them with True.

    Systems are looked at together: it takes as long as the slowest of them. `wanted`: names of the facts that are
    needed; what is slow and not among them is left out. `tell` hears how far a large file has been read.
    """
    seen = {system: Observations(wanted, granted, granted.refusals.get(system)) for system in systems}
    with ThreadPoolExecutor(len(seen), thread_name_prefix="look") as pool:
        probes = [pool.submit(collectors[system], answers, each) for system, each in seen.items()]
        while wait(probes, timeout=PAUSE).not_done:
            for system, each in seen.items():
                if each.reading is not None:
                    tell(system, each.reading)
            yield {system: dict(each.facts) for system, each in seen.items()}, False
    for probe in probes:
        probe.result()
    yield {system: each.facts for system, each in seen.items()}, True


def observe_all(answers: Mapping[str, str], granted: Granted = NOTHING_GRANTED) -> dict[str, dict[str, Any]]:
    """The facts of every system."""
    *_before, (seen, _whole) = observing(answers, COLLECTORS, granted=granted)
    return seen
