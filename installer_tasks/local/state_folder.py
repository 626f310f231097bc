"""The one folder that holds everything of an installer on this machine: database, keys, sockets, logs.

`TMC_INSTALLER_STATE` names it; the default is below the user's data home (XDG). Mode 0700 always.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

VARIABLE = "TMC_INSTALLER_STATE"


def default_folder() -> Path:
    data_home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data_home) / "tmc-sm-installer"


def folder() -> Path:
    """The state folder, made with mode 0700 when it is not there."""
    path = Path(os.environ.get(VARIABLE) or default_folder()).absolute()
    return private_folder(path)


def private_folder(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


def secret_file(name: str, make: bytes | None = None) -> bytes:
    """The content of a 0600 file in the state folder, made on first use."""
    content = make if make is not None else secrets.token_urlsafe(48).encode()
    return create_once(folder() / name, content + b"\n").strip()


def instance(key: str, *, database: str = "") -> str:
    """Tells this installer from others on the host, and nothing of where it is kept.

    By its state folder; by its database where that is a server's, which several machines may share.
    """
    identity = database or str(folder().resolve())
    return hmac.new(key.encode(), f"instance:{identity}".encode(), hashlib.sha256).hexdigest()[:10]


def create_once(path: Path, content: bytes) -> bytes:
    """Write a 0600 file unless it is there; returns what is in it. Of two processes that start at once, one wins.

    The file appears with its content: nobody ever reads it half-written.
    """
    if not path.exists():
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            Path(draft).unlink()
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return path.read_bytes()


def secret_places() -> tuple[Path, ...]:
    """What no program but our own may reach: the state folder, and files with keys that settings name elsewhere."""
    named = (value for name, value in os.environ.items() if name == "TMC_INSTALLER_KEYRING" or _is_secret_file(name))
    return (folder(), *(Path(value) for value in named if value))


def _is_secret_file(name: str) -> bool:
    return name.endswith("_FILE") and name.startswith(("TMC_INSTALLER_", "DATABASE_URL", "REDIS_URL"))
