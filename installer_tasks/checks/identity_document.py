"""Judging what the discovery document of an identity provider lists, against what Pinniped needs of it.

Lists are optional in a discovery document: what a provider does not publish is not held against it.
"""

from __future__ import annotations

from typing import Any

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.sign_in import ALGORITHMS, scopes_asked
from installer_tasks.text import mark as _
from installer_tasks.text import text

PROVIDER = ("identity.issuer_url", "identity.ca")
FOUND = ("identity.discovery",)
#: How Pinniped proves who the client is.
AUTHENTICATIONS = ("client_secret_basic", "client_secret_post")


def _flow(facts: Facts) -> Verdict:
    found = facts("identity", "discovery")
    if "code" not in found["response_types"]:
        return Verdict(
            Level.FAIL,
            text(_("The provider does not offer the authorization code flow.")),
            value=", ".join(found["response_types"]) or "-",
            cause=text(_("Pinniped signs people in with response type code.")),
            remedy=text(_("Enable the authorization code grant for this client.")),
            evidence={"response_types": found["response_types"]},
        )
    return passed(_("The authorization code flow is offered."), evidence={"response_types": found["response_types"]})


def _grant_types(facts: Facts) -> Verdict:
    found = facts("identity", "discovery")
    offered = found["grant_types"]
    if "grant_types_supported" not in found["listed"]:
        return passed(_("The provider does not list its grants."))
    absent = [grant for grant in ("authorization_code", "refresh_token") if grant not in offered]
    if not absent:
        return passed(_("Authorization code and refresh token are granted."), evidence={"grant_types": offered})
    return Verdict(
        Level.FAIL,
        text(_("The provider does not grant %(grants)s."), grants=", ".join(absent)),
        value=", ".join(offered),
        cause=text(_("Pinniped needs both: without a refresh token it refuses to sign anybody in.")),
        remedy=text(_("Enable the grants authorization code and refresh token at the provider and for this client.")),
        evidence={"grant_types": offered},
    )


def _client_authentication(facts: Facts) -> Verdict:
    offered = facts("identity", "discovery")["auth_methods"]
    if any(method in offered for method in AUTHENTICATIONS):
        return passed(_("A client may prove itself with its secret."), evidence={"methods": offered})
    return Verdict(
        Level.FAIL,
        text(_("The provider takes no client secret.")),
        value=", ".join(offered),
        cause=text(_("Pinniped proves itself by %(methods)s alone."), methods=" / ".join(AUTHENTICATIONS)),
        remedy=text(_("Have the client authenticate with ID and secret; a key or a certificate will not do.")),
        evidence={"methods": offered},
    )


def _signing_algorithm(facts: Facts) -> Verdict:
    offered = facts("identity", "discovery")["signing_algorithms"] or ["RS256"]  # which every provider must know
    good = [name for name in offered if name in ALGORITHMS]
    if good:
        return passed(
            _("ID tokens can be signed with %(names)s."), names=", ".join(good), evidence={"offered": offered}
        )
    return Verdict(
        Level.FAIL,
        text(_("The provider signs ID tokens in no way that can be verified.")),
        value=", ".join(offered),
        cause=text(
            _("Pinniped verifies signatures of a key pair, not of a shared secret, and takes no unsigned token.")
        ),
        remedy=text(_("Have the provider sign the tokens of this client with RS256 or ES256.")),
        evidence={"offered": offered},
    )


def _pkce(facts: Facts) -> Verdict:
    offered = facts("identity", "discovery")["challenge_methods"]
    if not offered:
        return passed(_("The provider lists no PKCE methods: it ignores the challenge, or knows it all the same."))
    if "S256" in offered:
        return passed(_("PKCE with S256 is offered."), evidence={"offered": offered})
    return Verdict(
        Level.WARN,
        text(_("The provider does not offer PKCE with S256.")),
        value=", ".join(offered),
        cause=text(_("Pinniped sends each sign-in with an S256 challenge, which this provider may refuse.")),
        remedy=text(_("Allow the code challenge method S256 for this client.")),
        evidence={"offered": offered},
    )


def _scopes(facts: Facts) -> Verdict:
    offered = facts("identity", "discovery")["scopes"]
    asked = scopes_asked(facts.answers.get("identity.scopes", ""))
    absent = [scope for scope in asked if offered and scope not in offered]
    evidence = {"asked": list(asked), "offered": offered}
    if not absent:
        return passed(_("Every scope that will be asked for is offered."), evidence=evidence)
    return Verdict(
        Level.WARN,
        text(_("The provider does not list %(count)d scopes that will be asked for."), count=len(absent)),
        value=", ".join(absent),
        cause=text(_("The provider lists: %(offered)s."), offered=", ".join(offered)),
        remedy=text(_("Allow these scopes for the client, or name the right ones on this page.")),
        evidence=evidence,
    )


def _claims(facts: Facts) -> Verdict:
    found, groups = facts("identity", "discovery"), facts.answers["identity.groups_claim"]
    absent = [claim for claim in (groups, "email") if _lacks(found, claim)]
    evidence = {"claims": found["claims"], "scopes": found["scopes"]}
    if not absent:
        return passed(_("Nothing that the provider lists speaks against the claims."), evidence=evidence)
    return Verdict(
        Level.WARN,
        text(_("The provider lists neither a claim nor a scope for %(claims)s."), claims=", ".join(absent)),
        value=", ".join(absent),
        cause=text(_("Without groups in the ID token a person signs in and may do nothing; without an e-mail address "
                     "not even that. The provider lists these claims: %(listed)s."),
                   listed=", ".join(found["claims"])[:300]),
        remedy=text(_("Have the claims mapped into the ID token of this client, then rehearse a sign-in on this page: "
                      "it shows what a token really holds.")),
        evidence=evidence,
    )  # fmt: skip


def _lacks(found: dict[str, Any], claim: str) -> bool:
    """Many providers list standard claims only, and give the others by a scope of that name."""
    return bool(found["claims"] and found["scopes"]) and claim not in found["claims"] and claim not in found["scopes"]


CHECKS = (
    Check("identity.code-flow", _("The authorization code flow is offered"), Owner.IDENTITY, PROVIDER, _flow,
          needs=FOUND),
    Check("identity.grant-types", _("Codes and refresh tokens are granted"), Owner.IDENTITY, PROVIDER, _grant_types,
          needs=FOUND),
    Check("identity.client-authentication", _("The provider takes a client secret"), Owner.IDENTITY, PROVIDER,
          _client_authentication, needs=FOUND),
    Check("identity.signing-algorithm", _("Tokens are signed in a way that can be verified"), Owner.IDENTITY, PROVIDER,
          _signing_algorithm, needs=FOUND),
    Check("identity.pkce", _("PKCE does not stand in the way"), Owner.IDENTITY, PROVIDER, _pkce, needs=FOUND),
    Check("identity.scopes", _("The scopes are offered"), Owner.IDENTITY, (*PROVIDER, "identity.scopes"), _scopes,
          needs=FOUND),
    Check("identity.claims", _("The claims are offered"), Owner.IDENTITY, (*PROVIDER, "identity.groups_claim"), _claims,
          needs=FOUND),
)  # fmt: skip
