"""The user of a kubeconfig: a bearer token or a client certificate, validated, and hidden from every repr."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from installer_tasks.cluster.document import refuse
from installer_tasks.errors import InputError
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

PEM_REMEDY = text(_("The value is base64 of a PEM file; kubectl config view --flatten --minify --raw writes it so."))


@dataclass(frozen=True)
class Credentials:
    """Either a token, or a certificate with its key."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)  #: PEM
    key: str = field(default="", repr=False)  #: PEM, not encrypted

    @property
    def kind(self) -> str:
        return "token" if self.token else "certificate"

    def as_dict(self) -> dict[str, str]:
        if self.token:
            return {"token": self.token}
        return {"client-certificate-data": encode(self.certificate), "client-key-data": encode(self.key)}


def of_user(user: Mapping[str, Any], remedy: Text) -> Credentials:
    """The credentials of a kubeconfig's user entry; `remedy` tells how to get some when there are none."""
    token = _text_of(user, "token")
    certificate, key = _text_of(user, "client-certificate-data"), _text_of(user, "client-key-data")
    if token:
        return Credentials(token=_token(token))
    if certificate and key:
        return _certificate(certificate, key)
    if certificate or key:
        present = "client-certificate-data" if certificate else "client-key-data"
        cause = text(_("A client certificate needs both client-certificate-data and client-key-data."))
        raise refuse(cause, "kubeconfig-credentials", value=present, remedy=PEM_REMEDY)
    if _text_of(user, "username"):
        cause = text(_("The kubeconfig signs in with user name and password, which Kubernetes dropped in 1.19."))
        raise refuse(cause, "kubeconfig-credentials", value="username, password", remedy=remedy)
    raise refuse(text(_("The kubeconfig's user has no credentials.")), "kubeconfig-credentials", remedy=remedy)


def authorities(data: str) -> str:
    """PEM of the cluster's CA from its base64 form; empty when there is none."""
    if not data:
        return ""
    pem = _decode(data, "certificate-authority-data")
    _check_certificates(pem, "certificate-authority-data")
    return pem


def encode(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()


def _text_of(user: Mapping[str, Any], key: str) -> str:
    value = user.get(key, "")
    return value.strip() if isinstance(value, str) and value not in ("null", "~") else ""


def _token(token: str) -> str:
    if token == "REDACTED":  # noqa: S105 - what kubectl writes in place of one
        raise _hidden("token")
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise refuse(
            text(_("The token holds spaces, line breaks or characters that no token has.")),
            "kubeconfig-credentials",
            value="token",
            remedy=text(_("Copy the token again, on one line.")),
        )
    return token


def _certificate(certificate: str, key: str) -> Credentials:
    pem, key_pem = _decode(certificate, "client-certificate-data"), _decode(key, "client-key-data")
    leaf = _check_certificates(pem, "client-certificate-data")[0]
    public = _public_key(key_pem)
    if leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != public:
        raise refuse(
            text(_("The client key does not belong to the client certificate.")),
            "kubeconfig-credentials",
            value="client-key-data",
            remedy=text(_("Take both values from the same kubeconfig.")),
        )
    return Credentials(certificate=pem, key=key_pem)


def _public_key(pem: str) -> bytes:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:  # what the library raises for an encrypted key
        raise _bad_pem(text(_("The client key is encrypted with a passphrase.")), "client-key-data") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _bad_pem(text(_("This is not a private key in PEM form.")), "client-key-data") from None
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_certificates(pem: str, key: str) -> list[x509.Certificate]:
    if "PRIVATE KEY-----" in pem:
        raise _bad_pem(text(_("This is a private key where a certificate is expected.")), key)
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise _bad_pem(text(_("This is not a certificate in PEM form.")), key) from None


def _hidden(key: str) -> InputError:
    return refuse(
        text(_("The credentials were left out when this file was written.")),
        "kubeconfig-credentials",
        value=key,
        remedy=text(_("Write the file with: kubectl config view --flatten --minify --raw > installer.kubeconfig")),
    )


def _decode(data: str, key: str) -> str:
    if data in ("DATA+OMITTED", "REDACTED"):
        raise _hidden(key)
    try:
        decoded = base64.b64decode("".join(data.split()), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise _bad_pem(text(_("This is not base64 of a PEM file.")), key) from None
    if "-----BEGIN " not in decoded:
        raise _bad_pem(text(_("This is not base64 of a PEM file.")), key)
    return decoded


def _bad_pem(cause: Text, key: str) -> InputError:
    return refuse(cause, "kubeconfig-pem", value=key, remedy=PEM_REMEDY)
