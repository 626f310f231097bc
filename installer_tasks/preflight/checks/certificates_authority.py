"""Judging the supplied authorities: are they authorities, valid, strong, whole, and those that TMC-SM must trust."""

from __future__ import annotations

from collections.abc import Iterable

from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.shapes import certificates as shapes
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

SOON = 90  #: days; a new authority must reach every browser and every cluster
RSA_BITS = 2048
WEAK_HASHES = ("md5", "sha1")
ANSWER = ("certificates.ca",)
GIVEN = (*ANSWER, "identity.kind", "identity.ca", "registry.ca", "bundle.release")
TRUSTED = (*GIVEN, "identity.issuer_url", "registry.project")


def _supplied(facts: Facts) -> list[shapes.Supplied]:
    found = facts(shapes.AUTHORITY)["certificates"]
    if not found:
        raise ValueError("no certificate was observed")
    return found


def _named(found: Iterable[shapes.Supplied | shapes.Accepted]) -> str:
    return ", ".join(item["subject"] or "-" for item in found)


def _authority(facts: Facts) -> Verdict:
    supplied = _supplied(facts)
    servers = [item for item in supplied if not item["is_ca"]]
    silent = [item for item in supplied if item["is_ca"] and not item["may_sign"]]
    if servers:
        return Verdict(
            Level.FAIL,
            text(_("One of the certificates you entered is not a CA certificate.")),
            value=_named(servers),
            cause=text(_("Its basic constraints do not contain CA:TRUE.")),
            remedy=text(_("Enter the certificate of the CA, not of a server.")),
            evidence={"certificates": supplied},
        )
    if silent:
        return Verdict(
            Level.FAIL,
            text(_("One of the CA certificates is not allowed to sign certificates.")),
            value=_named(silent),
            cause=text(_("Its key usage lacks keyCertSign, so browsers and pods reject the certificates it signs.")),
            remedy=text(_("Have it reissued with the key usages keyCertSign and cRLSign.")),
            evidence={"certificates": supplied},
        )
    return passed(
        ngettext("%(count)d CA certificate was entered.", "%(count)d CA certificates were entered."),
        count=len(supplied),
        evidence={"certificates": supplied},
    )


def _accepted(facts: Facts) -> Verdict:
    found = facts.some(shapes.ACCEPTED)
    never = [(item, why) for item in found if (why := item["rejected"])]
    newer = [(item, why) for item in found if (why := item["rejected_by_newer"])]
    if not never and not newer:
        return passed(
            ngettext(
                "Go accepts the CA certificate that TMC-SM receives.",
                "Go accepts all %(count)d CA certificates that TMC-SM receives.",
            ),
            count=len(found),
        )
    bad = never or newer
    return Verdict(
        Level.FAIL if never else Level.WARN,
        text(_("Go, and so the pods of TMC-SM, rejects one of the CA certificates."))
        if never
        else text(_("Newer versions of Go, and so pods of TMC-SM, reject one of the CA certificates.")),
        value=_named(item for item, _why in bad),
        cause=Text.from_json(bad[0][1]),
        remedy=text(
            _(
                "Have the CA certificate issued again, with a positive serial number and a key that is RSA or P-256, P-384 or P-521."
            )
        ),
        command="openssl x509 -in ca.pem -noout -serial -text",
        evidence={"certificates": found},
    )


def _valid(facts: Facts) -> Verdict:
    supplied = _supplied(facts)
    expired = [item for item in supplied if item["days_left"] < 0]
    early = [item for item in supplied if not item["started"]]
    soon = [item for item in supplied if item["days_left"] < SOON]
    if expired:
        return _dated(Level.FAIL, expired, text(_("One of the CA certificates has expired.")),
                      text(_("Certificates signed by it are no longer valid.")))  # fmt: skip
    if early:
        return _dated(Level.FAIL, early, text(_("One of the CA certificates is not valid yet.")),
                      text(_("It becomes valid later, or this machine's clock is behind.")))  # fmt: skip
    if soon:
        return _dated(Level.WARN, soon, text(ngettext("A CA certificate expires within %(days)d day.", "A CA certificate expires within %(days)d days."), days=SOON),
                      text(_("After that, clients no longer trust any public name of TMC-SM.")))  # fmt: skip
    return passed(ngettext("The CA certificates are valid for at least %(days)d day.", "The CA certificates are valid for at least %(days)d days."),
                  days=min(item["days_left"] for item in supplied))  # fmt: skip


def _dated(level: Level, found: list[shapes.Supplied], message: Text, cause: Text) -> Verdict:
    return Verdict(
        level,
        message,
        value=", ".join(
            f"{item['subject'] or '-'} ({item['not_before'][:10]} to {item['not_after'][:10]})" for item in found
        ),
        cause=cause,
        remedy=text(_("Enter the CA certificate that will sign from now on. During a transition, enter both.")),
        command="openssl x509 -in ca.pem -noout -subject -dates",
        evidence={"certificates": found},
    )


def _strength(facts: Facts) -> Verdict:
    """The signature of a root itself is verified by nobody: an old one is ugly, not weak."""
    supplied = _supplied(facts)
    short = [item for item in supplied if item["bits"] < RSA_BITS]
    signed = [item for item in supplied if item["signature"] in WEAK_HASHES]
    if short or any(not item["self_signed"] for item in signed):
        bad = short or [item for item in signed if not item["self_signed"]]
        return _weak(Level.FAIL, bad, text(_("One of the CA certificates is too weak.")))
    if signed:
        return _weak(Level.WARN, signed, text(_("A root certificate uses an obsolete signature algorithm.")))
    kinds = sorted({item["key"] for item in supplied})
    return passed(_("The keys (%(kinds)s) and signatures are strong."), kinds=", ".join(kinds))


def _weak(level: Level, found: list[shapes.Supplied], message: Text) -> Verdict:
    return Verdict(
        level,
        message,
        value=", ".join(f"{item['subject'] or '-'} ({item['key']}, {item['signature'].upper()})" for item in found),
        cause=text(_("Browsers, Go and OpenSSL reject RSA keys shorter than %(bits)d bits and SHA-1 signatures."), bits=RSA_BITS),
        remedy=text(_("Use a CA certificate with an RSA key of at least 2048 bits, or ECDSA, and SHA-256.")),
        command="openssl x509 -in ca.pem -noout -text | grep -E 'Public-Key|Signature Algorithm'",
        evidence={"certificates": found},
    )  # fmt: skip


def _complete(facts: Facts) -> Verdict:
    supplied = _supplied(facts)
    cramped = [item for item in supplied if item["cramped_by"]]
    if cramped:
        return Verdict(
            Level.FAIL,
            text(_("A root certificate allows no CA below it.")),
            value=_named(cramped),
            cause=text(_("The path length of %(root)s is 0, so certificates from this CA are rejected."),
                       root=", ".join(cramped[0]["cramped_by"])),
            remedy=text(_("Have the root reissued with a path length of at least 1, or use the root to sign.")),
            evidence={"certificates": supplied},
        )  # fmt: skip
    alone = [item for item in supplied if not item["signer_supplied"]]
    if alone:
        return Verdict(
            Level.WARN,
            text(_("The root certificate of the chain is missing.")),
            value=_named(alone),
            cause=text(_("Its issuer, %(issuer)s, is missing; browsers and OpenSSL trust only a root."), issuer=alone[0]["issuer"]),
            remedy=text(_("Add the root certificate below it, under “CA certificate of the issuer”.")),
            evidence={"certificates": supplied},
        )  # fmt: skip
    return passed(
        _("The chain of each CA certificate ends at a root certificate you entered."), evidence={"count": len(supplied)}
    )


def _trust(facts: Facts) -> Verdict:
    found = facts.listed(shapes.TRUST)
    if not found:
        return _NOBODY_NAMED
    lacking = [item for item in found if item["by"] in ("itself", "nobody")]
    if not lacking:
        seen = [item["system"] for item in found if item["by"] == "authority"]
        return passed(_("TMC-SM receives the CA certificates of: %(systems)s."), systems=", ".join(seen) or "-",
                      evidence={"systems": found})  # fmt: skip
    first = lacking[0]
    return Verdict(
        Level.WARN,
        text(_("TMC-SM does not receive a CA certificate for: %(systems)s."), systems=", ".join(item["system"] for item in lacking)),
        value=", ".join(item["host"] for item in lacking),
        cause=_PINNED if first["by"] == "itself" else text(
            _("This machine already trusts %(subject)s, but the pods of TMC-SM trust only the certificates in trustedCAs."),
            subject=first["subject"] or "-",
        ),
        remedy=text(_("Enter the CA certificate on the page of that system; the installer adds it to trustedCAs.")),
        command="".join(dict.fromkeys(item["pem"] for item in lacking)),
        evidence={"systems": [{key: item[key] for key in ("system", "host", "by", "subject")} for item in found]},
    )  # fmt: skip


_PINNED = Text(
    _("The certificate you entered is the server's own: after its renewal, TMC-SM no longer trusts the system.")
)

_NOBODY_NAMED = Verdict(
    Level.BLOCKED,
    Text(_("Not checked, because no identity provider and no registry is named yet.")),
    cause=Text(_("Their certificates show which authorities TMC-SM must trust.")),
    remedy=Text(_("Complete the Identity and Registry pages, then check again.")),
    evidence={"blocked_by": "registry.reachable"},
)

CHECKS = (
    Check("certificates.authority", _("The certificate you entered is a CA certificate"), Owner.SECURITY, ANSWER, _authority, strict=True),
    Check("certificates.authority-accepted", _("Go, and so every pod, accepts the CA certificates"), Owner.SECURITY,
          GIVEN, _accepted, needs=("certificates.authority",)),
    Check("certificates.authority-valid", _("The CA certificate is valid and does not expire soon"), Owner.SECURITY, ANSWER,
          _valid, needs=("certificates.authority",)),
    Check("certificates.authority-strength", _("The CA certificate is strong enough"), Owner.SECURITY, ANSWER,
          _strength, needs=("certificates.authority",)),
    Check("certificates.authority-complete", _("The chain of the CA certificate ends at a root"), Owner.SECURITY, ANSWER,
          _complete, needs=("certificates.authority", "certificates.authority-strength")),
    Check("certificates.trust-complete", _("TMC-SM receives every CA certificate it needs"), Owner.SECURITY, TRUSTED,
          _trust, needs=("certificates.authority", "identity.discovery", "registry.reachable")),
)  # fmt: skip
