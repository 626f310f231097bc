"""Secrets: sealed in the database. `redaction` takes them out of everything else.

Each workspace has a data key of its own, sealed by the keyring (a 0600 file, one Fernet key a line, newest first,
`#` comments). From the data key HKDF derives one key a column, so that a ciphertext cannot be moved to another
column or customer. Deleting a workspace's data key makes its secrets unreadable for ever.
"""

from __future__ import annotations

import base64
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from installer_tasks.errors import InstallerError
from installer_tasks.local.state_folder import create_once
from installer_tasks.text import mark as _
from installer_tasks.text import text


class KeyringError(InstallerError):
    """The keyring cannot be read, or does not open what it should."""

    code = "keyring"


def keyring(path: Path) -> MultiFernet:
    """The keys of the file, made with one new key when it is not there; refuses a file that others can read."""
    keys = _read_keys(path) or _make_keys(path)
    return MultiFernet([Fernet(key) for key in keys])


def _read_keys(path: Path) -> list[str]:
    if not path.exists():
        return []
    if path.stat().st_mode & 0o077:
        raise KeyringError(
            text(_("Other users can read the keyring %(path)s."), path=str(path)),
            value=str(path),
            remedy=text(_("Run: chmod 600 %(path)s"), path=str(path)),
        )
    lines = (line.strip() for line in path.read_text(encoding="ascii").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _make_keys(path: Path) -> list[str]:
    return create_once(path, Fernet.generate_key() + b"\n").decode().split()


def new_data_key(ring: MultiFernet) -> str:
    """A fresh data key, sealed by the keyring."""
    return ring.encrypt(Fernet.generate_key()).decode()


class Box:
    """Seals and opens the secrets of one workspace."""

    def __init__(self, ring: MultiFernet, sealed_data_key: str) -> None:
        self._data_key = _open(ring, sealed_data_key)

    def seal(self, column: str, plain: str) -> str:
        return self._cipher(column).encrypt(plain.encode()).decode()

    def open(self, column: str, sealed: str) -> str:
        return _open(self._cipher(column), sealed).decode()

    def fingerprint(self, value: str) -> str:
        """A keyed digest that tells whether a value changed, without telling the value."""
        digest = hmac.HMAC(self._derive("fingerprint"), hashes.SHA256())
        digest.update(value.encode())
        return digest.finalize().hex()[:32]

    def _cipher(self, column: str) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._derive(column)))

    def _derive(self, purpose: str) -> bytes:
        return HKDF(hashes.SHA256(), 32, salt=None, info=purpose.encode()).derive(self._data_key)


def _open(cipher: Fernet | MultiFernet, sealed: str) -> bytes:
    try:
        return cipher.decrypt(sealed.encode())
    except InvalidToken as error:
        raise KeyringError(
            text(_("This keyring cannot decrypt a sealed secret.")),
            remedy=text(_("Restore the keyring file that belongs to this database.")),
        ) from error
