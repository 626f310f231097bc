"""Looking at what a TLS server presents, and judging it."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass

from cryptography import x509

from installer_tasks.errors import InstallerError, TlsFailure
from installer_tasks.systems.certificates.description import alternative_names
from installer_tasks.systems.certificates.extensions import UNREADABLE
from installer_tasks.systems.certificates.subjects import issuer_of
from installer_tasks.systems.certificates.tls import classify_ssl_error, ssl_context, unreadable
from installer_tasks.systems.net import connect, connect_https, shown, unreachable

TIMEOUT = 10.0
#: Looking a second time, only to say more about a failure.
SECOND_LOOK = 3.0


@dataclass(frozen=True)
class Presented:
    """A server whose certificate was verified."""

    protocol: str
    chain: tuple[x509.Certificate, ...]


def peer_chain(
    host: str, port: int, *, server_name: str = "", timeout: float = TIMEOUT, web: bool = False
) -> tuple[x509.Certificate, ...]:
    """The certificates that a server presents, unjudged; `host` may be an address.

    Nothing is sent and nothing that is read is trusted: it serves to show people what is there. `web`: it speaks HTTPS,
    so the way to it may lead through a proxy.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _handshake(context, host, port, server_name or host, timeout, web=web).chain


def verify_endpoint(
    host: str,
    port: int,
    *,
    server_name: str = "",
    ca_pem: str | None = None,
    timeout: float = TIMEOUT,
    web: bool = False,
) -> Presented:
    """Connect to `host` (a name or an address) as `server_name` and verify; TlsFailure by kind, or Unreachable."""
    name = server_name or host
    context = ssl_context(ca_pem)
    try:
        return _handshake(context, host, port, name, timeout, web=web)
    except TlsFailure as failure:
        raise explained(failure, host, port, name, web=web) from failure


def explained(failure: TlsFailure, host: str, port: int, server_name: str, *, web: bool = False) -> TlsFailure:
    """The same failure with what the server presents added, where that can be had: people search by these words."""
    try:
        chain = peer_chain(host, port, server_name=server_name, timeout=SECOND_LOOK, web=web)
    except InstallerError:
        return failure
    leaf, last = chain[0], chain[-1]
    failure.detail = "; ".join(
        part
        for part in (
            failure.detail,
            f"names: {', '.join(alternative_names(leaf)) or '-'}",
            f"valid: {leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d}",
            f"issuer: {issuer_of(last)}",
        )
        if part
    )
    return failure


def _handshake(context: ssl.SSLContext, host: str, port: int, name: str, timeout: float, *, web: bool) -> Presented:
    deadline = time.monotonic() + timeout
    with (connect_https if web else connect)(host, port, deadline) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=name) as secured:
                return Presented(secured.version() or "", chain_of(secured))
        except TimeoutError as error:
            raise unreachable(error, host, port) from error
        except ssl.SSLError as error:
            raise classify_ssl_error(error, shown(name, port)) from error
        except OSError as error:
            raise unreachable(error, host, port) from error


def chain_of(secured: ssl.SSLSocket) -> tuple[x509.Certificate, ...]:
    """What the other side presents, its own certificate first; TlsFailure when one of them cannot be read."""
    try:
        return _presented(secured)
    except UNREADABLE as error:
        host = str(secured.server_hostname or "")
        raise unreadable(host) from error


def _presented(secured: ssl.SSLSocket) -> tuple[x509.Certificate, ...]:
    # Public from Python 3.13 on; before, only the C object has it.
    look = getattr(secured, "get_unverified_chain", None)
    if look is not None:
        return tuple(x509.load_der_x509_certificate(der) for der in look())
    found = secured._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]
    return tuple(x509.load_pem_x509_certificate(item.public_bytes().encode()) for item in found)
