"""Until when the credentials of a kubeconfig are good, as far as they tell by themselves."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from installer_tasks.systems import certificates
from installer_tasks.systems.cluster.credentials import Credentials


@dataclass(frozen=True)
class Validity:
    until: datetime
    since: datetime | None = None  #: when a token was issued, as far as it tells


def validity(user: Credentials) -> Validity | None:
    """None for a token that does not tell."""
    if user.token:
        return _of_token(user.token)
    return Validity(certificates.parse_bundle(user.certificate)[0].not_valid_after_utc)


def _of_token(token: str) -> Validity | None:
    """`exp` and `iat` of a JWT. Its signature is the API server's business."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        issued = claims.get("iat")
        since = datetime.fromtimestamp(float(issued), UTC) if issued is not None else None
        return Validity(datetime.fromtimestamp(float(claims["exp"]), UTC), since)
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return None
