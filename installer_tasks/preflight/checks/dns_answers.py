"""Judging how the DNS servers answer: whether they agree, for how long, and what is beside the addresses."""

from __future__ import annotations

from shlex import quote

from installer_tasks.preflight.checks import dns_targets
from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.checks.dns import PINNED, READS
from installer_tasks.preflight.shapes import dns as shapes
from installer_tasks.systems.dns import records
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

#: What resolvers keep longer than this outlasts a correction on the day of the installation.
LONG_TTL = 3600
ZONE, MACHINE = "zone", "machine"


def _own_zone(facts: Facts) -> Verdict:
    """The apex becomes the console: a name that mail is sent to is the company's own."""
    mail, zone = facts(shapes.MAIL), facts.answers["dns.zone"]
    servers = mail["servers"]
    if mail["unanswered"]:
        return passed(_("The DNS server says nothing about mail for %(zone)s."), zone=zone, evidence=mail)
    if not servers:
        return passed(_("%(zone)s receives no mail, so it is not the company's own domain."), zone=zone)
    return Verdict(
        Level.WARN,
        text(_("%(zone)s appears to be the company's own domain: it receives mail."), zone=zone),
        value=zone,
        cause=text(_("The zone name itself must point to the TMC-SM console, so it cannot serve anything else.")),
        remedy=text(_("Choose a subdomain, for example tmc.%(zone)s."), zone=zone),
        evidence={"mail": servers},
    )


def _ipv6(facts: Facts) -> Verdict:
    """Browsers prefer IPv6, and the load balancer has one IPv4 address."""
    observed = facts.some(shapes.RECORDS)
    beside = {
        name: found
        for name, found in facts(shapes.IPV6).items()
        if any(":" not in address for address in observed[name]["addresses"])
    }
    if not beside:
        return passed(_("No name with an IPv4 address also has an IPv6 record."))
    return Verdict(
        Level.WARN,
        text(
            ngettext("%(count)d name also has an IPv6 record.", "%(count)d names also have IPv6 records."),
            count=len(beside),
        ),
        value=", ".join(f"{name} ({', '.join(found)})" for name, found in beside.items()),
        cause=text(_("Browsers and pods prefer IPv6, but the load balancer of TMC-SM listens on IPv4.")),
        remedy=text(
            _("Ask the DNS zone's administrator to delete the AAAA records, which often remain from an older system.")
        ),
        command="\n".join(f"update delete {name}. AAAA" for name in beside) + "\nsend",
        evidence={"ipv6": beside},
    )


def _ttl(facts: Facts) -> Verdict:
    """A long one is no harm where the address is the fixed one already."""
    pinned, observed = facts.answers[PINNED], facts.some(shapes.RECORDS)
    ttls = {name: item["ttl"] for name, item in observed.items() if item["addresses"]}
    long = {name: ttl for name, ttl in ttls.items() if ttl > LONG_TTL and observed[name]["addresses"] != [pinned]}
    if not long:
        return passed(ngettext("Resolvers cache records that may still change for at most %(seconds)d second.", "Resolvers cache records that may still change for at most %(seconds)d seconds."),
                      seconds=max(ttls.values(), default=0), evidence={"ttl": ttls})  # fmt: skip
    return Verdict(
        Level.WARN,
        text(ngettext("Resolvers cache %(count)d record for up to %(hours)d h.", "Resolvers cache %(count)d records for up to %(hours)d h."), count=len(long),
             hours=max(long.values()) // 3600),
        value=", ".join(f"{name} ({ttl} s)" for name, ttl in long.items()),
        cause=text(_("Their addresses may still change, and clients that resolved them earlier keep the old address for that time.")),
        remedy=text(_("Lower the TTL to %(ttl)d seconds until TMC-SM is installed."), ttl=records.TTL),
        command="\n".join(records.zone_file((name,), observed[name]["addresses"][0]) for name in long),
        evidence={"ttl": ttls},
    )  # fmt: skip


def _agreement(facts: Facts) -> Verdict:
    """Of this machine's own server it is no news that it knows nothing: that is why another one is named."""
    asked = facts.some(shapes.RECORDS)
    others = [view for view in facts(shapes.OTHERS) if not view.get("error")]
    odd = {_title(view): _differences(view, asked) for view in others}
    odd = {title: names for title, names in odd.items() if names}
    if not odd:
        return passed(ngettext("No difference on %(count)d other DNS server.", "No differences on %(count)d other DNS servers."), count=len(others),
                      evidence={"servers": facts(shapes.OTHERS)})  # fmt: skip
    of_zone = any(view["whose"] == ZONE and _differences(view, asked) for view in others)
    server, names = next(iter(odd.items()))
    return Verdict(
        Level.FAIL if of_zone else Level.WARN,
        text(ngettext("DNS servers return different addresses for %(count)d public name.", "DNS servers return different addresses for %(count)d public names."), count=len(set().union(*odd.values()))),
        value="; ".join(f"{title}: {', '.join(found)}" for title, found in odd.items()),
        cause=text(
            _("%(asked)s and %(server)s return different addresses, for example for %(name)s."),
            asked=facts(shapes.SERVER)["server"], server=server, name=names[0],
        ),
        remedy=text(
            _("Synchronize the DNS servers of the zone, or correct the DNS views: browsers, pods and nodes must all get the same addresses.")
        ),
        command="\n".join(_dig(view, names[0]) for view in others if _differences(view, asked)),
        evidence={"asked": asked, "servers": others},
    )  # fmt: skip


def _title(view: shapes.View) -> str:
    return str(view["server"])


def _dig(view: shapes.View, name: str) -> str:
    host, _colon, port = view["server"].rpartition(":")
    return f"dig @{quote(host.strip('[]'))} -p {port} {quote(name)}"


def _differences(view: shapes.View, asked: dns_targets.Observed) -> list[str]:
    """Names that lead elsewhere; the same alias is the same answer, whichever of its addresses it gives just now."""
    seen = {name: found for name, found in view["records"].items() if found is not None}
    if view["whose"] == MACHINE and not any(seen.values()):
        return []
    alias = dns_targets.shared_alias(asked)
    through = {name for name, found in view.get("aliases", {}).items() if found == (asked[name]["cname"] or alias)}
    return [
        name
        for name, found in seen.items()
        if sorted(found) != sorted(asked[name]["addresses"]) and name not in through
    ]


CHECKS = (
    Check("dns.zone-own", _("The zone is not the company's own domain"), Owner.NETWORK, READS,
          _own_zone, needs=("dns.zone-exists",)),
    Check("dns.ipv6", _("No public name has a conflicting IPv6 record"), Owner.NETWORK, READS, _ipv6, needs=("dns.zone-exists",)),
    Check("dns.ttl", _("DNS records can still be corrected within an hour"), Owner.NETWORK, (*READS, PINNED), _ttl,
          needs=("dns.zone-exists",)),
    Check("dns.servers-agree", _("All DNS servers return the same addresses"), Owner.NETWORK, READS, _agreement,
          needs=("dns.zone-exists",)),
)  # fmt: skip
