"""Settings from the environment that fail loudly: `X_FILE` beats `X`; what cannot be read stops the start."""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from installer_tasks.decoding import decoded
from installer_tasks.errors import InputError


def text(name: str, default: str = "") -> str:
    """The variable, or the content of the file that `<name>_FILE` names."""
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return os.environ.get(name, default)
    try:
        return decoded(Path(file).read_bytes(), name=file).strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE={file} cannot be read: {error.strerror}") from error
    except InputError as error:
        raise ImproperlyConfigured(f"{name}_FILE={file} cannot be read: {error}") from error


def boolean(name: str, default: bool) -> bool:
    value = os.environ.get(name, str(default))
    if value not in ("True", "False"):
        raise ImproperlyConfigured(f"{name} must be True or False, not {value!r}")
    return value == "True"


def words(name: str, default: str = "") -> list[str]:
    """Comma-separated values."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def folders(name: str) -> tuple[Path, ...]:
    """Full paths, with colons between them as in PATH."""
    found = tuple(Path(word.strip()) for word in text(name).split(os.pathsep) if word.strip())
    for path in found:
        if not path.is_absolute():
            raise ImproperlyConfigured(f"{name} must be absolute paths separated by '{os.pathsep}', not {path}")
    return found


def networks(name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Addresses and networks, with commas between them."""
    try:
        return tuple(ip_network(word, strict=False) for word in words(name))
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} must name addresses or networks with commas between them: {error}"
        ) from error
