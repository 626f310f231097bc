"""Connecting by TCP within a deadline, and what it means when that fails."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
import time
from typing import Any

from installer_tasks.errors import Unreachable
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

_NAME = Text(_("Check the spelling, and that this machine's DNS server knows the name."))
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
        return "unreachable-name", _("The name of %(host)s does not resolve."), _NAME
    if isinstance(error, TimeoutError):
        return "unreachable-timeout", _("%(host)s did not answer in time."), _ROUTE
    if isinstance(error, ConnectionRefusedError):
        return "unreachable-refused", _("%(host)s refused the connection: nothing listens there."), _PORT
    if isinstance(error, ConnectionResetError | BrokenPipeError | ConnectionAbortedError):
        return "unreachable-ended", _("%(host)s ended the connection without an answer."), _PORT
    if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
        return "unreachable-route", _("There is no route to %(host)s."), _ROUTE
    return "unreachable", _("%(host)s cannot be reached."), _ROUTE


def _lookup(host: str, port: int, deadline: float) -> list[Any]:
    """Addresses of the name. The system's look-up knows no deadline, so it is left behind when it takes too long."""
    outcome: list[Any] = []

    def look() -> None:
        try:
            outcome.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            outcome.append(error)

    if is_address(host):
        look()
    else:
        thread = threading.Thread(target=look, name="name-lookup", daemon=True)
        thread.start()
        thread.join(max(deadline - time.monotonic(), 0))
    if not outcome:
        raise unreachable(TimeoutError(), host, port)
    found = outcome[0]
    if isinstance(found, UnicodeError):
        found = socket.gaierror(socket.EAI_NONAME, "not a host name")
    if isinstance(found, OSError):
        raise unreachable(found, host, port) from found
    return list(found)
