"""What the installer can mend by itself when a person says so: shown whole before, done only as it was shown.

A fix is offered for a finding. `look` says what it would do, with a token of exactly that; `carry_out` looks again and
refuses when it is no longer the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from installer_tasks.errors import Invalid, Refused
from installer_tasks.systems import certificates
from installer_tasks.systems.certificates.anatomy import is_self_signed
from installer_tasks.systems.certificates.handshake import peer_chain
from installer_tasks.systems.directory import parse_place
from installer_tasks.systems.http import parse_url
from installer_tasks.systems.identity import MISMATCH, discover
from installer_tasks.systems.registry.client import RegistryClient
from installer_tasks.systems.registry.harbor import Harbor
from installer_tasks.systems.registry.reference import Reference
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

Answers = Mapping[str, str]
UNKNOWN_AUTHORITY = "tls-unknown-ca"


@dataclass(frozen=True)
class Proposal:
    """What would be done. `changes` are answers to save; the outside is changed by the fix itself."""

    what: Text
    facts: tuple[tuple[Text, str], ...]
    token: str
    changes: Mapping[str, str]


@dataclass(frozen=True)
class Fix:
    """`offered` reads the kept verdict of the check; `act` changes the system outside, if anything does."""

    check: str
    label: str  #: on the button, marked for translation
    offered: Callable[[Mapping[str, Any]], bool]
    look: Callable[[Answers], Proposal]
    act: Callable[[Answers], None] = lambda _answers: None
    #: The token of what the finding itself shows already: then it is done at once.
    shown: Callable[[Mapping[str, Any]], str] = lambda _verdict: ""

    def carry_out(self, answers: Answers, token: str) -> Mapping[str, str]:
        """The answers to save; Refused when it would do something else than what was shown."""
        proposal = self.look(answers)
        if proposal.token != token:
            raise Refused(
                text(_("It has changed since it was shown.")),
                value=self.check,
                remedy=text(_("Review it again before you confirm.")),
                code="fix-changed",
            )
        self.act(answers)
        return proposal.changes


def _evidence(verdict: Mapping[str, Any]) -> Mapping[str, Any]:
    return verdict.get("evidence") or {}


def _unknown_authority(verdict: Mapping[str, Any]) -> bool:
    return _evidence(verdict).get("code") == UNKNOWN_AUTHORITY


def _project_is_missing(verdict: Mapping[str, Any]) -> bool:
    found = _evidence(verdict)
    return found.get("exists") is False and found.get("harbor") is True


def _authority(key: str, place: Callable[[Answers], tuple[str, int]], answers: Answers) -> Proposal:
    """The authority that a server presents; whether it is the right one only a person can say, by its fingerprint."""
    host, port = place(answers)
    root = _root_of(peer_chain(host, port, web="ldap" not in key), f"{host}:{port}")
    told = certificates.describe(root)
    fingerprint = root.fingerprint(SHA256()).hex(":").upper()
    return Proposal(
        text(_("Use the CA certificate that %(host)s presents."), host=f"{host}:{port}"),
        (
            (Text(_("CA certificate")), str(told["subject"])),
            (Text(_("Expires on")), f"{root.not_valid_after_utc:%Y-%m-%d}"),
            (Text(_("SHA-256 fingerprint")), fingerprint),
        ),
        fingerprint,
        {key: certificates.to_pem((root,))},
    )


def _root_of(chain: tuple[x509.Certificate, ...], host: str) -> x509.Certificate:
    """The certificate that signs itself, above the server's own."""
    roots = [each for each in chain[1:] if is_self_signed(each)]
    if roots:
        return roots[-1]
    raise Invalid(
        text(_("%(host)s presents only its own certificate, not the CA certificate."), host=host),
        value=certificates.issuer_of(chain[-1]),
        remedy=text(_("Ask its administrator for the CA certificate, and paste it.")),
        code="fix-no-authority",
    )


def _registry(answers: Answers) -> tuple[str, int]:
    host, _colon, port = Reference.parse(answers["registry.project"]).host.partition(":")
    return host, int(port or 443)


def _issuer(answers: Answers) -> tuple[str, int]:
    target = parse_url(answers["identity.issuer_url"], field="identity.issuer_url")
    return target.hostname or "", target.port or 443


def _directory(answers: Answers) -> tuple[str, int]:
    place = parse_place(answers["identity.ldap_host"], field="identity.ldap_host")
    return place.host, place.port


def _project(answers: Answers) -> Proposal:
    target = Reference.parse(answers["registry.project"])
    return Proposal(
        text(_("Create the public project %(name)s in %(host)s."), name=target.project, host=target.host),
        ((Text(_("User")), answers["registry.username"]),),
        hashlib.sha256(f"{target.host}/{target.project}".encode()).hexdigest(),
        {},
    )


def _create_project(answers: Answers) -> None:
    target = Reference.parse(answers["registry.project"])
    ca = answers.get("registry.ca") or None
    client = RegistryClient(target.host, answers["registry.username"], answers["registry.password"], ca)
    try:
        Harbor(client).create_project(target.project, public=True)
    finally:
        client.close()


def _published(verdict: Mapping[str, Any]) -> str:
    """The issuer that the provider publishes, where it is the one that was typed but for slash and case."""
    found = _evidence(verdict)
    published = str(found.get("detail") or "") if found.get("code") == MISMATCH else ""
    alike = _alike(published) == _alike(str(verdict.get("value") or ""))
    return published if published and alike else ""


def _alike(issuer: str) -> str:
    return issuer.rstrip("/").casefold()


def _issuer_as_published(answers: Answers) -> Proposal:
    issuer = answers["identity.issuer_url"]
    published = issuer
    try:
        discover(issuer, answers.get("identity.ca") or None)
    except Invalid as error:
        if error.code != MISMATCH:
            raise
        published = error.detail
    what = text(_("Use the issuer that the provider publishes."))
    return Proposal(what, ((Text(_("Issuer URL")), published),), published, {"identity.issuer_url": published})


FIXES = (
    Fix(
        "identity.discovery",
        _("Use the provider's issuer:"),
        lambda verdict: bool(_published(verdict)),
        _issuer_as_published,
        shown=_published,
    ),
    Fix(
        "registry.reachable",
        _("Get its CA certificate"),
        _unknown_authority,
        partial(_authority, "registry.ca", _registry),
    ),
    Fix(
        "identity.discovery",
        _("Get its CA certificate"),
        _unknown_authority,
        partial(_authority, "identity.ca", _issuer),
    ),
    Fix(
        "identity.ldap-tls",
        _("Get its CA certificate"),
        _unknown_authority,
        partial(_authority, "identity.ldap_ca", _directory),
    ),
    Fix("registry.project", _("Create the project"), _project_is_missing, _project, _create_project),
)


def offered(check: str, verdict: Mapping[str, Any]) -> Fix | None:
    """The fix for this finding, if there is one."""
    return next((fix for fix in FIXES if fix.check == check and fix.offered(verdict)), None)
