"""What the names of the zone resolve to, asked of the named server or of this machine's."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from installer_tasks import names, releases
from installer_tasks.errors import InstallerError, Missing
from installer_tasks.facts.base import Observations

TIMEOUT = 5.0


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    zone = observations.observe("zone", lambda: {"name": names.parse_zone(answers["dns.zone"])})
    if zone is None:
        return
    server = answers["dns.server"]
    if observations.observe("server", lambda: _server(zone["name"], server)) is None:
        return
    wanted = releases.chosen(answers).public_names(zone["name"])
    observations.observe_together(
        {"records": lambda: _records(wanted, server), "wildcard": lambda: _wildcard(zone["name"], server)}
    )


def _server(zone: str, server: str) -> dict[str, Any]:
    """Any answer will do, also that the name is not there: the server answers."""
    try:
        resolution = names.resolve(zone, server or None, timeout=TIMEOUT)
    except Missing:
        return {"server": server, "zone_resolves": False}
    return {"server": resolution.server, "zone_resolves": True}


def _records(wanted: tuple[str, ...], server: str) -> dict[str, Any]:
    with ThreadPoolExecutor(max_workers=len(wanted), thread_name_prefix="names") as pool:
        return dict(zip(wanted, pool.map(lambda name: _record(name, server), wanted), strict=True))


def _record(name: str, server: str) -> dict[str, Any]:
    try:
        found = names.resolve(name, server or None, timeout=TIMEOUT)
    except InstallerError as error:
        return {"addresses": [], "error": error.as_json()}
    return {"addresses": list(found.addresses), "ttl": found.ttl}


def _wildcard(zone: str, server: str) -> dict[str, Any]:
    found = names.wildcard_probe(zone, server or None, timeout=TIMEOUT)
    return {"addresses": list(found.addresses) if found else []}
