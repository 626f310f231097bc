"""X.509 as people supply it and as servers present it; the one place for TLS contexts."""

from __future__ import annotations

from installer_tasks.systems.certificates.chains import (
    has_expired,
    is_ca,
    key_matches,
    order_problems,
    path_length,
)
from installer_tasks.systems.certificates.description import describe
from installer_tasks.systems.certificates.go import newer_rejection, rejection
from installer_tasks.systems.certificates.handshake import Presented, chain_of, peer_chain, verify_endpoint
from installer_tasks.systems.certificates.pem import parse_bundle, parse_key, read_key, to_pem
from installer_tasks.systems.certificates.subjects import issuer_of, subject_of
from installer_tasks.systems.certificates.tls import classify_ssl_error, ssl_context
from installer_tasks.systems.certificates.trust import ChainVerdict, verify_chain

__all__ = [
    "ChainVerdict",
    "Presented",
    "chain_of",
    "classify_ssl_error",
    "describe",
    "has_expired",
    "is_ca",
    "issuer_of",
    "key_matches",
    "newer_rejection",
    "order_problems",
    "parse_bundle",
    "parse_key",
    "path_length",
    "peer_chain",
    "read_key",
    "rejection",
    "ssl_context",
    "subject_of",
    "to_pem",
    "verify_chain",
    "verify_endpoint",
]
