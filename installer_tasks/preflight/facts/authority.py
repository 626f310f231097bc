"""A supplied certificate authority, refused with its field's name before a connection is tried with it."""

from __future__ import annotations

from collections.abc import Mapping

from installer_tasks.systems import certificates


def supplied(answers: Mapping[str, str], key: str) -> str | None:
    """The PEM of this answer, or None when it is empty. Raises InputError when it holds no certificate."""
    pem = answers[key].strip()
    if not pem:
        return None
    certificates.parse_bundle(pem, field=key)
    return pem
