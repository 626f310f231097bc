"""The records to create, in the forms that DNS teams work with: a BIND zone file, CSV, nsupdate (RFC 2136), hosts."""

from __future__ import annotations

import csv
import io
import ipaddress
from collections.abc import Sequence

#: Short, because the address may still change while TMC-SM is installed.
TTL = 300
UNKNOWN = "<address of the load balancer>"


def kind_of(target: str) -> str:
    """The type of a record that leads to this address, or to this name."""
    try:
        return "AAAA" if ipaddress.ip_address(target).version == 6 else "A"
    except ValueError:
        return "A" if target == UNKNOWN else "CNAME"


def zone_file(names: Sequence[str], target: str) -> str:
    """One line a name, complete and so independent of $ORIGIN."""
    return "\n".join(f"{name}. {TTL} IN {kind_of(target)} {_value(target)}" for name in names)


def as_csv(names: Sequence[str], target: str) -> str:
    """With a head, as appliances and spreadsheets import it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("name", "type", "value", "ttl"))
    writer.writerows((name, kind_of(target), target, TTL) for name in names)
    return out.getvalue().rstrip("\n")


def nsupdate(names: Sequence[str], target: str, *, server: str = "", zone: str = "") -> str:
    """A script for `nsupdate -k <key>`; an older record of the same type is replaced."""
    host, _colon, port = server.partition(":") if server.count(":") < 2 else (server, "", "")
    lines = [f"server {host} {port}".rstrip()] if host else []
    lines += [f"zone {zone}."] if zone else []
    for name in names:
        lines.append(f"update delete {name}. {kind_of(target)}")
        lines.append(f"update add {name}. {TTL} {kind_of(target)} {_value(target)}")
    return "\n".join((*lines, "send"))


def hosts_file(names: Sequence[str], target: str) -> str:
    """For a look at the console from one machine before the records are there; pods never read it."""
    return f"{target} {' '.join(names)}"


def all_forms(names: Sequence[str], target: str, *, server: str = "", zone: str = "") -> str:
    """One after the other, each under a line that says what it is."""
    parts = [
        zone_file(names, target),
        "; CSV",
        as_csv(names, target),
        "; nsupdate -k <key file>",
        nsupdate(names, target, server=server, zone=zone),
    ]
    if kind_of(target) != "CNAME":
        parts += ["; hosts file, for one machine until the records are there", hosts_file(names, target)]
    return "\n".join(parts)


def _value(target: str) -> str:
    return f"{target.rstrip('.')}." if kind_of(target) == "CNAME" else target
