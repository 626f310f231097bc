"""How an issuer that is no key pair in the cluster signs: what its people have set up outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Annotation of a practice issuer of type vault or acme: JSON, the fields of `Role`.
ROLE = "practice/role"
PENDING = 'Waiting on certificate issuance from order: "pending"'


@dataclass(frozen=True)
class Role:
    """The rules of a server that signs for cert-manager."""

    secret: str = ""  #: the key pair that it signs with, kept in the cluster for the practice
    for_servers: bool = True
    most_hours: int = 0  #: it gives no more; 0 for as long as was asked
    refuses: str = ""  #: its words, when it signs nothing
    pending: str = ""  #: its words, when it never gets that far

    @classmethod
    def of(cls, issuer: Mapping[str, Any]) -> Role | None:
        """None for an issuer that has nobody behind it."""
        found = (issuer["metadata"].get("annotations") or {}).get(ROLE)
        return cls(**json.loads(found)) if found else None
