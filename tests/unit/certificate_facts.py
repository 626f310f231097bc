"""A certificate, as facts show it."""

from __future__ import annotations

from typing import Any


def described(**changes: Any) -> dict[str, Any]:
    return {
        "subject": "CN=harbor.example",
        "issuer": "CN=CA",
        "not_before": "2026-01-01T00:00:00+00:00",
        "not_after": "2036-01-01T00:00:00+00:00",
        "sans": [],
        "is_ca": False,
        "path_length": None,
        "key": "RSA 4096",
        "sha256": "00",
        **changes,
    }


def dissected(**changes: Any) -> dict[str, Any]:
    return {
        **described(),
        "may_sign": False,
        "for_servers": True,
        "self_signed": False,
        "signature": "sha256",
        "bits": 4096,
        "days_left": 900,
        "started": True,
        "hours": 8780,
        **changes,
    }
