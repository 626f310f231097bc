"""Connecting by TCP within a deadline, and what it means when that fails."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
import time
from concurrent.futures import Future
from typing import Any

from installer_tasks.errors import Unreachable
from installer_tasks.local.outside import one_line, shortened
from installer_tasks.systems import proxies
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

LONGEST_HEAD = 16 << 10  #: of what a proxy says
_NAME = Text(_("Check the spelling, and that this machine's DNS server can resolve the name."))
_PORT = Text(_("Check the port, and that the system is running."))
_ROUTE = Text(_("Check the route and the firewall between this machine and the system."))


def deadline(seconds: float) -> float:
    """As `connect` takes it."""
    return time.monotonic() + seconds


def connect(host: str, port: int, deadline: float) -> socket.socket:
    """A connected socket before `deadline` (time.monotonic), trying each address of `host`; Unreachable otherwise.

    What is left of the time is the socket's time-out.
    """
    last: OSError = TimeoutError()
    for family, kind, protocol, _name, address in _lookup(host, port, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(left)
            sock.connect(address)
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            return sock
        except OSError as error:
            sock.close()
            last = error
    raise unreachable(last, host, port) from last


def connect_https(host: str, port: int, deadline: float) -> socket.socket:
    """As `connect`, by way of the proxy where the policy gives one."""
    proxy = proxies.proxy_for(host, port)
    if proxy is None:
        return connect(host, port, deadline)
    if proxy.scheme != "http":
        raise _proxy_failed(proxy, host, port, f"{proxy.scheme}://")
    try:
        sock = connect(proxy.host, proxy.port, deadline)
    except Unreachable as error:
        raise _proxy_failed(proxy, host, port, error.detail or str(error.cause)) from error
    try:
        _tunnel(sock, proxy, host, port)
    except OSError as error:
        sock.close()
        raise _proxy_failed(proxy, host, port, error.strerror or str(error)) from error
    return sock


def _tunnel(sock: socket.socket, proxy: proxies.Proxy, host: str, port: int) -> None:
    """Ask the proxy for the way on; ConnectionError with its words when it refuses."""
    place = shown(host, port)
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
    lines += [f"{name}: {value}" for name, value in proxy.authorization.items()]
    sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1", "replace"))
    head = b""
    while b"\r\n\r\n" not in head and len(head) < LONGEST_HEAD:
        block = sock.recv(1)  # not one byte of what follows, which belongs to TLS
        if not block:
            break
        head += block
    status = head.partition(b"\r\n")[0].decode("latin-1")
    code = status.split(" ")[1:2]
    if not code or not code[0].startswith("2"):
        raise ConnectionError(one_line(status.partition(" ")[2], 100) or "-")


def _proxy_failed(proxy: proxies.Proxy, host: str, port: int, reason: str) -> Unreachable:
    return Unreachable(
        text(
            _("The proxy %(proxy)s on the way to %(host)s failed: %(reason)s."),
            proxy=proxy.shown,
            host=shown(host, port),
            reason=shortened(reason, 200).rstrip("."),
        ),
        value=proxy.shown,
        remedy=Text(_("Check HTTPS_PROXY, and add the host to NO_PROXY if it is reached without the proxy.")),
        code="unreachable-proxy",
    )


def unreachable(error: OSError, host: str, port: int) -> Unreachable:
    """Why there is no connection, or why it ended."""
    code, template, remedy = _reason(error)
    return Unreachable(
        text(template, host=shown(host, port)),
        value=shown(host, port),
        remedy=remedy,
        detail=error.strerror or "",
        code=code,
    )


def shown(host: str, port: int) -> str:
    """As people write it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _reason(error: OSError) -> tuple[str, str, Text]:
    if isinstance(error, socket.gaierror):
        return "unreachable-name", _("The name %(host)s does not resolve."), _NAME
    if isinstance(error, TimeoutError):
        return "unreachable-timeout", _("%(host)s did not respond in time."), _ROUTE
    if isinstance(error, ConnectionRefusedError):
        return "unreachable-refused", _("%(host)s refused the connection: no program listens on this port."), _PORT
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return "unreachable-ended", _("%(host)s closed the connection without a response."), _PORT
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return "unreachable-route", _("There is no route to %(host)s."), _ROUTE
    return "unreachable", _("%(host)s cannot be reached."), _ROUTE


def _lookup(host: str, port: int, deadline: float) -> list[Any]:
    """Addresses of the name. The system's look-up knows no deadline, so it is left behind when it takes too long."""
    outcome: Future[list[Any]] = Future()

    def look() -> None:
        try:
            outcome.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            outcome.set_exception(error)

    if is_address(host):
        look()
    else:
        threading.Thread(target=look, name="name-lookup", daemon=True).start()
    try:
        return outcome.result(max(deadline - time.monotonic(), 0))
    except ValueError as error:
        raise unreachable(socket.gaierror(socket.EAI_NONAME, "not a host name"), host, port) from error
    except OSError as error:  # also that it took too long
        raise unreachable(error, host, port) from error
