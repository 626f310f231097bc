"""Where the web server listens: the port that was asked for, or the next free one."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from installer_tasks.errors import Conflict
from installer_tasks.text import mark as _
from installer_tasks.text import text

FIRST = 8000
TRIED = 100


def choose(host: str, port: int | None) -> int:
    """`port` when it is free, or an error; without one the first free port from 8000 on."""
    if port is not None:
        if port and not is_free(host, port):
            raise _taken(host, port)
        return port or _any(host)
    return next((number for number in range(FIRST, FIRST + TRIED) if is_free(host, number)), 0) or _any(host)


def is_free(host: str, port: int) -> bool:
    with _socket(host) as probe:
        # As uvicorn binds: connections of a server that just ended do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _any(host: str) -> int:
    with _socket(host) as probe:
        probe.bind((host, 0))
        number: int = probe.getsockname()[1]
        return number


def _socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if is_ipv6(host) else socket.AF_INET)


def is_ipv6(host: str) -> bool:
    try:
        return ip_address(host).version == 6
    except ValueError:
        return False


def _taken(host: str, port: int) -> Conflict:
    return Conflict(
        text(_("Port %(port)s of %(host)s is in use by another program."), port=port, host=host),
        value=f"{host}:{port}",
        remedy=text(_("Stop that program, choose another port with --port, or omit --port.")),
        code="port-taken",
        retry=False,
    )
