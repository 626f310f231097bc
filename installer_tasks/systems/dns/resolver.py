"""DNS: zone names as people type them, and what a name resolves to, asked of the named server or of this machine's.

The name server is asked itself, without /etc/hosts: pods and browsers do not read this machine's files.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from installer_tasks.errors import Busy, InputError, InstallerError, Invalid, Missing, Refused, Unreachable
from installer_tasks.systems.net import shown
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

PORT = 53
TIMEOUT = 5.0
#: A datagram may be lost: it is sent again after this part of the time that is left.
RESEND_AFTER = 0.4
#: What must still fit in front of the zone.
LONGEST_HOST = "pinniped-supervisor."
MAX_NAME, MAX_LABEL = 253, 63
_EXAMPLE = Text(_("Enter only the zone, for example tmc.example.com."))
_ASK_OWNER = Text(_("Ask the DNS zone's administrator to create the record."))


@dataclass(frozen=True)
class Resolution:
    """What a name resolves to; `cname` is the name at the end of its aliases, or empty."""

    name: str
    addresses: tuple[str, ...]
    cname: str
    ttl: int
    server: str


@dataclass(frozen=True)
class Lookup:
    """What a server says of one type of record: as texts, with its aliases followed."""

    exists: bool  #: the name has records, of this type or another
    values: tuple[str, ...]
    zone: str  #: the zone that the server found the name in; "" when it does not say, "." for the root
    server: str


@dataclass(frozen=True)
class _Server:
    address: str
    port: int

    def __str__(self) -> str:
        return shown(self.address, self.port)


def parse_zone(source: str, *, field: str = "dns.zone") -> str:
    """The zone as DNS writes it: lower case, without the dot at its end."""
    zone = source.strip().lower().removesuffix(".")
    problem = _misread(zone) or _malformed(zone)
    if problem:
        raise InputError(problem, value=source[:300], remedy=_EXAMPLE, field=field, code="zone-malformed")
    return zone


def _misread(zone: str) -> Text | None:
    """Things that people take for a zone."""
    if not zone:
        return Text(_("The zone is empty."))
    if "://" in zone:
        return text(
            _("It begins with %(scheme)s://, so it is a URL and not a zone."), scheme=zone.partition("://")[0][:20]
        )
    if any(character.isspace() for character in zone):
        return Text(_("It contains a space."))
    for character, cause in (
        ("/", _("It contains a path.")),
        ("@", _("It is an email address.")),
        (":", _("It contains a port or an IPv6 address.")),
        ("*", _("It is a wildcard; enter the zone itself.")),
    ):
        if character in zone:
            return Text(cause)
    if _is_ipv4(zone):
        return Text(_("It is an IP address; certificates and sign-in need a name."))
    return None


def _malformed(zone: str) -> Text | None:
    labels = zone.split(".")
    foreign = next((character for character in zone if not character.isascii()), "")
    if foreign:
        return text(_("It contains the character %(character)s; write the name in its xn-- form."), character=foreign)
    if "" in labels:
        return Text(_("It has an empty part: two consecutive dots, or a leading dot."))
    return next(filter(None, map(_bad_label, labels)), None) or _bad_whole(zone, labels)


def _bad_whole(zone: str, labels: list[str]) -> Text | None:
    if len(labels) < 2:
        return Text(_("It is a single word; a zone has at least two parts."))
    if labels[-1].isdigit():
        return text(_("Its last part, %(label)s, is a number."), label=labels[-1])
    room = MAX_NAME - len(LONGEST_HOST)
    if len(zone) > room:
        cause = _("It has %(length)d characters; the maximum is %(room)d, to leave room for the public names.")
        return text(cause, length=len(zone), room=room)
    return None


def _bad_label(label: str) -> Text | None:
    if len(label) > MAX_LABEL:
        return text(_("Its part %(label)s... is longer than %(limit)d characters."), label=label[:20], limit=MAX_LABEL)
    if label.startswith("-") or label.endswith("-"):
        return text(_("Its part %(label)s begins or ends with a hyphen."), label=label)
    for character in label:
        if not (character.isalnum() or character == "-"):
            return text(_("It contains the character %(character)s."), character=repr(character).strip("'\""))
    return None


def _is_ipv4(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


def parse_server(source: str, *, field: str = "dns.server") -> tuple[str, int]:
    """Address and port of a name server: `ip`, `ip:port`, `[ipv6]:port`."""
    given = source.strip()
    host, port = given, ""
    if given.startswith("["):
        host, _bracket, rest = given[1:].partition("]")
        port = rest.removeprefix(":")
    elif given.count(":") == 1:
        host, _colon, port = given.partition(":")
    cause = ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        cause = _("A DNS server is entered by its IP address, not by a name.")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        cause = _("The port must be a number from 1 to 65535.")
    if cause:
        remedy = Text(_("Enter an IP address, for example 10.0.0.53 or 10.0.0.53:5353."))
        raise InputError(Text(cause), value=given[:300], remedy=remedy, field=field, code="dns-server-malformed")
    return host, int(port or PORT)


def resolve(name: str, server: str | None = None, timeout: float = TIMEOUT) -> Resolution:
    """The addresses of `name`. Missing when it does not exist or has none; Unreachable, Refused, Busy, Invalid else."""
    return _tried(server, timeout, lambda candidate, deadline: _resolve_at(candidate, name, deadline))


def look_up(name: str, kind: str, server: str | None = None, timeout: float = TIMEOUT) -> Lookup:
    """The records of one type (`MX`, `NS`, `SOA`, `AAAA`); errors as those of `resolve`, but a name may be absent."""
    wanted = dns.rdatatype.from_text(kind)
    return _tried(server, timeout, lambda candidate, deadline: _records_at(candidate, name, wanted, deadline))


def system_servers() -> tuple[str, ...]:
    """The name servers of this machine, as `resolve` takes them."""
    return tuple(map(str, _system_servers()))


T = TypeVar("T")


def _tried(server: str | None, timeout: float, ask: Callable[[_Server, float], T]) -> T:
    """Ask the named server, or this machine's one after the other; that something is missing is an answer."""
    deadline = time.monotonic() + timeout
    servers = (_Server(*parse_server(server)),) if server else _system_servers()
    failure: InstallerError | None = None
    for left, candidate in zip(range(len(servers), 0, -1), servers, strict=True):
        share = (deadline - time.monotonic()) / left
        try:
            return ask(candidate, time.monotonic() + max(share, 0.05))
        except Missing:
            raise
        except InstallerError as error:
            failure = failure or error
    assert failure is not None  # there is always at least one server  # noqa: S101
    raise failure


def wildcard_probe(zone: str, server: str | None = None, timeout: float = TIMEOUT) -> Resolution | None:
    """What a name that nobody made resolves to: not None means that a wildcard answers below the zone."""
    try:
        return resolve(f"no-such-name-{secrets.token_hex(6)}.{zone}", server, timeout)
    except Missing:
        return None


def _system_servers() -> tuple[_Server, ...]:
    try:
        found = dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError) as error:
        raise _no_server() from error
    servers = tuple(_Server(str(address), found.port) for address in found.nameservers)
    if not servers:
        raise _no_server()
    return servers


def _no_server() -> Unreachable:
    return Unreachable(
        Text(_("This machine has no DNS server configured.")),
        remedy=Text(_("Enter a DNS server on the DNS page, or configure one in /etc/resolv.conf.")),
        code="dns-no-server",
    )


def _resolve_at(server: _Server, name: str, deadline: float) -> Resolution:
    """IPv4 first; IPv6 is asked for only where there is no IPv4, because many old servers never answer that."""
    first = _looked_up(server, name, dns.rdatatype.A, deadline)
    if first.addresses:
        return first
    try:
        second = _looked_up(server, name, dns.rdatatype.AAAA, deadline)
    except InstallerError as error:  # the name is there: that this question stays open changes nothing
        raise _no_address(server, name, first.cname) from error
    if second.addresses:
        return second
    raise _no_address(server, name, first.cname or second.cname)


def _records_at(server: _Server, name: str, kind: dns.rdatatype.RdataType, deadline: float) -> Lookup:
    response = _answered(server, name, kind, deadline, (dns.rcode.NOERROR, dns.rcode.NXDOMAIN))
    exists = response.rcode() == dns.rcode.NOERROR
    found = _chain(server, name, response).answer if exists else None
    soas = (rrset for rrset in (*response.answer, *response.authority) if rrset.rdtype == dns.rdatatype.SOA)
    zone = next((_plain(rrset.name) for rrset in soas), "")
    return Lookup(exists, tuple(sorted(item.to_text() for item in found or ())), zone, str(server))


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if name != dns.name.root else "."


def _looked_up(server: _Server, name: str, kind: dns.rdatatype.RdataType, deadline: float) -> Resolution:
    chain = _chain(server, name, _answered(server, name, kind, deadline, (dns.rcode.NOERROR,)))
    addresses = tuple(sorted(item.address for item in chain.answer)) if chain.answer else ()
    cname = chain.canonical_name.to_text(omit_final_dot=True) if chain.cnames else ""
    return Resolution(name, addresses, cname, chain.minimum_ttl if addresses else 0, str(server))


def _answered(
    server: _Server, name: str, kind: dns.rdatatype.RdataType, deadline: float, good: tuple[dns.rcode.Rcode, ...]
) -> dns.message.QueryMessage:
    """The server's answer, when its code is one of the `good`."""
    try:
        query = dns.message.make_query(name, kind)
    except dns.exception.DNSException as error:
        raise InputError(Text(_("This is not a DNS name.")), value=name[:300], code="dns-name-malformed") from error
    try:
        response = _asked(server, query, deadline)
    except dns.exception.Timeout as error:
        raise _silent(server, name) from error
    except OSError as error:
        raise _unreachable(server, error) from error
    except (dns.exception.DNSException, EOFError, AttributeError) as error:
        raise _nonsense(server, name) from error
    if response.rcode() not in good:
        raise _refused(server, name, response.rcode())
    return response


def _chain(server: _Server, name: str, response: dns.message.QueryMessage) -> dns.message.ChainingResult:
    try:
        return response.resolve_chaining()
    except dns.message.ChainTooLong as error:
        raise _circle(name) from error
    except (dns.exception.DNSException, AttributeError) as error:
        raise _nonsense(server, name) from error


def _asked(server: _Server, query: dns.message.Message, deadline: float) -> dns.message.QueryMessage:
    """By UDP, sent twice where nothing comes; by TCP when the answer says that it was cut."""
    for wait in (RESEND_AFTER, 1.0):
        left = max((deadline - time.monotonic()) * wait, 0.01)
        try:
            response = dns.query.udp(query, server.address, left, server.port, ignore_unexpected=True)
            break
        except dns.exception.Timeout:
            if wait == 1.0:
                raise
    if response.flags & dns.flags.TC:
        response = dns.query.tcp(query, server.address, max(deadline - time.monotonic(), 0.01), server.port)
    if not isinstance(response, dns.message.QueryMessage):
        raise dns.exception.FormError
    return response


def _refused(server: _Server, name: str, rcode: dns.rcode.Rcode) -> InstallerError:
    if rcode == dns.rcode.NXDOMAIN:
        cause = text(_("%(server)s reports that %(name)s does not exist."), name=name, server=str(server))
        return Missing(cause, value=name, remedy=_ASK_OWNER, code="dns-nxdomain")
    if rcode == dns.rcode.REFUSED:
        return Refused(
            text(_("%(server)s refuses queries for %(name)s."), name=name, server=str(server)),
            value=name,
            remedy=Text(_("Allow this machine to query the server, or enter the server that serves the zone.")),
            code="dns-refused",
        )
    return Busy(
        text(_("%(server)s failed to resolve %(name)s (%(rcode)s)."), name=name, server=str(server),
             rcode=dns.rcode.to_text(rcode)),
        value=name,
        remedy=Text(_("Try again. If the problem persists, the server cannot reach the zone's "
                      "authoritative servers.")),
        code="dns-server-failed",
    )  # fmt: skip


def _no_address(server: _Server, name: str, cname: str) -> Missing:
    cause = text(_("%(name)s exists on %(server)s, but has no address record."), name=name, server=str(server))
    if cname:
        cause = text(_("%(name)s is an alias of %(cname)s, which has no address record."), name=name, cname=cname)
        return Missing(cause, value=name, remedy=_ASK_OWNER, code="dns-alias-dangling", detail=cname)
    return Missing(cause, value=name, remedy=_ASK_OWNER, code="dns-no-address")


def _circle(name: str) -> Invalid:
    return Invalid(
        text(_("The aliases of %(name)s form a circle, or the chain is too long."), name=name),
        value=name,
        remedy=Text(_("Ask the DNS zone's administrator to replace the alias with an address record.")),
        code="dns-alias-loop",
    )


def _silent(server: _Server, name: str) -> Unreachable:
    return Unreachable(
        text(_("%(server)s did not answer the query for %(name)s in time."), name=name, server=str(server)),
        value=str(server),
        remedy=Text(_("Check the address of the DNS server and the firewall (port 53, UDP and TCP).")),
        code="dns-timeout",
    )


def _unreachable(server: _Server, error: OSError) -> Unreachable:
    return Unreachable(
        text(_("The DNS server %(server)s cannot be reached."), server=str(server)),
        value=str(server),
        remedy=Text(_("Check the address of the DNS server and the firewall (port 53, UDP and TCP).")),
        detail=error.strerror or "",
        code="dns-unreachable",
    )


def _nonsense(server: _Server, name: str) -> Invalid:
    return Invalid(
        text(_("The response from %(server)s is not a DNS response for %(name)s."), name=name, server=str(server)),
        value=str(server),
        remedy=Text(_("Check that this address and port belong to a DNS server.")),
        code="dns-nonsense",
    )
