#!/usr/bin/env python3
"""Run a command with DATABASE_URL naming a throw-away PostgreSQL: `with_postgresql.py COMMAND...`.

The server listens on a socket in a private folder alone, is ended by its handle, and its folder is removed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

#: A test database is thrown away: nothing needs to survive a power cut.
SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=200")
DATABASE = "postgres"
PATIENCE = 30.0


def binaries() -> Path:
    """The newest of Debian's versions, else the folder that PATH names."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        sys.exit("PostgreSQL is not on this machine: install the package postgresql.")
    return found[-1].parent if found else Path(str(on_path)).resolve().parent


def account() -> str | None:
    """PostgreSQL refuses to run as root: then the system's own account does it."""
    return "postgres" if os.getuid() == 0 else None


def prepare(folder: Path, user: str | None) -> None:
    if user:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    run = ["initdb", "--pgdata", "data", "--auth", "trust", "--username", "installer", "--encoding", "UTF8"]
    argv = [str(binaries() / run[0]), *run[1:], "--no-sync", "--no-locale"]
    done = subprocess.run(argv, cwd=folder, user=user, group=user, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"initdb failed: {done.stderr}")


def start(folder: Path, user: str | None) -> subprocess.Popen[bytes]:
    argv = [str(binaries() / "postgres"), "-D", "data", "-k", str(folder)]
    argv += [word for setting in SETTINGS for word in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            argv, cwd=folder, user=user, group=user, stdout=log, stderr=log, start_new_session=True
        )
    wait_ready(folder, server)
    return server


def wait_ready(folder: Path, server: subprocess.Popen[bytes]) -> None:
    argv = [str(binaries() / "pg_isready"), "--quiet", "--host", str(folder), "--username", "installer"]
    deadline = time.monotonic() + PATIENCE
    while subprocess.run(argv, check=False).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit("PostgreSQL did not start:\n" + (folder / "log").read_text())
        time.sleep(0.1)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Fast shutdown (INT); what does not end is killed."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def run(argv: list[str], url: str) -> int:
    command = subprocess.Popen(argv, env={**os.environ, "DATABASE_URL": url})
    # A stop is the command's to hear; we stay until it has ended, then clean up. Ctrl-C reaches it by itself.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: command.terminate())
    return command.wait()


def main(argv: list[str]) -> int:
    if not argv:
        sys.exit("usage: with_postgresql.py COMMAND...")
    user = account()
    # Below /tmp by name: a socket's path has 107 bytes, and TMPDIR may be long.
    with tempfile.TemporaryDirectory(prefix="tmc-pg-", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        prepare(folder, user)
        server = start(folder, user)
        try:
            return run(argv, f"postgresql://installer@{quote(name, safe='')}/{DATABASE}")
        finally:
            stop(server)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
