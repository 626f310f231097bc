"""A new key for the keyring, and every workspace's data key sealed by it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from installer_tasks.errors import InstallerError
from installer_tasks.local.secrets import keyring
from installer_tasks.models import Workspace
from wizard import headless

RESTORE = "Restore the keyring file that belongs to this database."


class Command(BaseCommand):
    help = (
        "Adds a new key to the top of the keyring and encrypts every workspace's data key with it. The older keys stay "
        "in the file, for backups of the database. Can run while the installer is running."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        # Read by manage.py before the settings; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: in your home folder)")

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.KEYRING_FILE
        try:
            headless.prepare_database()
            with _alone(path):
                self._rotate(path)
        except InstallerError as error:
            raise CommandError(f"rotate_keys: {headless.told(error)}") from error
        except OSError as error:
            raise CommandError(f"rotate_keys: cannot replace the keyring {path}: {error.strerror}") from error

    def _rotate(self, path: Path) -> None:
        if not path.exists() and Workspace.objects.exists():  # reading it would make up a new one
            raise CommandError(f"rotate_keys: the keyring {path} does not exist; nothing was changed.\n{RESTORE}")
        ring = keyring(path)
        for workspace in Workspace.objects.all():
            _reseal(ring, workspace.sealed_data_key, workspace.name)  # before a new key makes it harder to see why not
        _add_key(path)
        count = sum(_rotate_one(keyring(path), workspace) for workspace in Workspace.objects.all())
        self.stdout.write(f"Added a new key to {path}. Workspaces encrypted with it: {count}.")
        self.stdout.write("Copy this file to every machine that uses the same database, and to your backup.")


def _rotate_one(ring: MultiFernet, workspace: Workspace) -> int:
    fresh = _reseal(ring, workspace.sealed_data_key, workspace.name)
    rows = Workspace.objects.filter(pk=workspace.pk, sealed_data_key=workspace.sealed_data_key)
    return rows.update(sealed_data_key=fresh)


def _reseal(ring: MultiFernet, sealed: str, name: str) -> str:
    try:
        return ring.rotate(sealed.encode()).decode()
    except InvalidToken:
        raise CommandError(
            f"rotate_keys: this keyring cannot decrypt the secrets of workspace {name}; nothing was changed.\n{RESTORE}"
        ) from None


def _add_key(path: Path) -> None:
    """The file appears whole, readable by its owner alone; what stood in it stays below."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(Fernet.generate_key() + b"\n" + path.read_bytes())
            stream.flush()
            os.fsync(stream.fileno())
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two rotations at once would each drop the other's new key."""
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
