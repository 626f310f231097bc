"""The one proxy policy of every HTTPS client here: HTTPS_PROXY and NO_PROXY of the environment, read as Go reads them.

Go decides because pods, kubelets and kapp-controller are written in it: what works here works there with the same
settings. Nothing but HTTPS goes through a proxy: no DNS, no LDAP, and not the Kubernetes API, whose credentials would
pass through it.
"""

from __future__ import annotations

import base64
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Proxy:
    """A forward proxy; `url` may hold a password and is not for people."""

    url: str = field(repr=False)
    host: str
    port: int
    scheme: str = "http"

    @property
    def shown(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def authorization(self) -> dict[str, str]:
        parts = urlsplit(self.url)
        if not parts.username:
            return {}
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def proxy_for(
    host: str, port: int, scheme: str = "https", environment: Mapping[str, str] | None = None
) -> Proxy | None:
    """The proxy on the way to `host`; None for the direct way, as always to this machine."""
    settings = os.environ if environment is None else environment
    given = _first(settings, f"{scheme}_proxy")
    if not given or is_excepted(host, port, _first(settings, "no_proxy")):
        return None
    url = given if "://" in given else f"http://{given}"
    try:
        parts = urlsplit(url)
        default = {"https": 443, "socks5": 1080, "socks5h": 1080}.get(parts.scheme, 80)
        return Proxy(url, parts.hostname or "", parts.port or default, parts.scheme) if parts.hostname else None
    except ValueError:
        return None


def is_excepted(host: str, port: int, no_proxy: str) -> bool:
    """Whether `host` is reached directly."""
    name = host.lower().rstrip(".")
    address = _address(name)
    if name == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_fits(entry.strip().lower(), name, port, address) for entry in no_proxy.split(","))


def _fits(entry: str, name: str, port: int, address: _Address | None) -> bool:
    if entry in ("", "*"):
        return entry == "*"
    if "/" in entry:
        return address is not None and _in_network(address, entry)
    entry, entry_port = _without_port(entry)
    if entry_port and entry_port != str(port):
        return False
    literal = _address(entry)
    return literal == address if literal is not None else _is_below(name, entry.removeprefix("*").rstrip("."))


def _is_below(name: str, domain: str) -> bool:
    """`example.com` stands for itself and what is below it, `.example.com` for what is below it alone."""
    return name.endswith(domain) if domain.startswith(".") else name == domain or name.endswith(f".{domain}")


def _address(name: str) -> _Address | None:
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None


def _in_network(address: _Address, entry: str) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except (ValueError, TypeError):
        return False


def _without_port(entry: str) -> tuple[str, str]:
    head, colon, port = entry.rpartition(":")
    return (head, port) if colon and port.isdigit() and (":" not in head or head.startswith("[")) else (entry, "")


def _first(settings: Mapping[str, str], name: str) -> str:
    """In capitals first, as Go has it."""
    return settings.get(name.upper()) or settings.get(name) or ""
