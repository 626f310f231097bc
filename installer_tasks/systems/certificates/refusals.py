"""Why something is not read as a certificate or a key, in words that repeat nothing of it."""

from __future__ import annotations

from cryptography import x509

from installer_tasks.errors import InputError
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

#: Labels of blocks that hold certificates.
READ = ("CERTIFICATE", "X509 CERTIFICATE", "PKCS7", "PKCS #7 SIGNED DATA", "CMS")
#: What other labels hold, in words; and a command that makes a certificate of it, where there is one.
_OTHERS = {
    "CERTIFICATE REQUEST": _("This is a certificate signing request, not a certificate."),
    "NEW CERTIFICATE REQUEST": _("This is a certificate signing request, not a certificate."),
    "X509 CRL": _("This is a certificate revocation list, not a certificate."),
    "PUBLIC KEY": _("This is a public key, not a certificate."),
    "TRUSTED CERTIFICATE": _("This is a certificate in OpenSSL's own form, which only OpenSSL reads."),
}
#: Codes of what is wrong with a certificate itself, however it is copied.
CERTIFICATE_ITSELF = ("pem-extension-twice", "pem-extension-unreadable", "pem-name-encoding", "pem-key-passphrase")
_PASTE = Text(_("Paste the certificate, starting with -----BEGIN CERTIFICATE-----."))
_AGAIN = Text(_("Copy the complete text again."))
_CONVERT_TRUSTED = Text(_("Convert it: openssl x509 -in <file> -out <file>.pem"))
_CONVERT_STORE = Text(_("Take the certificates out of it: openssl pkcs12 -in <file> -cacerts -nokeys -out ca.pem"))
_REISSUE = Text(_("Have it issued again."))

_BROKEN = {
    "cut-short": (
        _("A block begins and does not end, or ends and did not begin: a line with BEGIN or END is missing."),
        _AGAIN,
    ),
    "marker": (
        _("A line with BEGIN or END is damaged: it needs five hyphens on each side, and nothing else."),
        Text(_("Correct the line, for example -----BEGIN CERTIFICATE-----, or copy the file again.")),
    ),
    "stray": (
        _("A part of this text looks like a certificate, but has no BEGIN and END lines."),
        Text(_("Put it between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----, or remove it.")),
    ),
}


def _refusal(cause: str, remedy: Text, code: str, field: str = "", **params: str | int) -> InputError:
    return InputError(text(cause, **params), remedy=remedy, field=field, code=code)


def nothing() -> InputError:
    return _refusal(_("This text contains no certificate."), _PASTE, "pem-none")


def too_large(limit: int) -> InputError:
    cause = _("This is larger than %(limit)d KiB, too large for a list of certificates.")
    return _refusal(cause, _PASTE, "pem-too-large", limit=limit // 1024)


def too_many(limit: int) -> InputError:
    remedy = Text(_("Enter only the CA certificates of the systems in this installation."))
    return _refusal(
        ngettext("More than %(limit)d certificate was entered.", "More than %(limit)d certificates were entered."),
        remedy,
        "pem-too-many",
        limit=limit,
    )


def binary() -> InputError:
    return _refusal(_("This is neither text nor a certificate."), _PASTE, "pem-binary")


def replaced() -> InputError:
    return _refusal(
        _("This holds replacement characters (�): a binary file was opened as text, and its content was lost."),
        Text(_("Upload the file itself, or convert it first: openssl x509 -inform der -in <file> -out <file>.pem")),
        "pem-replaced",
    )


def damaged(number: int, field: str) -> InputError:
    cause = _("Certificate %(number)d is damaged and cannot be read.")
    return _refusal(cause, _AGAIN, "pem-unreadable", field, number=number)


def broken(code: str) -> InputError:
    cause, remedy = _BROKEN[code]
    return _refusal(cause, remedy, f"pem-{code}")


def is_key() -> InputError:
    remedy = Text(_("Paste only the certificate. The key was not saved."))
    return _refusal(_("This is a private key, not a certificate."), remedy, "pem-is-key")


def key_store() -> InputError:
    return _refusal(_("This is a PKCS#12 key store (.p12, .pfx), not a certificate."), _CONVERT_STORE, "pem-key-store")


def wrong_kind(label: str) -> InputError:
    cause = _OTHERS.get(label, _("This is a PEM block of another kind, not a certificate."))
    remedy = _CONVERT_TRUSTED if label == "TRUSTED CERTIFICATE" else _PASTE
    return _refusal(cause, remedy, "pem-wrong-kind")


_NAME_FAULTS = {
    "utf-8": _("Certificate %(number)d has a name that is marked as UTF-8 but uses another encoding, such as Latin-1."),
    "characters": _("Certificate %(number)d has a name with characters that its string type does not allow."),
}  # fmt: skip


def name_fault(number: int, fault: str) -> InputError:
    remedy = Text(_("Go, and so every pod of TMC-SM, rejects it. Have it issued again with its names in UTF-8."))
    return _refusal(_NAME_FAULTS[fault], remedy, "pem-name-encoding", number=number)


def extension_twice(number: int, oid: x509.ObjectIdentifier) -> InputError:
    return _refusal(
        _("Certificate %(number)d has the extension %(extension)s twice; Go, and so every pod of TMC-SM, rejects it."),
        Text(
            _("Issue it again; with openssl req, set an extension in the configuration or with -addext, not in both.")
        ),
        "pem-extension-twice",
        number=number,
        extension=f"{oid._name} ({oid.dotted_string})",
    )  # fmt: skip


def extension_unreadable(number: int) -> InputError:
    cause = _("Certificate %(number)d has an extension that cannot be read.")
    return _refusal(cause, _REISSUE, "pem-extension-unreadable", number=number)


def no_key(*, certificate: bool) -> InputError:
    cause = _("This is a certificate, not a key.") if certificate else _("This text contains no private key.")
    remedy = Text(_("Paste the key, starting with -----BEGIN PRIVATE KEY-----."))
    return _refusal(cause, remedy, "pem-not-a-key")


def passphrase(*, needed: bool) -> InputError:
    cause = _("The key is protected by a passphrase.") if needed else _("The key needs no passphrase.")
    remedy = Text(_("Remove the passphrase from a copy of the key: openssl pkey -in <file> -out <file>.plain"))
    return _refusal(cause, remedy, "pem-key-passphrase")


def key_unreadable() -> InputError:
    return _refusal(_("The private key cannot be read, or its passphrase is wrong."), _AGAIN, "pem-key-unreadable")
