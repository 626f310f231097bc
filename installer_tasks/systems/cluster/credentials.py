"""The user of a kubeconfig: a bearer token or a client certificate, validated, and hidden from every repr."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from installer_tasks.errors import InputError
from installer_tasks.systems import certificates
from installer_tasks.systems.certificates import armor
from installer_tasks.systems.certificates.refusals import CERTIFICATE_ITSELF
from installer_tasks.systems.cluster.document import refuse
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

PEM_REMEDY = text(
    _("The value is the base64 encoding of a PEM file, as written by: kubectl config view --flatten --minify --raw")
)


_ESCAPE = re.compile(r"&#?\w{1,8};|%[0-9A-Fa-f]{2}")


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
        cause = text(_("The kubeconfig signs in with a user name and password, which Kubernetes removed in 1.19."))
        raise refuse(cause, "kubeconfig-credentials", value="username, password", remedy=remedy)
    raise refuse(text(_("The kubeconfig's user has no credentials.")), "kubeconfig-credentials", remedy=remedy)


def authorities(data: str) -> str:
    """PEM of the cluster's CA from its base64 form; empty when there is none."""
    if not data:
        return ""
    return certificates.to_pem(_certificates(data, "certificate-authority-data"))


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
            text(_("The token contains spaces, line breaks or invalid characters.")),
            "kubeconfig-credentials",
            value="token",
            remedy=text(_("Copy the token again, on a single line.")),
        )
    return token


def _certificate(certificate: str, key: str) -> Credentials:
    chain = _certificates(certificate, "client-certificate-data")
    private, key_pem = _key(key)
    if not certificates.key_matches(chain[0], private):
        raise refuse(
            text(_("The client key does not match the client certificate.")),
            "kubeconfig-credentials",
            value="client-key-data",
            remedy=text(_("Use both values from the same kubeconfig.")),
        )
    return Credentials(certificate=certificates.to_pem(chain), key=key_pem)


def _certificates(data: str, key: str) -> tuple[x509.Certificate, ...]:
    content = _decode(data, key)
    try:
        return certificates.parse_bundle(content)
    except InputError as error:
        raise _bad_pem(error, key) from None


def _key(data: str) -> tuple[PrivateKeyTypes, str]:
    content = _decode(data, "client-key-data")
    try:
        return certificates.read_key(content)
    except InputError as error:
        raise _bad_pem(error, "client-key-data") from None


def _hidden(key: str) -> InputError:
    return refuse(
        text(_("This file was written without the credentials.")),
        "kubeconfig-credentials",
        value=key,
        remedy=text(_("Write the file with: kubectl config view --flatten --minify --raw > installer.kubeconfig")),
    )


def _decode(data: str, key: str) -> bytes:
    """What the value is base64 of; PEM that was pasted as it is can mean one thing only, too."""
    if data in ("DATA+OMITTED", "REDACTED"):
        raise _hidden(key)
    if "-----BEGIN " in data:
        return data.encode()
    content = armor.bare(data)
    if content is None and _ESCAPE.search(data):
        raise refuse(
            text(_("The value contains escapes of a web page, such as &#43; in place of +.")),
            "kubeconfig-pem",
            value=key,
            remedy=PEM_REMEDY,
        )
    if content is None:
        raise refuse(
            text(_("This is not the base64 encoding of a PEM file.")), "kubeconfig-pem", value=key, remedy=PEM_REMEDY
        )
    return content


def _bad_pem(error: InputError, key: str) -> InputError:
    """Where it is the certificate itself that is wrong, copying it again does not help."""
    remedy = error.remedy if error.code in CERTIFICATE_ITSELF else PEM_REMEDY
    return refuse(error.cause, "kubeconfig-pem", value=key, remedy=remedy)
