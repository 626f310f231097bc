"""Judging the zone: what the public names lead to, as facts/dns.py observes it."""

from __future__ import annotations

from shlex import quote

from installer_tasks.preflight.checks import dns_targets
from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.shapes import dns as shapes
from installer_tasks.systems.dns import addresses as address_rules
from installer_tasks.systems.dns import records
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

READS = ("dns.zone", "dns.server", "bundle.release")
#: Every release asks for it: without it, nobody has been on the Services page yet.
SERVICES = "services.minio_password"
PINNED = "services.load_balancer_ip"
#: Codes that mean a record is not there; any other failure to look a name up is told in its own words.
NO_RECORD = ("dns-nxdomain", "dns-no-address")
BAD_ALIAS = ("dns-alias-dangling", "dns-alias-loop")
ROOT = "."


def _zone(facts: Facts) -> Verdict:
    zone = facts(shapes.ZONE)
    return passed(_("%(zone)s is a valid zone name."), zone=zone["name"])


def _answers(facts: Facts) -> Verdict:
    server = facts(shapes.SERVER)
    if not server["server"]:
        return passed(_("This machine's DNS server responds for the zone."), evidence=server)
    return passed(_("%(server)s responds for the zone."), server=server["server"], evidence=server)


def _zone_exists(facts: Facts) -> Verdict:
    """The names may be in the zone itself or in one above it; in the root there are none of a customer."""
    holder, zone = facts(shapes.HOLDER), facts.answers["dns.zone"]
    if holder["zone"] == ROOT:
        return Verdict(
            Level.FAIL,
            text(_("%(server)s has no zone that can contain %(zone)s."), server=holder["server"], zone=zone),
            value=zone,
            cause=text(_("The closest zone it reports is the DNS root.")),
            remedy=text(_("Check the spelling. For an internal zone, enter a DNS server that serves it on this page.")),
            command=f"dig {quote(zone)} SOA",
            evidence=holder,
        )
    if not holder["zone"] and not _split(facts)[0]:
        return Verdict(
            Level.WARN,
            text(
                _("The DNS server does not report which zone contains %(zone)s, and has none of the names."), zone=zone
            ),
            value=zone,
            cause=text(_("Some forwarders omit this information, so a misspelled zone looks like an empty one.")),
            remedy=text(_("Check the spelling with the DNS zone's administrator.")),
            command=f"dig {quote(zone)} SOA",
            evidence=holder,
        )
    return passed(_("The names are in zone %(zone)s."), zone=holder["zone"] or zone, evidence=holder)


def _aliases(facts: Facts) -> Verdict:
    found = facts.some(shapes.RECORDS)
    broken = {name: item["error"] for name, item in found.items() if _code(item) in BAD_ALIAS}
    if not broken:
        aliases = {name: item["cname"] for name, item in found.items() if item["cname"]}
        return passed(ngettext("%(count)d name is an alias, and it resolves to an address.", "%(count)d names are aliases, and all resolve to an address."), count=len(aliases),
                      evidence={"aliases": aliases})  # fmt: skip
    target = facts.answers[PINNED] or records.UNKNOWN
    return Verdict(
        Level.FAIL,
        text(ngettext("%(count)d alias does not resolve.", "%(count)d aliases do not resolve."), count=len(broken)),
        value=", ".join(broken),
        cause=Text.from_json(next(iter(broken.values()))["cause"]),
        remedy=text(_("Ask the DNS zone's administrator to replace the old aliases with these records.")),
        command=records.zone_file(tuple(broken), target),
        evidence={"aliases": {name: found[name]["cname"] for name in broken}},
    )


def _code(item: shapes.Record) -> str:
    return str((item.get("error") or {}).get("code", ""))


def _split(facts: Facts) -> tuple[dict[str, list[str]], list[str]]:
    observed = facts.some(shapes.RECORDS)
    found = {name: sorted(item["addresses"]) for name, item in observed.items() if item["addresses"]}
    return found, [name for name in observed if name not in found]


def _names_resolve(facts: Facts) -> Verdict:
    found, absent = _split(facts)
    if not absent:
        return passed(
            ngettext("%(count)d public name resolves.", "All %(count)d public names resolve."),
            count=len(found),
            evidence={"records": found},
        )
    pinned = facts.answers[PINNED]
    if not found and not pinned:
        return _not_yet(facts, absent)
    return Verdict(
        Level.FAIL,
        text(
            ngettext(
                "%(count)d of %(total)d public names does not resolve.",
                "%(count)d of %(total)d public names do not resolve.",
            ),
            count=len(absent),
            total=len(absent) + len(found),
        ),
        value=", ".join(absent),
        cause=_why_absent(facts, absent),
        remedy=text(_("Ask the DNS zone's administrator to create these records.")),
        command=_to_create(facts, absent, pinned or dns_targets.usual(facts(shapes.RECORDS))),
        evidence={"records": found, "absent": absent},
    )


def _to_create(facts: Facts, absent: list[str], target: str) -> str:
    zone = facts(shapes.HOLDER)["zone"].strip(ROOT)
    return records.all_forms(absent, target, server=facts.answers["dns.server"], zone=zone)


def _why_absent(facts: Facts, absent: list[str]) -> Text:
    errors = [facts.some(shapes.RECORDS)[name]["error"] for name in absent]
    odd = [error for error in errors if error["code"] not in NO_RECORD]
    if odd:
        return Text.from_json(odd[0]["cause"])
    if facts(shapes.WILDCARD)["addresses"]:
        return text(
            _(
                "A wildcard record exists but does not cover them: a more specific record, such as the one for s3, hides it for all names below."
            )
        )
    return text(_("The DNS server has no address for them."))


def _not_yet(facts: Facts, absent: list[str]) -> Verdict:
    """No name exists and the address is not fixed: it is known only once the load balancer has given it."""
    return Verdict(
        Level.WARN,
        text(
            ngettext("%(count)d public name does not resolve yet.", "None of the %(count)d public names resolves yet."),
            count=len(absent),
        ),
        value=", ".join(absent),
        cause=text(_("The load balancer has no fixed address, so the records cannot be created yet.")),
        remedy=text(
            _(
                "Set a fixed address on the Services page, or create the records during the run: it shows the address and waits."
            )
        ),
        command=_to_create(facts, absent, records.UNKNOWN),
        evidence={"absent": absent},
    )


def _wildcard(facts: Facts) -> Verdict:
    """Names that only a wildcard answers for are no records: nobody made them for TMC-SM."""
    probe = facts(shapes.WILDCARD)
    caught_all = sorted(probe["addresses"])
    if probe["unanswered"]:
        return passed(_("The server is silent for a name that nobody made, so no wildcard answers."), evidence=probe)
    if not caught_all:
        return passed(_("The names have their own records; there is no wildcard."))
    found, _absent = _split(facts)
    by_it = [name for name, addresses in found.items() if addresses == caught_all]
    right = _right(facts)
    address = ", ".join(caught_all)
    if not by_it or right in (address, probe["cname"]):
        return passed(_("A wildcard record covers every name below the zone (%(address)s)."), address=address,
                      evidence={"addresses": caught_all, "answers_for": by_it})  # fmt: skip
    return Verdict(
        Level.FAIL,
        text(
            ngettext(
                "%(count)d name has no record of its own; a wildcard resolves it.",
                "%(count)d names have no records of their own; a wildcard resolves them.",
            ),
            count=len(by_it),
        ),
        value=", ".join(by_it),
        cause=text(_("The wildcard points to %(address)s, not to %(right)s."), address=address, right=right),
        remedy=text(_("Ask the DNS zone's administrator for separate records; the wildcard can stay.")),
        command=_to_create(facts, by_it, right),
        evidence={"addresses": caught_all, "records": found},
    )


def _right(facts: Facts) -> str:
    """Where the names should lead: the pinned address, else where most lead."""
    return facts.answers[PINNED] or dns_targets.usual(facts(shapes.RECORDS))


def _usable(facts: Facts) -> Verdict:
    """A sinkhole or a filter answers every name, with an address that leads nowhere."""
    found, _absent = _split(facts)
    practice = address_rules.is_loopback(facts.answers["dns.server"])
    why = {
        name: reason
        for name, addresses in found.items()
        for address in addresses
        if (reason := address_rules.unfit(address, practice=practice))
    }
    if not why:
        return passed(_("A load balancer may have every address that the names lead to."), evidence={"records": found})
    first = next(iter(why))
    return Verdict(
        Level.FAIL,
        text(_("%(count)d names lead to an address that no load balancer can have."), count=len(why)),
        value=", ".join(f"{name} ({', '.join(found[name])})" for name in why),
        cause=Text(why[first]),
        remedy=text(
            _(
                "Correct the records. If nobody made them, a filter or sinkhole answers: name the zone's own DNS server on this page."
            )
        ),
        command=f"dig {quote(first)}",
        evidence={"records": found},
    )


def _same_address(facts: Facts) -> Verdict:
    found, _absent = _split(facts)
    if not found:
        return _nothing_to_compare(facts)
    observed = facts(shapes.RECORDS)
    joined = dns_targets.targets(observed)
    if len(set(joined.values())) > 1:
        return _different(joined, _right(facts))
    if alias := dns_targets.shared_alias(observed):
        return passed(_("All names that resolve are aliases of %(alias)s."), alias=alias, evidence={"records": joined})
    address = next(iter(joined.values()))
    return passed(_("All names that resolve point to %(address)s."), address=address, evidence={"address": address})


def _different(joined: dict[str, str], right: str) -> Verdict:
    odd = [name for name, address in joined.items() if address != right]
    return Verdict(
        Level.FAIL,
        text(_("The public names resolve to %(count)d different addresses."), count=len(set(joined.values()))),
        value=", ".join(f"{name} ({joined[name]})" for name in odd),
        cause=text(
            _("All names must point to the load balancer of TMC-SM, which is expected at %(right)s."), right=right
        ),
        remedy=text(_("Correct the records that differ.")),
        command=records.zone_file(odd, right),
        evidence={"records": joined},
    )


def _nothing_to_compare(facts: Facts) -> Verdict:
    """Not a pass: that names which do not exist lead to the load balancer was not seen."""
    return Verdict(
        Level.WARN,
        text(_("No public name resolves yet, so their addresses could not be checked.")),
        value=facts.answers.get("dns.zone", ""),
        cause=text(_("There is no record to compare.")),
        remedy=text(_("Create the records, then check again.")),
    )


def _load_balancer(facts: Facts) -> Verdict:
    found, _absent = _split(facts)
    addresses = sorted({address for item in found.values() for address in item})
    pinned, address = facts.answers[PINNED], ", ".join(addresses)
    if not found:
        return passed(_("No public name resolves yet, so none points to another address."))
    alias = dns_targets.shared_alias(facts(shapes.RECORDS))
    if alias and not pinned:
        return passed(_("The names are aliases of %(alias)s and follow the load balancer of that name."),
                      alias=alias, evidence={"records": found})  # fmt: skip
    if not facts.answers[SERVICES] and not pinned and len(addresses) == 1:
        return passed(_("The names point to %(address)s, which the Services page suggests as the load balancer's address."),
                      address=address, evidence={"records": found})  # fmt: skip
    if not pinned and facts.answers["services.service_type"] == "LoadBalancer":
        return Verdict(
            Level.WARN,
            text(
                _("The names point to %(address)s, but the load balancer may get another address."),
                address=address,
            ),
            value=address,
            cause=text(_("No load balancer address is set, and records of an earlier installation look the same.")),
            remedy=text(_("Enter %(address)s under “Load balancer address” on the Services page."), address=address)
            if len(addresses) == 1
            else text(_("Make the names aliases of the load balancer's own name, or have it given one fixed address.")),
            evidence={"records": found},
        )
    if pinned and addresses != [pinned]:
        return Verdict(
            Level.FAIL,
            text(_("The names point to %(address)s, not to %(pinned)s."), address=address, pinned=pinned),
            value=address,
            cause=text(_("The Services page sets the load balancer's address to %(pinned)s."), pinned=pinned),
            remedy=text(_("Leave the address on the page Services empty: the names are aliases of a load balancer."))
            if alias
            else text(_("Change the records, or change the load balancer's address.")),
            command=_to_create(facts, list(found), pinned),
            evidence={"records": found},
        )
    return passed(_("The names point to %(address)s, the load balancer's address."), address=address)


CHECKS = (
    Check("dns.zone-well-formed", _("The zone name is valid"), Owner.NETWORK, ("dns.zone",), _zone, strict=True),
    Check("dns.server-answers", _("The DNS server responds"), Owner.NETWORK, READS, _answers,
          needs=("dns.zone-well-formed",)),
    Check("dns.zone-exists", _("The DNS server serves the zone"), Owner.NETWORK, READS, _zone_exists,
          needs=("dns.server-answers",)),
    Check("dns.aliases", _("Aliases resolve to an address"), Owner.NETWORK, (*READS, PINNED), _aliases,
          needs=("dns.zone-exists",)),
    Check("dns.names-resolve", _("Every public name of the release resolves"), Owner.NETWORK, (*READS, PINNED),
          _names_resolve, needs=("dns.zone-exists", "dns.aliases")),
    Check("dns.usable-addresses", _("The names lead to addresses that a load balancer can have"), Owner.NETWORK, READS,
          _usable, needs=("dns.zone-exists",)),
    Check("dns.wildcard", _("No wildcard gives a public name the wrong address"), Owner.NETWORK, (*READS, PINNED),
          _wildcard, needs=("dns.zone-exists", "dns.usable-addresses")),
    Check("dns.same-address", _("All public names resolve to the same address"), Owner.NETWORK, (*READS, PINNED),
          _same_address, needs=("dns.zone-exists", "dns.usable-addresses", "dns.wildcard")),
    Check("dns.load-balancer", _("Every public name points to the load balancer"), Owner.NETWORK,
          (*READS, PINNED, SERVICES, "services.service_type"), _load_balancer, needs=("dns.zone-exists", "dns.same-address")),
)  # fmt: skip
