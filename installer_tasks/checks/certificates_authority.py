"""Judging the supplied authorities: are they authorities, valid, strong, whole, and those that TMC-SM must trust."""

from __future__ import annotations

from typing import Any

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

SOON = 90  #: days; a new authority must reach every browser and every cluster
RSA_BITS = 2048
WEAK_HASHES = ("md5", "sha1")
ANSWER = ("certificates.ca",)
TRUSTED = (*ANSWER, "identity.kind", "identity.ca", "registry.ca", "identity.issuer_url", "registry.project")
Anatomy = dict[str, Any]


def _supplied(facts: Facts) -> list[Anatomy]:
    found: list[Anatomy] = facts("certificates", "authority")["certificates"]
    if not found:
        raise ValueError("no certificate was observed")
    return found


def _named(found: list[Anatomy]) -> str:
    return ", ".join(item["subject"] or "-" for item in found)


def _authority(facts: Facts) -> Verdict:
    supplied = _supplied(facts)
    servers = [item for item in supplied if not item["is_ca"]]
    silent = [item for item in supplied if item["is_ca"] and not item["may_sign"]]
    if servers:
        return Verdict(
            Level.FAIL,
            text(_("A supplied certificate is not a certificate authority.")),
            value=_named(servers),
            cause=text(_("Its basic constraints do not say CA:TRUE.")),
            remedy=text(_("Supply the authority that signs, not a server's certificate.")),
            evidence={"certificates": supplied},
        )
    if silent:
        return Verdict(
            Level.FAIL,
            text(_("A supplied authority may not sign certificates.")),
            value=_named(silent),
            cause=text(_("Its key usage lacks keyCertSign, so browsers and pods refuse what it has signed.")),
            remedy=text(_("Have it issued again, with the key usage keyCertSign and cRLSign.")),
            evidence={"certificates": supplied},
        )
    return passed(_("%(count)d authorities are supplied."), count=len(supplied), evidence={"certificates": supplied})


def _valid(facts: Facts) -> Verdict:
    supplied = _supplied(facts)
    expired = [item for item in supplied if item["days_left"] < 0]
    early = [item for item in supplied if not item["started"]]
    soon = [item for item in supplied if item["days_left"] < SOON]
    if expired:
        return _dated(Level.FAIL, expired, text(_("A supplied authority has expired.")),
                      text(_("Nothing that it signed is valid any more.")))  # fmt: skip
    if early:
        return _dated(Level.FAIL, early, text(_("A supplied authority is not valid yet.")),
                      text(_("Its validity begins later, or the clock of this machine is slow.")))  # fmt: skip
    if soon:
        return _dated(Level.WARN, soon, text(_("A supplied authority ends within %(days)d days."), days=SOON),
                      text(_("With it every public name of TMC-SM stops being trusted.")))  # fmt: skip
    return passed(_("The supplied authorities are valid for at least %(days)d days."),
                  days=min(item["days_left"] for item in supplied))  # fmt: skip


def _dated(level: Level, found: list[Anatomy], message: Text, cause: Text) -> Verdict:
    return Verdict(
        level,
        message,
        value=", ".join(
            f"{item['subject'] or '-'} ({item['not_before'][:10]} to {item['not_after'][:10]})" for item in found
        ),
        cause=cause,
        remedy=text(_("Supply the authority that signs from now on; both may be supplied while they change over.")),
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
        return _weak(Level.FAIL, bad, text(_("A supplied authority is too weak.")))
    if signed:
        return _weak(Level.WARN, signed, text(_("A supplied root is signed in a way that is no longer in use.")))
    kinds = sorted({item["key"] for item in supplied})
    return passed(_("The keys (%(kinds)s) and signatures are strong."), kinds=", ".join(kinds))


def _weak(level: Level, found: list[Anatomy], message: Text) -> Verdict:
    return Verdict(
        level,
        message,
        value=", ".join(f"{item['subject'] or '-'} ({item['key']}, {item['signature'].upper()})" for item in found),
        cause=text(_("Browsers, Go and OpenSSL refuse RSA keys below %(bits)d bits and signatures with SHA-1."), bits=RSA_BITS),
        remedy=text(_("Use an authority with RSA 2048 or more, or ECDSA, and SHA-256.")),
        command="openssl x509 -in ca.pem -noout -text | grep -E 'Public-Key|Signature Algorithm'",
        evidence={"certificates": found},
    )  # fmt: skip


def _complete(facts: Facts) -> Verdict:
    supplied = _supplied(facts)
    cramped = [item for item in supplied if item["cramped_by"]]
    if cramped:
        return Verdict(
            Level.FAIL,
            text(_("A supplied root allows no authority below it.")),
            value=_named(cramped),
            cause=text(_("The path length of %(root)s is 0, so certificates of this one are refused."),
                       root=", ".join(cramped[0]["cramped_by"])),
            remedy=text(_("Have the root issued with a path length of at least 1, or let the root sign.")),
            evidence={"certificates": supplied},
        )  # fmt: skip
    alone = [item for item in supplied if not item["signer_supplied"]]
    if alone:
        return Verdict(
            Level.WARN,
            text(_("The root at the end of the chain is not supplied.")),
            value=_named(alone),
            cause=text(_("Its signer, %(issuer)s, is missing; browsers and OpenSSL trust only a root."), issuer=alone[0]["issuer"]),
            remedy=text(_("Add the root below it in this answer.")),
            evidence={"certificates": supplied},
        )  # fmt: skip
    return passed(_("Each supplied authority leads to a supplied root."), evidence={"count": len(supplied)})


def _trust(facts: Facts) -> Verdict:
    found: list[dict[str, Any]] = facts("certificates", "trust")
    lacking = [item for item in found if item["by"] in ("itself", "nobody")]
    if not lacking:
        seen = [item["system"] for item in found if item["by"] == "authority"]
        return passed(_("TMC-SM is given the authorities of: %(systems)s."), systems=", ".join(seen) or "-",
                      evidence={"systems": found})  # fmt: skip
    first = lacking[0]
    return Verdict(
        Level.WARN,
        text(_("TMC-SM is not given the authority of: %(systems)s."), systems=", ".join(item["system"] for item in lacking)),
        value=", ".join(item["host"] for item in lacking),
        cause=_PINNED if first["by"] == "itself" else text(
            _("This machine trusts %(subject)s by itself; the pods of TMC-SM trust what is in trustedCAs."),
            subject=first["subject"] or "-",
        ),
        remedy=text(_("Give the authority on the page of that system; it then goes into trustedCAs.")),
        command="".join(dict.fromkeys(item["pem"] for item in lacking)),
        evidence={"systems": [{key: item[key] for key in ("system", "host", "by", "subject")} for item in found]},
    )  # fmt: skip


_PINNED = Text(
    _("What was given is the server's own certificate: when it is renewed, TMC-SM trusts the system no more.")
)

CHECKS = (
    Check("certificates.authority", _("The supplied authority is one"), Owner.SECURITY, ANSWER, _authority, strict=True),
    Check("certificates.authority-valid", _("The supplied authority is valid, and for some time"), Owner.SECURITY, ANSWER,
          _valid, needs=("certificates.authority",)),
    Check("certificates.authority-strength", _("The supplied authority is strong enough"), Owner.SECURITY, ANSWER,
          _strength, needs=("certificates.authority",)),
    Check("certificates.authority-complete", _("The supplied authority leads to a root"), Owner.SECURITY, ANSWER,
          _complete, needs=("certificates.authority", "certificates.authority-strength")),
    Check("certificates.trust-complete", _("TMC-SM is given every authority that it must trust"), Owner.SECURITY, TRUSTED,
          _trust, needs=("certificates.authority", "identity.discovery", "registry.reachable")),
)  # fmt: skip
