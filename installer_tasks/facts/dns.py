"""What the names of the zone resolve to, asked of the named server or of this machine's, and of those beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from installer_tasks import names, net, releases
from installer_tasks.errors import InstallerError, Missing
from installer_tasks.facts import cluster_dns
from installer_tasks.facts.base import Observations

TIMEOUT = 5.0
#: For servers that nobody named: that they cannot be asked from here is no news.
ASIDE = 2.0
#: Answers of 60 KiB exist; what is kept of one name stays small.
MAX_ADDRESSES = 20
MAX_SERVERS = 4
#: Codes of `resolve` that mean: there is no address to be had here.
ABSENT = ("dns-nxdomain", "dns-no-address")
#: Of an alias that ends outside the zone a server of the zone alone knows nothing.
ELSEWHERE = "dns-alias-dangling"


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    zone = observations.observe("zone", lambda: {"name": names.parse_zone(answers["dns.zone"])})
    if zone is None:
        return
    server = answers["dns.server"]
    if observations.observe("server", lambda: _server(zone["name"], server)) is None:
        return
    wanted = releases.chosen(answers).public_names(zone["name"])
    observations.observe_together(
        {
            "records": lambda: _records(wanted, server),
            "ipv6": lambda: _ipv6(wanted, server),
            "wildcard": lambda: _wildcard(zone["name"], server),
            "holder": lambda: _holder(zone["name"], server),
            "mail": lambda: _mail(zone["name"], server),
            "pods": lambda: cluster_dns.forwarding(answers, wanted, lambda at: _view("pods", at, wanted)),
            "others": lambda: _others(wanted, zone["name"], server),
        }
    )


def _server(zone: str, server: str) -> dict[str, Any]:
    """Any answer will do, also that the name is not there: the server answers."""
    try:
        resolution = names.resolve(zone, server or None, timeout=TIMEOUT)
    except Missing:
        return {"server": server, "zone_resolves": False}
    return {"server": resolution.server, "zone_resolves": True}


def _each(look: Callable[[str], Any], wanted: tuple[str, ...]) -> dict[str, Any]:
    with ThreadPoolExecutor(max_workers=max(len(wanted), 1), thread_name_prefix="names") as pool:
        return dict(zip(wanted, pool.map(look, wanted), strict=True))


def _records(wanted: tuple[str, ...], server: str) -> dict[str, Any]:
    return _each(partial(_record, server=server), wanted)


def _record(name: str, server: str) -> dict[str, Any]:
    try:
        found = names.resolve(name, server or None, timeout=TIMEOUT)
    except InstallerError as error:
        elsewhere = _at_the_end(error, server)
        return elsewhere or {"addresses": [], "cname": error.detail if error.code == ELSEWHERE else "",
                             "error": error.as_json()}  # fmt: skip
    return {"addresses": list(found.addresses[:MAX_ADDRESSES]), "cname": found.cname, "ttl": found.ttl}


def _at_the_end(error: InstallerError, server: str) -> dict[str, Any] | None:
    """Where an alias leads that the zone's own server does not follow out of its zone: this machine's may."""
    if error.code != ELSEWHERE or not server:
        return None
    try:
        found = names.resolve(error.detail, None, timeout=ASIDE)
    except InstallerError:
        return None
    return {"addresses": list(found.addresses[:MAX_ADDRESSES]), "cname": error.detail, "ttl": found.ttl}


def _ipv6(wanted: tuple[str, ...], server: str) -> dict[str, list[str]]:
    """Names with IPv6 records; a server that fails at these alone is old, not wrong."""

    def look(name: str) -> list[str]:
        try:
            return list(names.look_up(name, "AAAA", server or None, timeout=ASIDE).values[:MAX_ADDRESSES])
        except InstallerError:
            return []

    return {name: found for name, found in _each(look, wanted).items() if found}


def _wildcard(zone: str, server: str) -> dict[str, Any]:
    found = names.wildcard_probe(zone, server or None, timeout=TIMEOUT)
    return {"addresses": list(found.addresses[:MAX_ADDRESSES]) if found else []}


def _holder(zone: str, server: str) -> dict[str, Any]:
    """The zone, in the sense of DNS, that holds the names: the one given or one above it; "" when nobody says."""
    found = names.look_up(zone, "SOA", server or None, timeout=TIMEOUT)
    return {"zone": found.zone, "exists": found.exists, "server": found.server}


def _mail(zone: str, server: str) -> dict[str, Any]:
    found = names.look_up(zone, "MX", server or None, timeout=TIMEOUT)
    return {"servers": [value for value in found.values if value != "0 ."][:MAX_ADDRESSES]}


def _others(wanted: tuple[str, ...], zone: str, server: str) -> list[dict[str, Any]]:
    """What this machine's own servers and those of the zone answer, beside the one that was asked."""
    asked = _full(server) if server else ""
    own = [("machine", other) for other in names.system_servers()[: MAX_SERVERS - 1] if other != asked]
    zones = [("zone", other) for other in _authoritative(zone, server) if other != asked]
    servers = [*(own if server else own[1:]), *zones]
    with ThreadPoolExecutor(max_workers=max(len(servers), 1), thread_name_prefix="servers") as pool:
        return list(pool.map(lambda found: _view(found[0], found[1], wanted), servers))


def _full(server: str) -> str:
    host, port = names.parse_server(server)
    return net.shown(host, port)


def _authoritative(zone: str, server: str) -> list[str]:
    """The servers of the zone that holds the names, on the port of the one that was named."""
    port = names.parse_server(server)[1] if server else names.PORT
    try:
        holder = names.look_up(zone, "SOA", server or None, timeout=ASIDE).zone
        if holder in ("", "."):
            return []
        hosts = names.look_up(holder, "NS", server or None, timeout=ASIDE).values
    except InstallerError:
        return []
    found: list[str] = []
    for host in hosts[:MAX_SERVERS]:
        try:
            addresses = names.resolve(host.rstrip("."), server or None, timeout=ASIDE).addresses
        except InstallerError:
            continue
        found += [net.shown(address, port) for address in addresses[:1]]
    return list(dict.fromkeys(found))


def _view(whose: str, server: str, wanted: tuple[str, ...]) -> dict[str, Any]:
    """Addresses by name; None for what this server cannot tell, and an error when it tells nothing."""
    try:
        names.look_up(wanted[0], "SOA", server, timeout=ASIDE)
    except InstallerError as error:
        return {"server": server, "whose": whose, "records": {}, "error": error.as_json()}
    return {"server": server, "whose": whose, "records": _each(partial(_seen, server=server), wanted)}


def _seen(name: str, server: str) -> list[str] | None:
    try:
        return list(names.resolve(name, server, timeout=ASIDE).addresses[:MAX_ADDRESSES])
    except InstallerError as error:
        return [] if error.code in ABSENT else None
