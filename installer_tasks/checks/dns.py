"""Judging the zone: what the names resolve to, as facts/dns.py observes it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

READS = ("dns.zone", "dns.server", "bundle.release")
#: Codes that mean a record is not there; any other failure to look a name up is told in its own words.
NO_RECORD = ("dns-nxdomain", "dns-no-address")


def _zone(facts: Facts) -> Verdict:
    zone = facts("dns", "zone")
    return passed(_("%(zone)s is a well-formed zone name."), zone=zone["name"])


def _records(zone_file: list[str], address: str) -> str:
    """The records to create, in the form every DNS team reads."""
    return "\n".join(f"{name}. 300 IN A {address}" for name in zone_file)


def _answers(facts: Facts) -> Verdict:
    server = facts("dns", "server")
    if not server["server"]:
        return passed(_("This machine's DNS server answers for the zone."), evidence=server)
    return passed(_("%(server)s answers for the zone."), server=server["server"], evidence=server)


def _split(facts: Facts) -> tuple[dict[str, list[str]], list[str]]:
    records: dict[str, Any] = facts("dns", "records")
    found = {name: sorted(item["addresses"]) for name, item in records.items() if item["addresses"]}
    return found, [name for name in records if name not in found]


def _names_resolve(facts: Facts) -> Verdict:
    found, absent = _split(facts)
    if not absent:
        return passed(_("All %(count)d public names resolve."), count=len(found), evidence={"records": found})
    pinned = facts.answers.get("services.load_balancer_ip", "")
    if not found and not pinned:
        return _not_yet(absent)
    return Verdict(
        Level.FAIL,
        text(
            _("%(count)d of %(total)d public names do not resolve."), count=len(absent), total=len(absent) + len(found)
        ),
        value=", ".join(absent),
        cause=_why_absent(facts, absent),
        remedy=text(_("Ask the owner of the zone to create these records.")),
        command=_records(absent, pinned or "<address of the load balancer>"),
        evidence={"records": found, "absent": absent},
    )


def _why_absent(facts: Facts, absent: list[str]) -> Text:
    errors = [facts("dns", "records")[name]["error"] for name in absent]
    odd = [error for error in errors if error["code"] not in NO_RECORD]
    if odd:
        return Text.from_json(odd[0]["cause"])
    return text(_("The DNS server has no address for them; an explicit s3 record also hides a wildcard below it."))


def _not_yet(absent: list[str]) -> Verdict:
    """No name exists and the address is not fixed: it is known only once the load balancer has given it."""
    return Verdict(
        Level.WARN,
        text(_("None of the %(count)d public names resolves yet."), count=len(absent)),
        value=", ".join(absent),
        cause=text(_("The address of the load balancer is not fixed, so nobody could create the records yet.")),
        remedy=text(
            _("Fix the address on the page Services, or create the records during the run: it will wait and tell.")
        ),
        command=_records(absent, "<address of the load balancer>"),
        evidence={"absent": absent},
    )


def _same_address(facts: Facts) -> Verdict:
    found, _absent = _split(facts)
    if not found:
        return _nothing_to_compare(facts)
    joined = {name: ", ".join(addresses) for name, addresses in found.items()}
    distinct, pinned = set(joined.values()), facts.answers.get("services.load_balancer_ip", "")
    if len(distinct) > 1:
        return _different(joined, pinned)
    address = next(iter(distinct))
    if pinned and address != pinned:
        return Verdict(
            Level.FAIL,
            text(_("The names lead to %(address)s, not to %(pinned)s."), address=address, pinned=pinned),
            value=address,
            cause=text(_("The load balancer is asked for %(pinned)s on the page Services."), pinned=pinned),
            remedy=text(_("Change the records, or the address of the load balancer.")),
            command=_records(list(found), pinned),
            evidence={"records": found},
        )
    return passed(_("All names that resolve lead to %(address)s."), address=address, evidence={"address": address})


def _different(joined: dict[str, str], pinned: str) -> Verdict:
    """The names that differ from where they should lead: the pinned address, else where most lead."""
    counts = Counter(joined.values())
    right = pinned or counts.most_common(1)[0][0]
    odd = [name for name, address in joined.items() if address != right]
    return Verdict(
        Level.FAIL,
        text(_("The public names resolve to %(count)d different addresses."), count=len(counts)),
        value=", ".join(f"{name} ({joined[name]})" for name in odd),
        cause=text(_("All names must lead to the one load balancer of TMC-SM; it should be %(right)s."), right=right),
        remedy=text(_("Correct the records that differ.")),
        command=_records(odd, right),
        evidence={"records": joined},
    )


def _nothing_to_compare(facts: Facts) -> Verdict:
    """Not a pass: that names which do not exist lead to the load balancer was not seen."""
    return Verdict(
        Level.WARN,
        text(_("No public name resolves yet, so where they lead was not seen.")),
        value=facts.answers.get("dns.zone", ""),
        cause=text(_("There is no record to compare.")),
        remedy=text(_("Create the records, then check again.")),
    )


def _wildcard(facts: Facts) -> Verdict:
    wildcard = facts("dns", "wildcard")
    if not wildcard["addresses"]:
        return passed(_("There are records of their own, no wildcard."))
    return passed(
        _("A wildcard answers every name below the zone (%(address)s)."),
        address=", ".join(wildcard["addresses"]),
        evidence=wildcard,
    )


CHECKS = (
    Check("dns.zone-well-formed", _("The zone is a well-formed name"), Owner.NETWORK, ("dns.zone",), _zone, strict=True),
    Check("dns.server-answers", _("The DNS server answers"), Owner.NETWORK, ("dns.zone", "dns.server"), _answers,
          needs=("dns.zone-well-formed",)),
    Check("dns.names-resolve", _("Every public name of the release resolves"), Owner.NETWORK,
          (*READS, "services.load_balancer_ip"), _names_resolve, needs=("dns.server-answers",)),
    Check("dns.same-address", _("All names lead to the load balancer"), Owner.NETWORK,
          (*READS, "services.load_balancer_ip"), _same_address, needs=("dns.server-answers",)),
    Check("dns.wildcard", _("Wildcard answers are told apart from records"), Owner.NETWORK, READS, _wildcard,
          needs=("dns.server-answers",)),
)  # fmt: skip
