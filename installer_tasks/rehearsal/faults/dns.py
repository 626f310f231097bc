"""Faults of the practice DNS server and of the records in its zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from installer_tasks.rehearsal.dns import ALB, IN_TURN, TTL, DnsServer
from installer_tasks.rehearsal.faults.base import Change, Fault, Variant
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

ELSEWHERE, OLD, IPV6 = "10.86.0.77", "10.86.0.10", "2001:db8::77"
#: Another loopback address: the zone's second server, on the port of the first.
SECOND = "127.86.53.2"
Records = Mapping[str, tuple[str, ...]]


def _names(estate: Estate) -> tuple[str, ...]:
    return estate.release.public_names(estate.zone)


def _with(wanted: Callable[[Estate], Records]) -> Change:
    """These records in place of those that are there; a name without any is removed."""

    def change(estate: Estate) -> Callable[[], None]:
        before = {name: estate.dns.targets(name) for name in wanted(estate)}
        _set(estate.dns, wanted(estate))
        return lambda: _set(estate.dns, before)

    return change


def _set(server: DnsServer, records: Records) -> None:
    for name, targets in records.items():
        if targets:
            server.set(name, *targets)
        else:
            server.remove(name)


def _one(host: str, *targets: str) -> Change:
    return _with(lambda estate: {f"{host}.{estate.zone}": targets})


def _all(*targets: str) -> Callable[[Estate], Records]:
    return lambda estate: dict.fromkeys(_names(estate), targets)


def _caught_by_a_wildcard(estate: Estate) -> Records:
    """Two names were forgotten, and what the company's wildcard leads to hides that."""
    return {f"*.{estate.zone}": (ELSEWHERE,), f"gts.{estate.zone}": (), f"gts-rest.{estate.zone}": ()}


def _hidden_by_s3(estate: Estate) -> Records:
    wild = {estate.zone, f"s3.{estate.zone}"}
    records: dict[str, tuple[str, ...]] = {name: () for name in _names(estate) if name not in wild}
    return records | {f"*.{estate.zone}": (estate.edge.address,)}


def _beside(estate: Estate) -> Records:
    return {f"auth.{estate.zone}": (estate.edge.address, IPV6)}


def _circle(estate: Estate) -> Records:
    return {f"auth.{estate.zone}": (f"gts.{estate.zone}",), f"gts.{estate.zone}": (f"auth.{estate.zone}",)}


def _long_ttl(estate: Estate) -> Callable[[], None]:
    estate.dns.set_ttl(86400)
    return lambda: estate.dns.set_ttl(TTL)


def _mail(estate: Estate) -> Callable[[], None]:
    estate.dns.set_more(estate.zone, "MX", f"10 mail.{estate.zone}.")
    return lambda: estate.dns.set_more(estate.zone, "MX")


def _second_server(wanted: Callable[[Estate], Records]) -> Change:
    """A second server of the zone, which answers otherwise."""

    def change(estate: Estate) -> Callable[[], None]:
        second = DnsServer(estate.zone, SECOND, estate.dns.port).start()
        _set(second, dict.fromkeys(_names(estate), (estate.edge.address,)))
        _set(second, wanted(estate))
        estate.dns.set_helpers(SECOND)

        def back() -> None:
            estate.dns.set_helpers()
            second.stop()

        return back

    return change


def _misspelt(estate: Estate) -> Mapping[str, str]:
    return {"dns.zone": f"tcm.{estate.zone.partition('.')[2]}"}


def _console_address(estate: Estate) -> Mapping[str, str]:
    return {"dns.zone": f"{estate.zone}/console"}


def _stale_alias(estate: Estate) -> Records:
    return {f"blob.{estate.zone}": (f"old-balancer.{estate.zone}",)}


def _behind(estate: Estate) -> Records:
    return {f"prometheus.{estate.zone}": ()}


def _aliases(estate: Estate) -> Records:
    """As EKS and Azure have it: the load balancer has a name, and several addresses behind it."""
    balancer = f"k8s-tmc-balancer.{estate.zone}"
    behind = ("10.86.0.20", "10.86.0.21", "10.86.0.22")
    return dict.fromkeys(_names(estate), (balancer,)) | {balancer: behind, estate.zone: behind}


def _past_the_alias(estate: Estate) -> Records:
    return {**_aliases(estate), f"auth.{estate.zone}": (ELSEWHERE,)}


def _no_address_pinned(_estate: Estate) -> Mapping[str, str]:
    return {"services.load_balancer_ip": ""}


def _both(*changes: Change) -> Change:
    def change(estate: Estate) -> Callable[[], None]:
        undo = [each(estate) for each in changes]

        def back() -> None:
            for one in reversed(undo):
                one()

        return back

    return change


def _behaving(manner: str) -> Change:
    def change(estate: Estate) -> Callable[[], None]:
        return estate.dns.behave(manner)

    return change


FAULTS = (
    Fault("dns.servfail", _("The DNS server returns SERVFAIL"), "dns.server-answers", "SERVFAIL"),
    Fault("dns.silent", _("The DNS server does not respond"), "dns.server-answers",
          "did not answer the query"),
    Fault("dns.refused", _("The DNS server refuses queries"), "dns.server-answers", "refuses"),
    Fault("dns.nxdomain", _("The DNS server serves only the public root"), "dns.zone-exists", "has no zone that can contain"),
    Fault("dns.zone-misspelt", _("The zone has a typing mistake"), "dns.server-answers", "tcm.",
          answers=_misspelt),
    Fault("dns.zone-with-path", _("The console URL was entered as the zone"), "dns.zone-well-formed",
          "contains a path", answers=_console_address),
    Fault("dns.one-missing", _("One name has no record"), "dns.names-resolve", "landing", _one("landing")),
    Fault("dns.none", _("No name has a record"), "dns.names-resolve", "12 of 12", _with(_all())),
    Fault("dns.hidden-by-s3", _("The record of s3 hides the wildcard from the names below it"), "dns.names-resolve",
          "a more specific record, such as the one for s3", _with(_hidden_by_s3)),
    Fault("dns.one-elsewhere", _("One name resolves to another address"), "dns.same-address", ELSEWHERE,
          _one("auth", ELSEWHERE)),
    Fault("dns.wildcard-elsewhere", _("A wildcard for another address hides missing records"), "dns.wildcard",
          "no record", _with(_caught_by_a_wildcard)),
    Fault("dns.old-address", _("All names resolve to the address of an earlier installation"), "dns.load-balancer", OLD,
          _with(_all(OLD))),
    Fault("dns.address-not-fixed", _("The load balancer can get another address than the records"),
          "dns.load-balancer", "may get another address", answers=lambda _estate: {"services.load_balancer_ip": ""}),
    Fault("dns.sinkhole", _("A sinkhole answers 0.0.0.0 for every name"), "dns.usable-addresses", "unspecified",
          _with(_all("0.0.0.0"))),  # noqa: S104 - nothing listens there
    Fault("dns.sinkhole-loopback", _("A filter answers 127.0.0.1 for every name"), "dns.usable-addresses", "loopback",
          _with(_all("127.0.0.1"))),
    Fault("dns.link-local", _("One name leads to a link-local address"), "dns.usable-addresses", "link-local",
          _one("auth", "169.254.10.1")),
    Fault("dns.from-a-manual", _("The records were copied from a manual"), "dns.usable-addresses", "documentation",
          _with(_all("192.0.2.10"))),
    Fault("dns.alb-one-missing", _("A load balancer that serves DNS is silent for a name that it does not have"),
          "dns.names-resolve", "landing", _both(_one("landing"), _behaving(ALB))),
    Fault("dns.past-the-alias", _("One name leads past the load balancer that the others are aliases of"),
          "dns.same-address", ELSEWHERE, _with(_past_the_alias), _no_address_pinned),
    Fault("dns.alias-and-address", _("The names are aliases, and another address is asked of the load balancer"),
          "dns.load-balancer", "empty", _with(_aliases)),
    Fault("dns.two-addresses", _("The names have two addresses and no load balancer's name"), "dns.load-balancer",
          "one fixed address", _with(_all("10.86.0.20", "10.86.0.21")), _no_address_pinned),
    Fault("dns.stale-alias", _("One name is an alias of a removed machine"), "dns.aliases", "old-balancer",
          _with(_stale_alias)),
    Fault("dns.alias-circle", _("Two aliases point to each other"), "dns.aliases", "circle", _with(_circle)),
    Fault("dns.ipv6-elsewhere", _("One name also has an outdated IPv6 address"), "dns.ipv6", IPV6, _with(_beside)),
    Fault("dns.long-ttl", _("Records that can still change are cached for a day"), "dns.ttl", "up to 24 h", _long_ttl,
          lambda _estate: {"services.load_balancer_ip": ""}),
    Fault("dns.servers-disagree", _("A second server of the zone has an outdated address"), "dns.servers-agree", SECOND,
          _second_server(_all(OLD))),
    Fault("dns.server-behind", _("A second server of the zone lacks the newest names"), "dns.servers-agree",
          "prometheus", _second_server(_behind)),
    Fault("dns.company-domain", _("The zone is the company's own domain"), "dns.zone-own", "it receives mail", _mail),
)  # fmt: skip


def _wildcards_alone(estate: Estate) -> Records:
    """The zone, and a wildcard for all below it; no name has a record of its own."""
    records: dict[str, tuple[str, ...]] = {name: () for name in _names(estate) if name != estate.zone}
    return records | {f"*.{estate.zone}": (estate.edge.address,)}


VARIANTS = (
    Variant("healthy.wildcard-dns", _("A wildcard resolves all public names"), _with(_wildcards_alone)),
    Variant("healthy.dns-alb", _("A load balancer serves DNS: addresses alone, silence for all else"),
            _behaving(ALB)),
    Variant("healthy.dns-aliases", _("The names are aliases of a load balancer with three addresses"),
            _with(_aliases), _no_address_pinned),
    Variant("healthy.dns-in-turn", _("The names are aliases of a load balancer that gives its addresses in turn"),
            _both(_with(_aliases), _behaving(IN_TURN)), _no_address_pinned),
)  # fmt: skip
