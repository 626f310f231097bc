"""Under which address people reach the web server, which is not always the one that it listens on."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address

WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - compared, not listened on


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def name(host: str, allowed: Iterable[str]) -> str:
    """For links: the address itself, or for all addresses of this machine the first name that the settings allow."""
    if host not in WILDCARDS:
        return host
    plain = (one for one in allowed if not is_loopback(one) and not one.startswith((".", "*")))
    return next(plain, "") or socket.gethostname()


def url(scheme: str, host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{scheme}://{shown}:{port}"
