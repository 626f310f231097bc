"""X.509 as people supply it and as servers present it; the one place for TLS contexts."""

from __future__ import annotations

from installer_tasks.certificates.chains import (
    ChainVerdict,
    has_expired,
    is_ca,
    key_matches,
    order_problems,
    path_length,
    verify_chain,
)
from installer_tasks.certificates.handshake import Presented, chain_of, peer_chain, verify_endpoint
from installer_tasks.certificates.pem import describe, parse_bundle, parse_key, to_pem
from installer_tasks.certificates.tls import classify_ssl_error, ssl_context

__all__ = [
    "ChainVerdict",
    "Presented",
    "chain_of",
    "classify_ssl_error",
    "describe",
    "has_expired",
    "is_ca",
    "key_matches",
    "order_problems",
    "parse_bundle",
    "parse_key",
    "path_length",
    "peer_chain",
    "ssl_context",
    "to_pem",
    "verify_chain",
    "verify_endpoint",
]
