"""Secrets: sealed in the database, scrubbed from everything else.

Each workspace has a data key of its own, sealed by the keyring (a 0600 file, one Fernet key a line, newest first,
`#` comments). From the data key HKDF derives one key a column, so that a ciphertext cannot be moved to another
column or customer. Deleting a workspace's data key makes its secrets unreadable for ever.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import yaml
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from installer_tasks.errors import InstallerError
from installer_tasks.state import create_once
from installer_tasks.text import mark as _
from installer_tasks.text import text

MASK = "[redacted]"
#: Shorter strings occur by chance in ordinary text; scrubbing them would eat the log.
SHORTEST = 5


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
            text(_("The keyring %(path)s can be read by others."), path=str(path)),
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
            text(_("A sealed secret cannot be opened with this keyring.")),
            remedy=text(_("Restore the keyring file that belongs to this database.")),
        ) from error


class Redactor:
    """Replaces known secrets, in every encoding in which they travel, by a mask."""

    def __init__(self, values: Iterable[str]) -> None:
        needles = {needle for value in values for part in parts(value) for needle in encodings(part)}
        self._needles = sorted(needles, key=len, reverse=True)

    def clean(self, line: str) -> str:
        for needle in self._needles:
            if needle in line:
                line = line.replace(needle, MASK)
        return line

    def clean_data(self, data: Any) -> Any:
        """The same for every string inside lists and dicts."""
        if isinstance(data, str):
            return self.clean(data)
        if isinstance(data, dict):
            return {key: self.clean_data(value) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self.clean_data(value) for value in data]
        return data


def parts(value: str) -> Iterator[str]:
    """The strings inside a secret answer that are secret by themselves: a kubeconfig's token, a PEM's lines."""
    if len(value) < SHORTEST:
        return
    if "\n" not in value.strip():
        yield value.strip()
        return
    if "PRIVATE KEY" in value:
        yield from (line for line in value.splitlines() if len(line) >= 16 and "-----" not in line)
    yield from _kubeconfig_secrets(value)


def _kubeconfig_secrets(value: str) -> Iterator[str]:
    try:
        document = yaml.safe_load(value)
    except yaml.YAMLError:
        return
    users = document.get("users") if isinstance(document, dict) else None
    for entry in users if isinstance(users, list) else []:
        user = entry.get("user") if isinstance(entry, dict) else None
        for key in ("token", "password", "client-key-data"):
            if isinstance(user, dict) and isinstance(user.get(key), str):
                yield user[key]
                if key == "client-key-data":
                    yield from _decoded_lines(user[key])


def _decoded_lines(encoded: str) -> Iterator[str]:
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return
    yield from (line for line in decoded.splitlines() if len(line) >= 16 and "-----" not in line)


def encodings(value: str) -> set[str]:
    """The value as it is, URL-quoted, JSON-escaped, and in base64 at each of the three byte offsets."""
    found = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]}
    found |= set(_base64_forms(value.encode()))
    return {form for form in found if len(form) >= SHORTEST}


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Base64 of the bytes wherever they stand in a longer text (user:password is encoded as one)."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        # The first characters mix in what stands before, the last what comes after.
        start = (0, 2, 3)[offset]
        end = len(encoded) - (1 if (offset + len(raw)) % 3 else 0)
        form = encoded[start:end]
        if len(form) >= 8:
            yield form
            yield form.replace("+", "-").replace("/", "_")
