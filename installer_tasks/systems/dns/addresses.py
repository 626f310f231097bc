"""Which IP addresses a load balancer can have. Pure."""

from __future__ import annotations

import ipaddress

from installer_tasks.text import mark as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_DOCUMENTATION = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"))
)
#: Sinkholes answer from here; the practice estate has its addresses in the rest of loopback.
_OWN = ipaddress.ip_network("127.0.0.0/16")

UNSPECIFIED = _("It is the unspecified address, which stands for none.")
LOOPBACK = _("It is a loopback address, which leads every machine to itself.")
LINK_LOCAL = _("It is a link-local address, which ends at the next router.")
MULTICAST = _("It is a multicast address.")
BROADCAST = _("It is reserved and used by nobody.")
DOCUMENTATION = _("It is an address from a manual: its range is for documentation only.")


def unfit(address: str, *, practice: bool = False) -> str:
    """Why no load balancer has this address, marked for translation; "" for one that may."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return _unfit(mapped or found, practice=practice)


def _unfit(found: Address, *, practice: bool) -> str:
    loopback = found.is_loopback and not (practice and found not in _OWN and found.version == 4)
    reasons = (
        (found.is_unspecified or (found.version == 4 and found in ipaddress.ip_network("0.0.0.0/8")), UNSPECIFIED),
        (loopback, LOOPBACK),
        (found.is_link_local, LINK_LOCAL),
        (found.is_multicast, MULTICAST),
        (any(found.version == net.version and found in net for net in _DOCUMENTATION), DOCUMENTATION),
        (found.version == 4 and found.is_reserved, BROADCAST),
    )
    return next((reason for applies, reason in reasons if applies), "")


def is_loopback(server: str) -> bool:
    """Of `address`, `address:port` or `[ipv6]:port`."""
    host = server[1:].partition("]")[0] if server.startswith("[") else server
    host = host.partition(":")[0] if host.count(":") == 1 else host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
