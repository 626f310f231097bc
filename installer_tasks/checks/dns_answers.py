"""Judging how the DNS servers answer: whether they agree, for how long, and what is beside the addresses."""

from __future__ import annotations

from typing import Any

from installer_tasks import records
from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.checks.dns import PINNED, READS
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: What resolvers keep longer than this outlasts a correction on the day of the installation.
LONG_TTL = 3600
ZONE, MACHINE = "zone", "machine"


def _own_zone(facts: Facts) -> Verdict:
    """The apex becomes the console: a name that mail is sent to is the company's own."""
    servers, zone = facts("dns", "mail")["servers"], facts.answers["dns.zone"]
    if not servers:
        return passed(_("No mail is delivered to %(zone)s: it is not the name of a company."), zone=zone)
    return Verdict(
        Level.WARN,
        text(_("%(zone)s looks like the company's own domain: mail is delivered to it."), zone=zone),
        value=zone,
        cause=text(_("The name of the zone itself must lead to the console of TMC-SM, so nothing else can be there.")),
        remedy=text(_("Choose a name below it, for example tmc.%(zone)s."), zone=zone),
        evidence={"mail": servers},
    )


def _ipv6(facts: Facts) -> Verdict:
    """Browsers prefer IPv6, and the load balancer has one IPv4 address."""
    observed: dict[str, Any] = facts("dns", "records")
    beside = {
        name: found
        for name, found in facts("dns", "ipv6").items()
        if any(":" not in address for address in observed[name]["addresses"])
    }
    if not beside:
        return passed(_("No IPv6 record is beside an address of IPv4."))
    return Verdict(
        Level.WARN,
        text(_("%(count)d names also have an IPv6 record."), count=len(beside)),
        value=", ".join(f"{name} ({', '.join(found)})" for name, found in beside.items()),
        cause=text(_("Browsers and pods prefer IPv6, and the load balancer of TMC-SM listens on IPv4.")),
        remedy=text(
            _("Ask the owner of the zone to remove the AAAA records, which are often left from an older system.")
        ),
        command="\n".join(f"update delete {name}. AAAA" for name in beside) + "\nsend",
        evidence={"ipv6": beside},
    )


def _ttl(facts: Facts) -> Verdict:
    """A long one is no harm where the address is the fixed one already."""
    pinned, observed = facts.answers[PINNED], facts("dns", "records")
    ttls = {name: item["ttl"] for name, item in observed.items() if item["addresses"]}
    long = {name: ttl for name, ttl in ttls.items() if ttl > LONG_TTL and observed[name]["addresses"] != [pinned]}
    if not long:
        return passed(_("Records that may still change are kept for at most %(seconds)d seconds."),
                      seconds=max(ttls.values(), default=0), evidence={"ttl": ttls})  # fmt: skip
    return Verdict(
        Level.WARN,
        text(_("%(count)d records are kept by resolvers for up to %(hours)d hours."), count=len(long),
             hours=max(long.values()) // 3600),
        value=", ".join(f"{name} ({ttl} s)" for name, ttl in long.items()),
        cause=text(_("Their address may still change, and whoever asked before then keeps the old one that long.")),
        remedy=text(_("Have the TTL lowered to %(ttl)d seconds until TMC-SM is installed."), ttl=records.TTL),
        command="\n".join(records.zone_file((name,), observed[name]["addresses"][0]) for name in long),
        evidence={"ttl": ttls},
    )  # fmt: skip


def _agreement(facts: Facts) -> Verdict:
    """Of this machine's own server it is no news that it knows nothing: that is why another one is named."""
    asked = {name: sorted(item["addresses"]) for name, item in facts("dns", "records").items()}
    others = [view for view in facts("dns", "others") if not view.get("error")]
    odd = {_title(view): _differences(view, asked) for view in others}
    odd = {title: names for title, names in odd.items() if names}
    if not odd:
        return passed(_("%(count)d more servers were asked, and none answers otherwise."), count=len(others),
                      evidence={"servers": facts("dns", "others")})  # fmt: skip
    of_zone = any(view["whose"] == ZONE and _differences(view, asked) for view in others)
    server, names = next(iter(odd.items()))
    return Verdict(
        Level.FAIL if of_zone else Level.WARN,
        text(_("DNS servers disagree on %(count)d public names."), count=len(set().union(*odd.values()))),
        value="; ".join(f"{title}: {', '.join(found)}" for title, found in odd.items()),
        cause=text(
            _("%(asked)s answers otherwise than %(server)s, for example for %(name)s."),
            asked=facts("dns", "server")["server"], server=server, name=names[0],
        ),
        remedy=text(
            _("Have the zone's servers brought in line, or the views corrected: browsers, pods and nodes must all get the same answer.")
        ),
        command="\n".join(_dig(view, names[0]) for view in others if _differences(view, asked)),
        evidence={"asked": asked, "servers": others},
    )  # fmt: skip


def _title(view: dict[str, Any]) -> str:
    return str(view["server"])


def _dig(view: dict[str, Any], name: str) -> str:
    host, _colon, port = view["server"].rpartition(":")
    return f"dig @{host.strip('[]')} -p {port} {name}"


def _differences(view: dict[str, Any], asked: dict[str, list[str]]) -> list[str]:
    seen = {name: found for name, found in view["records"].items() if found is not None}
    if view["whose"] == MACHINE and not any(seen.values()):
        return []
    return [name for name, found in seen.items() if sorted(found) != asked[name]]


CHECKS = (
    Check("dns.zone-own", _("The zone is not the company's own domain"), Owner.NETWORK, ("dns.zone", "dns.server"),
          _own_zone, needs=("dns.zone-exists",)),
    Check("dns.ipv6", _("No IPv6 record leads elsewhere"), Owner.NETWORK, READS, _ipv6, needs=("dns.zone-exists",)),
    Check("dns.ttl", _("Records can still be corrected within an hour"), Owner.NETWORK, (*READS, PINNED), _ttl,
          needs=("dns.zone-exists",)),
    Check("dns.servers-agree", _("No two DNS servers disagree"), Owner.NETWORK, READS, _agreement,
          needs=("dns.zone-exists",)),
)  # fmt: skip
