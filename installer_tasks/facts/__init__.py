"""One collector a system; a new system is one module here and one line."""

from __future__ import annotations

from collections.abc import Mapping

from installer_tasks.facts import bundle, certificates, cluster, dns, identity, registry, services
from installer_tasks.facts.base import Collector

COLLECTORS: Mapping[str, Collector] = {
    "bundle": bundle.collect,
    "cluster": cluster.collect,
    "dns": dns.collect,
    "identity": identity.collect,
    "registry": registry.collect,
    "certificates": certificates.collect,
    "services": services.collect,
}
