"""What the names of the zone resolve to, asked of the named server or of this machine's, and of those beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from installer_tasks import releases
from installer_tasks.errors import InstallerError, Missing
from installer_tasks.preflight.facts import cluster_dns
from installer_tasks.preflight.facts.base import Observations, Probe
from installer_tasks.preflight.shapes import dns as shapes
from installer_tasks.systems import net
from installer_tasks.systems.dns import resolver

T = TypeVar("T")

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
#: Codes of `resolve` that mean: this question was not answered; another one may be.
SILENT = ("dns-timeout", "dns-server-failed")


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    zone = observations.observe(shapes.ZONE, lambda: _zone(answers))
    if zone is None:
        return
    server = answers["dns.server"]
    wanted = releases.chosen(answers).public_names(zone["name"])
    if observations.observe(shapes.SERVER, lambda: _server(zone["name"], wanted, server)) is None:
        return
    observations.observe_together(
        Probe(shapes.RECORDS, lambda: _records(wanted, server)),
        Probe(shapes.IPV6, lambda: _ipv6(wanted, server)),
        Probe(shapes.WILDCARD, lambda: _wildcard(zone["name"], server)),
        Probe(shapes.HOLDER, lambda: _holder(zone["name"], server)),
        Probe(shapes.MAIL, lambda: _mail(zone["name"], server)),
        Probe(shapes.PODS, lambda: cluster_dns.forwarding(answers, wanted, lambda at: _view("pods", at, wanted))),
        Probe(shapes.OTHERS, lambda: _others(wanted, zone["name"], server)),
    )


def _zone(answers: Mapping[str, str]) -> shapes.Zone:
    return {"name": resolver.parse_zone(answers["dns.zone"])}


def _server(zone: str, wanted: tuple[str, ...], server: str) -> shapes.Server:
    """Any answer will do, also that the name is not there: the server answers.

    Some load balancers that serve DNS (NSX) are silent for names that they do not have: then any public name will do.
    """
    try:
        resolution = resolver.resolve(zone, server or None, timeout=TIMEOUT)
    except Missing:
        return {"server": server, "zone_resolves": False}
    except InstallerError as error:
        if error.code not in SILENT or not any(_each(partial(_is_answered, server=server), wanted).values()):
            raise
        return {"server": server, "zone_resolves": False}
    return {"server": resolution.server, "zone_resolves": True}


def _is_answered(name: str, server: str) -> bool:
    try:
        resolver.resolve(name, server or None, timeout=ASIDE)
    except Missing:
        return True
    except InstallerError:
        return False
    return True


def _each(look: Callable[[str], T], wanted: tuple[str, ...]) -> dict[str, T]:
    with ThreadPoolExecutor(max_workers=max(len(wanted), 1), thread_name_prefix="names") as pool:
        return dict(zip(wanted, pool.map(look, wanted), strict=True))


def _records(wanted: tuple[str, ...], server: str) -> dict[str, shapes.Record]:
    return _each(partial(_record, server=server), wanted)


def _record(name: str, server: str) -> shapes.Record:
    try:
        found = resolver.resolve(name, server or None, timeout=TIMEOUT)
    except InstallerError as error:
        elsewhere = _at_the_end(error, server)
        return elsewhere or {"addresses": [], "cname": error.detail if error.code == ELSEWHERE else "",
                             "error": error.as_json()}  # fmt: skip
    return {"addresses": list(found.addresses[:MAX_ADDRESSES]), "cname": found.cname, "ttl": found.ttl}


def _at_the_end(error: InstallerError, server: str) -> shapes.Record | None:
    """Where an alias leads that the zone's own server does not follow out of its zone: this machine's may."""
    if error.code != ELSEWHERE or not server:
        return None
    try:
        found = resolver.resolve(error.detail, None, timeout=ASIDE)
    except InstallerError:
        return None
    return {"addresses": list(found.addresses[:MAX_ADDRESSES]), "cname": error.detail, "ttl": found.ttl}


def _ipv6(wanted: tuple[str, ...], server: str) -> dict[str, list[str]]:
    """Names with IPv6 records; a server that fails at these alone is old, not wrong."""

    def look(name: str) -> list[str]:
        try:
            return list(resolver.look_up(name, "AAAA", server or None, timeout=ASIDE).values[:MAX_ADDRESSES])
        except InstallerError:
            return []

    return {name: found for name, found in _each(look, wanted).items() if found}


def _wildcard(zone: str, server: str) -> shapes.Wildcard:
    try:
        found = resolver.wildcard_probe(zone, server or None, timeout=TIMEOUT)
    except InstallerError as error:  # no wildcard answered, whatever else did not
        return {"addresses": [], "cname": "", "unanswered": error.code}
    return {
        "addresses": list(found.addresses[:MAX_ADDRESSES]) if found else [],
        "cname": found.cname if found else "",
        "unanswered": "",
    }


def _holder(zone: str, server: str) -> shapes.Holder:
    """The zone, in the sense of DNS, that holds the names: the one given or one above it; "" when nobody says."""
    try:
        found = resolver.look_up(zone, "SOA", server or None, timeout=TIMEOUT)
    except InstallerError as error:  # a side question: the addresses decide
        return {"zone": "", "exists": True, "server": server, "unanswered": error.code}
    return {"zone": found.zone, "exists": found.exists, "server": found.server, "unanswered": ""}


def _mail(zone: str, server: str) -> shapes.Mail:
    try:
        found = resolver.look_up(zone, "MX", server or None, timeout=TIMEOUT)
    except InstallerError as error:
        return {"servers": [], "unanswered": error.code}
    return {"servers": [value for value in found.values if value != "0 ."][:MAX_ADDRESSES], "unanswered": ""}


def _others(wanted: tuple[str, ...], zone: str, server: str) -> list[shapes.View]:
    """What this machine's own servers and those of the zone answer, beside the one that was asked."""
    asked = _full(server) if server else ""
    own = [("machine", other) for other in resolver.system_servers()[: MAX_SERVERS - 1] if other != asked]
    zones = [("zone", other) for other in _authoritative(zone, server) if other != asked]
    servers = [*(own if server else own[1:]), *zones]
    with ThreadPoolExecutor(max_workers=max(len(servers), 1), thread_name_prefix="servers") as pool:
        return list(pool.map(lambda found: _view(found[0], found[1], wanted), servers))


def _full(server: str) -> str:
    host, port = resolver.parse_server(server)
    return net.shown(host, port)


def _authoritative(zone: str, server: str) -> list[str]:
    """The servers of the zone that holds the names, on the port of the one that was named."""
    port = resolver.parse_server(server)[1] if server else resolver.PORT
    try:
        holder = resolver.look_up(zone, "SOA", server or None, timeout=ASIDE).zone
        if holder in ("", "."):
            return []
        hosts = resolver.look_up(holder, "NS", server or None, timeout=ASIDE).values
    except InstallerError:
        return []
    found: list[str] = []
    for host in hosts[:MAX_SERVERS]:
        try:
            addresses = resolver.resolve(host.rstrip("."), server or None, timeout=ASIDE).addresses
        except InstallerError:
            continue
        found += [net.shown(address, port) for address in addresses[:1]]
    return list(dict.fromkeys(found))


def _view(whose: str, server: str, wanted: tuple[str, ...]) -> shapes.View:
    """Addresses by name; None for what this server cannot tell, and an error when it tells nothing."""
    seen = _each(partial(_seen, server=server), wanted)
    errors = [item.error for item in seen.values() if item.error]
    if len(errors) == len(seen) and all(error.code not in (*ABSENT, ELSEWHERE) for error in errors):
        return {"server": server, "whose": whose, "records": {}, "aliases": {}, "error": errors[0].as_json()}
    return {
        "server": server,
        "whose": whose,
        "records": {name: item.addresses for name, item in seen.items()},
        "aliases": {name: item.cname for name, item in seen.items() if item.cname},
    }


class _Seen(NamedTuple):
    """Of one name by one server."""

    addresses: list[str] | None
    cname: str
    error: InstallerError | None = None


def _seen(name: str, server: str) -> _Seen:
    try:
        found = resolver.resolve(name, server, timeout=ASIDE)
    except InstallerError as error:
        alias = error.detail if error.code == ELSEWHERE else ""
        return _Seen([] if error.code in ABSENT else None, alias, error)
    return _Seen(list(found.addresses[:MAX_ADDRESSES]), found.cname)
