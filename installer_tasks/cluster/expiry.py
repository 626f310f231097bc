"""Until when the credentials of a kubeconfig are good, as far as they tell by themselves."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime

from cryptography import x509

from installer_tasks.cluster.credentials import Credentials


def expires_at(user: Credentials) -> datetime | None:
    """None for a token that does not tell."""
    if user.token:
        return _of_token(user.token)
    return min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(user.certificate.encode())[:1])


def _of_token(token: str) -> datetime | None:
    """`exp` of a JWT. Its signature is the API server's business."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(float(claims["exp"]), UTC)
    except (binascii.Error, ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
