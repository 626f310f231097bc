"""Judging the zone: what the public names lead to, as facts/dns.py observes it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from installer_tasks import records
from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

READS = ("dns.zone", "dns.server", "bundle.release")
PINNED = "services.load_balancer_ip"
#: Codes that mean a record is not there; any other failure to look a name up is told in its own words.
NO_RECORD = ("dns-nxdomain", "dns-no-address")
BAD_ALIAS = ("dns-alias-dangling", "dns-alias-loop")
ROOT = "."


def _zone(facts: Facts) -> Verdict:
    zone = facts("dns", "zone")
    return passed(_("%(zone)s is a well-formed zone name."), zone=zone["name"])


def _answers(facts: Facts) -> Verdict:
    server = facts("dns", "server")
    if not server["server"]:
        return passed(_("This machine's DNS server answers for the zone."), evidence=server)
    return passed(_("%(server)s answers for the zone."), server=server["server"], evidence=server)


def _zone_exists(facts: Facts) -> Verdict:
    """The names may be in the zone itself or in one above it; in the root there are none of a customer."""
    holder, zone = facts("dns", "holder"), facts.answers["dns.zone"]
    if holder["zone"] == ROOT:
        return Verdict(
            Level.FAIL,
            text(_("%(server)s knows no zone that %(zone)s could be in."), server=holder["server"], zone=zone),
            value=zone,
            cause=text(_("The nearest zone that it knows is the root of all names.")),
            remedy=text(
                _(
                    "Compare the spelling; for a zone of your company's own, name a DNS server that knows it on this page."
                )
            ),
            command=f"dig {zone} SOA",
            evidence=holder,
        )
    if not holder["zone"] and not _split(facts)[0]:
        return Verdict(
            Level.WARN,
            text(
                _("The DNS server does not say which zone holds %(zone)s, and none of the names is there."), zone=zone
            ),
            value=zone,
            cause=text(_("Some forwarders leave that out, and then a misspelled zone looks like an empty one.")),
            remedy=text(_("Compare the spelling with the owner of the zone.")),
            command=f"dig {zone} SOA",
            evidence=holder,
        )
    return passed(_("The names are in the zone %(zone)s."), zone=holder["zone"] or zone, evidence=holder)


def _aliases(facts: Facts) -> Verdict:
    found: dict[str, Any] = facts("dns", "records")
    broken = {name: item["error"] for name, item in found.items() if _code(item) in BAD_ALIAS}
    if not broken:
        aliases = {name: item["cname"] for name, item in found.items() if item["cname"]}
        return passed(_("%(count)d names are aliases, and each leads to an address."), count=len(aliases),
                      evidence={"aliases": aliases})  # fmt: skip
    target = facts.answers[PINNED] or records.UNKNOWN
    return Verdict(
        Level.FAIL,
        text(_("%(count)d aliases lead nowhere."), count=len(broken)),
        value=", ".join(broken),
        cause=Text.from_json(next(iter(broken.values()))["cause"]),
        remedy=text(_("Ask the owner of the zone to replace the old aliases by these records.")),
        command=records.zone_file(tuple(broken), target),
        evidence={"aliases": {name: found[name]["cname"] for name in broken}},
    )


def _code(item: dict[str, Any]) -> str:
    return str((item.get("error") or {}).get("code", ""))


def _split(facts: Facts) -> tuple[dict[str, list[str]], list[str]]:
    observed: dict[str, Any] = facts("dns", "records")
    found = {name: sorted(item["addresses"]) for name, item in observed.items() if item["addresses"]}
    return found, [name for name in observed if name not in found]


def _names_resolve(facts: Facts) -> Verdict:
    found, absent = _split(facts)
    if not absent:
        return passed(_("All %(count)d public names resolve."), count=len(found), evidence={"records": found})
    pinned = facts.answers[PINNED]
    if not found and not pinned:
        return _not_yet(facts, absent)
    return Verdict(
        Level.FAIL,
        text(
            _("%(count)d of %(total)d public names do not resolve."), count=len(absent), total=len(absent) + len(found)
        ),
        value=", ".join(absent),
        cause=_why_absent(facts, absent),
        remedy=text(_("Ask the owner of the zone to create these records.")),
        command=_to_create(facts, absent, pinned or _usual(found)),
        evidence={"records": found, "absent": absent},
    )


def _usual(found: dict[str, list[str]]) -> str:
    """Where most of the others lead, when that is one address."""
    counts = Counter(address for addresses in found.values() for address in addresses)
    return counts.most_common(1)[0][0] if counts else records.UNKNOWN


def _to_create(facts: Facts, absent: list[str], target: str) -> str:
    zone = facts("dns", "holder")["zone"].strip(ROOT)
    return records.all_forms(absent, target, server=facts.answers["dns.server"], zone=zone)


def _why_absent(facts: Facts, absent: list[str]) -> Text:
    errors = [facts("dns", "records")[name]["error"] for name in absent]
    odd = [error for error in errors if error["code"] not in NO_RECORD]
    if odd:
        return Text.from_json(odd[0]["cause"])
    if facts("dns", "wildcard")["addresses"]:
        return text(
            _(
                "A wildcard answers, but not for them: a record of its own, as that of s3, hides it from all names below."
            )
        )
    return text(_("The DNS server has no address for them."))


def _not_yet(facts: Facts, absent: list[str]) -> Verdict:
    """No name exists and the address is not fixed: it is known only once the load balancer has given it."""
    return Verdict(
        Level.WARN,
        text(_("None of the %(count)d public names resolves yet."), count=len(absent)),
        value=", ".join(absent),
        cause=text(_("The address of the load balancer is not fixed, so nobody could create the records yet.")),
        remedy=text(
            _("Fix the address on the page Services, or create the records during the run: it will wait and tell.")
        ),
        command=_to_create(facts, absent, records.UNKNOWN),
        evidence={"absent": absent},
    )


def _wildcard(facts: Facts) -> Verdict:
    """Names that only a wildcard answers for are no records: nobody made them for TMC-SM."""
    caught_all = sorted(facts("dns", "wildcard")["addresses"])
    if not caught_all:
        return passed(_("There are records of their own, no wildcard."))
    found, _absent = _split(facts)
    by_it = [name for name, addresses in found.items() if addresses == caught_all]
    right = _right(found, facts.answers[PINNED])
    address = ", ".join(caught_all)
    if not by_it or address == right:
        return passed(_("A wildcard answers every name below the zone (%(address)s)."), address=address,
                      evidence={"addresses": caught_all, "answers_for": by_it})  # fmt: skip
    return Verdict(
        Level.FAIL,
        text(_("%(count)d names have no record: a wildcard answers for them."), count=len(by_it)),
        value=", ".join(by_it),
        cause=text(_("The wildcard leads to %(address)s, not to %(right)s."), address=address, right=right),
        remedy=text(_("Ask the owner of the zone for records of their own; the wildcard may stay.")),
        command=_to_create(facts, by_it, right),
        evidence={"addresses": caught_all, "records": found},
    )


def _right(found: dict[str, list[str]], pinned: str) -> str:
    """Where the names should lead: the pinned address, else where most lead."""
    joined = Counter(", ".join(addresses) for addresses in found.values())
    return pinned or (joined.most_common(1)[0][0] if joined else "")


def _same_address(facts: Facts) -> Verdict:
    found, _absent = _split(facts)
    if not found:
        return _nothing_to_compare(facts)
    joined = {name: ", ".join(addresses) for name, addresses in found.items()}
    if len(set(joined.values())) > 1:
        return _different(joined, _right(found, facts.answers[PINNED]))
    address = next(iter(joined.values()))
    return passed(_("All names that resolve lead to %(address)s."), address=address, evidence={"address": address})


def _different(joined: dict[str, str], right: str) -> Verdict:
    odd = [name for name, address in joined.items() if address != right]
    return Verdict(
        Level.FAIL,
        text(_("The public names resolve to %(count)d different addresses."), count=len(set(joined.values()))),
        value=", ".join(f"{name} ({joined[name]})" for name in odd),
        cause=text(_("All names must lead to the one load balancer of TMC-SM; it should be %(right)s."), right=right),
        remedy=text(_("Correct the records that differ.")),
        command=records.zone_file(odd, right),
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


def _load_balancer(facts: Facts) -> Verdict:
    found, _absent = _split(facts)
    addresses = sorted({address for item in found.values() for address in item})
    pinned, address = facts.answers[PINNED], ", ".join(addresses)
    if not found:
        return passed(_("No public name resolves yet, so none leads past the load balancer."))
    if not pinned and facts.answers["services.service_type"] == "LoadBalancer":
        return Verdict(
            Level.WARN,
            text(
                _("The names lead to %(address)s, but the load balancer is free to take another address."),
                address=address,
            ),
            value=address,
            cause=text(
                _("No address is asked of the load balancer, and records of an earlier installation look the same.")
            ),
            remedy=text(
                _("Give %(address)s on the page Services as the address of the load balancer."), address=address
            ),
            evidence={"records": found},
        )
    if pinned and addresses != [pinned]:
        return Verdict(
            Level.FAIL,
            text(_("The names lead to %(address)s, not to %(pinned)s."), address=address, pinned=pinned),
            value=address,
            cause=text(_("The load balancer is asked for %(pinned)s on the page Services."), pinned=pinned),
            remedy=text(_("Change the records, or the address of the load balancer.")),
            command=_to_create(facts, list(found), pinned),
            evidence={"records": found},
        )
    return passed(_("The names lead to %(address)s, the address of the load balancer."), address=address)


CHECKS = (
    Check("dns.zone-well-formed", _("The zone is a well-formed name"), Owner.NETWORK, ("dns.zone",), _zone, strict=True),
    Check("dns.server-answers", _("The DNS server answers"), Owner.NETWORK, ("dns.zone", "dns.server"), _answers,
          needs=("dns.zone-well-formed",)),
    Check("dns.zone-exists", _("The DNS server knows the zone"), Owner.NETWORK, READS, _zone_exists,
          needs=("dns.server-answers",)),
    Check("dns.aliases", _("Aliases lead to an address"), Owner.NETWORK, (*READS, PINNED), _aliases,
          needs=("dns.zone-exists",)),
    Check("dns.names-resolve", _("Every public name of the release resolves"), Owner.NETWORK, (*READS, PINNED),
          _names_resolve, needs=("dns.zone-exists", "dns.aliases")),
    Check("dns.wildcard", _("Wildcard answers are told apart from records"), Owner.NETWORK, (*READS, PINNED),
          _wildcard, needs=("dns.zone-exists",)),
    Check("dns.same-address", _("All names lead to the same address"), Owner.NETWORK, (*READS, PINNED),
          _same_address, needs=("dns.zone-exists", "dns.wildcard")),
    Check("dns.load-balancer", _("No name leads past the load balancer"), Owner.NETWORK,
          (*READS, PINNED, "services.service_type"), _load_balancer, needs=("dns.zone-exists", "dns.same-address")),
)  # fmt: skip
