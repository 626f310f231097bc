"""What there is on this machine, said in words with a remedy: for `manage.py doctor`."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from installer_tasks.errors import InstallerError
from installer_tasks.local import shell
from installer_tasks.local.processes import ports, redis
from installer_tasks.local.processes.lock import AlreadyRunning, FolderLock

OLDEST_PYTHON = (3, 11)
#: The database, the logs and Redis' file; the bundle lies elsewhere.
LEAST_DISK = 1024**3
LEAST_MEMORY = 1024**3
#: CVE-2024-31228, by release line; lines that are not named began without it or, as 7.0, never got the fix.
REDIS_FIXED_IN: dict[tuple[int, ...], tuple[int, ...]] = {
    (6, 2): (6, 2, 16),
    (7, 0): (7, 2, 6),
    (7, 2): (7, 2, 6),
    (7, 4): (7, 4, 1),
}


@dataclass(frozen=True)
class Observation:
    """One thing looked at. Without a remedy all is well with it; `fatal` when `up` cannot start like this."""

    name: str
    found: str
    remedy: str = ""
    fatal: bool = False


def observations(folder: Path, host: str = "127.0.0.1") -> Iterator[Observation]:
    yield python()
    yield private(folder)
    yield disk(folder)
    yield memory()
    yield redis_server(folder)
    yield confinement()
    yield running(folder)
    yield port(host)


def python() -> Observation:
    found = f"Python {platform.python_version()} at {sys.executable}"
    if sys.version_info < OLDEST_PYTHON:
        return Observation("python", found, "Install Python 3.11 or later, then create .venv again.", fatal=True)
    return Observation("python", found)


def private(folder: Path) -> Observation:
    mode = folder.stat().st_mode & 0o777
    found = f"{folder}, mode {mode:04o}"
    if not os.access(folder, os.W_OK | os.X_OK):
        return Observation(
            "state folder", f"{found}, not writable", f"Run: chown {os.getuid()} {quote(str(folder))}", fatal=True
        )
    if folder.stat().st_uid != os.getuid():
        return Observation("state folder", f"{found}, owned by another user", "Run the installer as its owner.")
    return Observation("state folder", found, "" if mode == 0o700 else f"Run: chmod 700 {quote(str(folder))}")


def disk(folder: Path) -> Observation:
    free = shutil.disk_usage(folder).free
    found = f"{free / 1024**3:.1f} GiB free at {folder}"
    return Observation("disk", found, "" if free >= LEAST_DISK else "Free at least 1 GiB, or use another --state.")


def memory() -> Observation:
    """What can be had without swapping; only Linux tells."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return Observation("memory", "unknown on this system")
    free = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), 0)
    found = f"{free / 1024**3:.1f} GiB available"
    return Observation("memory", found, "" if free >= LEAST_MEMORY else "Stop other programs: 1 GiB is required.")


def redis_server(folder: Path) -> Observation:
    if os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE"):
        return Observation("redis", "set by REDIS_URL")
    try:
        program = redis.find()
        path = redis.socket_path(folder)
    except InstallerError as error:
        return Observation("redis", str(error.cause), str(error.remedy), fatal=True)
    version = redis.version(program) or ()
    number = ".".join(map(str, version))
    return Observation("redis", f"{program} {number}, socket {path}", _known_flaws(version))


def _known_flaws(version: tuple[int, ...]) -> str:
    """Only this installer's own processes reach its Redis; whoever runs code as its user could crash it."""
    fixed = REDIS_FIXED_IN.get(version[:2])
    if version >= min(REDIS_FIXED_IN.values()) and (fixed is None or version >= fixed):
        return ""
    number = ".".join(map(str, version))
    return f"Install a newer redis-server or valkey: {number} has CVE-2024-31228, unless its package contains the fix."


def confinement() -> Observation:
    """What keeps the vendor's program, where it pushes, from the state folder."""
    if version := shell.protection():
        return Observation("vendor's program", f"Landlock version {version} denies it the state folder")
    remedy = "Choose this installer as the push engine, or use a kernel of version 5.13 or later with lsm=landlock."
    return Observation("vendor's program", "can access the state folder: this kernel has no Landlock", remedy)


def running(folder: Path) -> Observation:
    lock = FolderLock(folder)
    try:
        lock.take()
    except AlreadyRunning as error:
        return Observation("installer", f"running as process {error.pid} at {error.url}")
    lock.release()
    return Observation("installer", "not running with this state folder")


def port(host: str) -> Observation:
    if ports.is_free(host, ports.FIRST):
        return Observation("port", f"{ports.FIRST} of {host} is free")
    return Observation("port", f"{ports.FIRST} of {host} is in use; `up` will use {ports.choose(host, None)}")


def guarded(name: str, look: Callable[[], str], remedy: str) -> Observation:
    """What `look` says, or the error it ends with: for things only the caller can reach."""
    try:
        return Observation(name, look())
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs on the page of the doctor
        first_line = str(error).partition("\n")[0]
        return Observation(name, f"{type(error).__name__}: {first_line}", remedy, fatal=True)
