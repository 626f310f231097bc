"""The one TLS context of the product, always verifying, and what a failed handshake means."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from installer_tasks.errors import TlsFailure
from installer_tasks.systems.certificates.pem import parse_bundle, to_pem
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

_PROVIDE_CA = Text(_("Add the CA certificate that signed the system's certificate, in PEM format."))
_RENEW = Text(_("Renew the certificate. If it is still valid, correct this machine's clock."))


class _Meaning(NamedTuple):
    code: str
    cause: str
    remedy: Text


_UNKNOWN = _Meaning("tls-unknown-ca", _("The certificate of %(host)s is signed by an unknown CA."), _PROVIDE_CA)
_WRONG_NAME = _Meaning(
    "tls-wrong-name",
    _("The certificate of %(host)s does not cover this name."),
    Text(_("Use a name in the certificate, or have it reissued with this one.")),
)
_NOT_TLS = _Meaning(
    "tls-none",
    _("%(host)s does not use TLS on this port."),
    Text(_("Check the port; plain HTTP is not accepted.")),
)
_EXPIRED = _Meaning("tls-expired", _("The certificate of %(host)s, or one of its CAs, has expired."), _RENEW)
_NOT_YET = _Meaning("tls-not-yet-valid", _("The certificate of %(host)s is not valid yet."), _RENEW)
_WEAK = _Meaning(
    "tls-weak",
    _("The certificate of %(host)s has a key or signature that is too weak."),
    Text(_("Have it reissued with an RSA key of at least 2048 bits, or ECDSA, and SHA-256.")),
)
_NO_CA = _Meaning(
    "tls-not-a-ca",
    _("The certificate of %(host)s is signed by a certificate that is not a CA."),
    Text(_("Have it issued by a certificate authority (CA:TRUE).")),
)
_CONSTRAINED = _Meaning(
    "tls-name-constraints",
    _("An authority of %(host)s may not sign for this name: its name constraints exclude it."),
    Text(_("Have the certificate issued by an authority that may sign for this name.")),
)
_PURPOSE = _Meaning(
    "tls-wrong-purpose",
    _("The certificate of %(host)s, or one of its authorities, is not for servers (extended key usage)."),
    Text(_("Have it issued with the extended key usage serverAuth, by an authority that may do so.")),
)
_OLD = _Meaning(
    "tls-old-protocol",
    _("%(host)s offers no secure TLS version."),
    Text(_("Enable TLS 1.2 or 1.3 on that system.")),
)
_CLIENT = _Meaning(
    "tls-client-certificate",
    _("%(host)s requires a client certificate."),
    Text(_("Use an address that does not require one.")),
)
_NO_SUCH_NAME = _Meaning(
    "tls-name-not-served",
    _("The server at %(host)s does not serve this name."),
    Text(_("Check the name. Behind a load balancer, check that its route exists.")),
)
_BROKEN = _Meaning(
    "tls-handshake",
    _("The TLS handshake with %(host)s failed."),
    Text(_("Check that nothing between this machine and the system intercepts TLS.")),
)

#: Verification codes of OpenSSL (x509_vfy.h).
_BY_CODE = {
    2: _UNKNOWN, 7: _UNKNOWN, 18: _UNKNOWN, 19: _UNKNOWN, 20: _UNKNOWN, 21: _UNKNOWN,
    9: _NOT_YET, 10: _EXPIRED, 24: _NO_CA, 25: _NO_CA, 32: _NO_CA, 79: _NO_CA,
    26: _PURPOSE, 47: _CONSTRAINED, 48: _CONSTRAINED,
    62: _WRONG_NAME, 64: _WRONG_NAME,
    66: _WEAK, 67: _WEAK, 68: _WEAK,
}  # fmt: skip
_BY_REASON = {
    "WRONG_VERSION_NUMBER": _NOT_TLS,
    "HTTP_REQUEST": _NOT_TLS,
    "HTTPS_PROXY_REQUEST": _NOT_TLS,
    "UNKNOWN_PROTOCOL": _NOT_TLS,
    "PACKET_LENGTH_TOO_LONG": _NOT_TLS,
    "RECORD_LAYER_FAILURE": _NOT_TLS,
    "INVALID_ALERT": _NOT_TLS,
    "UNSUPPORTED_PROTOCOL": _OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD,
    "TLSV1_UNRECOGNIZED_NAME": _NO_SUCH_NAME,
    "TLSV1_ALERT_UNRECOGNIZED_NAME": _NO_SUCH_NAME,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": _CLIENT,
}


def ssl_context(
    ca_pem: str | None = None, *, field: str = "", sockets: type[ssl.SSLSocket] = ssl.SSLSocket
) -> ssl.SSLContext:
    """The system's authorities and, where given, the customer's own. InputError when `ca_pem` holds no certificate.

    It makes `sockets`. Not to be changed: whoever trusts the same, with the same sockets, gets the same one.
    """
    # mypy: it takes `__hash__` of the sockets for that of their class.
    return _context(ca_pem, field, sockets, _trusted_by_the_system())  # type: ignore[arg-type]


def judge_as_go(context: ssl.SSLContext) -> None:
    """What Go's verifier, and so kubectl and every pod of TMC-SM, does: a supplied intermediate is trusted by itself,
    and private authorities without key identifiers are taken. Python's defaults differ from version to version.
    """
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT


def _trusted_by_the_system() -> tuple[tuple[str, int, int], ...]:
    """Changes when an authority is added to this machine or taken from it."""
    paths = ssl.get_default_verify_paths()
    found = [(path, Path(path).stat()) for path in (paths.cafile, paths.capath) if path]
    return tuple((path, each.st_ino, each.st_mtime_ns) for path, each in found)


@lru_cache(maxsize=16)
def _context(ca_pem: str | None, field: str, sockets: type[ssl.SSLSocket], _trusted: object) -> ssl.SSLContext:
    """Reading the system's hundred and fifty authorities takes longer than most handshakes."""
    context = ssl.create_default_context()
    context.sslsocket_class = sockets
    judge_as_go(context)
    if ca_pem and ca_pem.strip():
        context.load_verify_locations(cadata=to_pem(parse_bundle(ca_pem, field=field)))
    return context


def classify_ssl_error(failure: BaseException, host: str, remedies: Mapping[str, Text] | None = None) -> TlsFailure:
    """What a failed handshake, however wrapped by an HTTP library, means to a person.

    The one place that knows. `remedies`, by code: where the answer to change is another than a field for certificates.
    """
    found = next((error for error in causes(failure) if isinstance(error, ssl.SSLError)), None)
    meaning = _meaning(found)
    return TlsFailure(
        text(meaning.cause, host=host),
        value=host,
        remedy=(remedies or {}).get(meaning.code, meaning.remedy),
        detail=_words(found) if found else "",
        code=meaning.code,
    )


def unreadable(host: str) -> TlsFailure:
    """One of the certificates that a server presents breaks the format."""
    return TlsFailure(
        text(_("%(host)s presents a certificate that cannot be read."), host=host),
        value=host,
        remedy=Text(_("Have it issued again; Go, and so every pod of TMC-SM, rejects it too.")),
        code="tls-unreadable",
    )


def _meaning(error: ssl.SSLError | None) -> _Meaning:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_CODE.get(error.verify_code, _BROKEN)
    return _BY_REASON.get(getattr(error, "reason", None) or "", _BROKEN)


def _words(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", "") or error.reason or str(error)


def causes(failure: BaseException) -> Iterator[BaseException]:
    """The failure and what it wraps: as cause, context, `reason` (urllib3) or argument."""
    seen: set[int] = set()
    waiting: list[object] = [failure]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseException) and id(error) not in seen:
            seen.add(id(error))
            yield error
            waiting += [getattr(error, "reason", None), error.__cause__, error.__context__, *error.args]
