"""Judging what the discovery document of an identity provider lists, against what Pinniped needs of it.

Lists are optional in a discovery document: what a provider does not publish is not held against it.
"""

from __future__ import annotations

from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.shapes import identity as shapes
from installer_tasks.systems.identity.scopes import ALGORITHMS, scopes_asked
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

PROVIDER = ("identity.issuer_url", "identity.ca")
FOUND = ("identity.discovery",)
#: How Pinniped proves who the client is.
AUTHENTICATIONS = ("client_secret_basic", "client_secret_post")


def _flow(facts: Facts) -> Verdict:
    found = facts(shapes.DISCOVERY)
    if "code" not in found["response_types"]:
        return Verdict(
            Level.FAIL,
            text(_("The identity provider does not support the authorization code flow.")),
            value=", ".join(found["response_types"]) or "-",
            cause=text(_("Pinniped signs users in with response type code.")),
            remedy=text(_("Enable the authorization code grant for this client.")),
            evidence={"response_types": found["response_types"]},
        )
    return passed(
        _("The identity provider supports the authorization code flow."),
        evidence={"response_types": found["response_types"]},
    )


def _grant_types(facts: Facts) -> Verdict:
    found = facts(shapes.DISCOVERY)
    offered = found["grant_types"]
    if "grant_types_supported" not in found["listed"]:
        return passed(_("The identity provider does not list its grant types."))
    absent = [grant for grant in ("authorization_code", "refresh_token") if grant not in offered]
    if not absent:
        return passed(
            _("The identity provider supports authorization codes and refresh tokens."),
            evidence={"grant_types": offered},
        )
    return Verdict(
        Level.FAIL,
        text(_("The identity provider does not support the grant type %(grants)s."), grants=", ".join(absent)),
        value=", ".join(offered),
        cause=text(_("Pinniped needs both; without a refresh token it rejects every sign-in.")),
        remedy=text(_("Enable the authorization code and refresh token grants at the provider and for this client.")),
        evidence={"grant_types": offered},
    )


def _client_authentication(facts: Facts) -> Verdict:
    offered = facts(shapes.DISCOVERY)["auth_methods"]
    if any(method in offered for method in AUTHENTICATIONS):
        return passed(_("Clients can authenticate with their secret."), evidence={"methods": offered})
    return Verdict(
        Level.FAIL,
        text(_("The identity provider does not accept client secrets.")),
        value=", ".join(offered),
        cause=text(_("Pinniped authenticates only with %(methods)s."), methods=" / ".join(AUTHENTICATIONS)),
        remedy=text(
            _("Configure the client to authenticate with its ID and secret; Pinniped cannot use a key or certificate.")
        ),
        evidence={"methods": offered},
    )


def _signing_algorithm(facts: Facts) -> Verdict:
    offered = facts(shapes.DISCOVERY)["signing_algorithms"] or ["RS256"]  # which every provider must know
    good = [name for name in offered if name in ALGORITHMS]
    if good:
        return passed(
            _("The identity provider can sign ID tokens with %(names)s."),
            names=", ".join(good),
            evidence={"offered": offered},
        )
    return Verdict(
        Level.FAIL,
        text(_("The identity provider signs ID tokens only with algorithms that Pinniped cannot verify.")),
        value=", ".join(offered),
        cause=text(
            _("Pinniped verifies signatures of a key pair, not of a shared secret, and rejects unsigned tokens.")
        ),
        remedy=text(_("Configure the provider to sign this client's tokens with RS256 or ES256.")),
        evidence={"offered": offered},
    )


def _pkce(facts: Facts) -> Verdict:
    offered = facts(shapes.DISCOVERY)["challenge_methods"]
    if not offered:
        return passed(
            _("The identity provider lists no PKCE methods; it ignores the challenge or supports it without saying so.")
        )
    if "S256" in offered:
        return passed(_("The identity provider supports PKCE with S256."), evidence={"offered": offered})
    return Verdict(
        Level.WARN,
        text(_("The identity provider does not support PKCE with S256.")),
        value=", ".join(offered),
        cause=text(_("Pinniped sends an S256 challenge with each sign-in, which this provider may reject.")),
        remedy=text(_("Allow the S256 code challenge method for this client.")),
        evidence={"offered": offered},
    )


def _scopes(facts: Facts) -> Verdict:
    offered = facts(shapes.DISCOVERY)["scopes"]
    asked = scopes_asked(facts.answers.get("identity.scopes", ""))
    absent = [scope for scope in asked if offered and scope not in offered]
    evidence = {"asked": list(asked), "offered": offered}
    if not absent:
        return passed(_("The identity provider offers every requested scope."), evidence=evidence)
    return Verdict(
        Level.WARN,
        text(
            ngettext(
                "The identity provider does not list %(count)d requested scope.",
                "The identity provider does not list %(count)d requested scopes.",
            ),
            count=len(absent),
        ),
        value=", ".join(absent),
        cause=text(_("It lists: %(offered)s."), offered=", ".join(offered)),
        remedy=text(_("Allow these scopes for the client, or correct the scopes on this page.")),
        evidence=evidence,
    )


def _claims(facts: Facts) -> Verdict:
    found, groups = facts(shapes.DISCOVERY), facts.answers["identity.groups_claim"]
    absent = [claim for claim in (groups, "email") if _lacks(found, claim)]
    evidence = {"claims": found["claims"], "scopes": found["scopes"]}
    if not absent:
        return passed(
            _("The claims and scopes that the identity provider lists do not conflict with the required claims."),
            evidence=evidence,
        )
    return Verdict(
        Level.WARN,
        text(_("The identity provider lists neither a claim nor a scope for: %(claims)s."), claims=", ".join(absent)),
        value=", ".join(absent),
        cause=text(_("Without groups in the ID token, a user can sign in but has no permissions; without an email address, a user cannot sign in. The provider lists these claims: %(listed)s."),
                   listed=", ".join(found["claims"])[:300]),
        remedy=text(_("Map the claims into this client's ID token, then rehearse a sign-in on this page to see what a token contains.")),
        evidence=evidence,
    )  # fmt: skip


def _lacks(found: shapes.Discovery, claim: str) -> bool:
    """Many providers list standard claims only, and give the others by a scope of that name."""
    return bool(found["claims"] and found["scopes"]) and claim not in found["claims"] and claim not in found["scopes"]


CHECKS = (
    Check("identity.code-flow", _("The identity provider supports the authorization code flow"), Owner.IDENTITY, PROVIDER, _flow,
          needs=FOUND),
    Check("identity.grant-types", _("The identity provider supports authorization codes and refresh tokens"), Owner.IDENTITY, PROVIDER, _grant_types,
          needs=FOUND),
    Check("identity.client-authentication", _("The identity provider accepts client secrets"), Owner.IDENTITY, PROVIDER,
          _client_authentication, needs=FOUND),
    Check("identity.signing-algorithm", _("The signatures of ID tokens can be verified"), Owner.IDENTITY, PROVIDER,
          _signing_algorithm, needs=FOUND),
    Check("identity.pkce", _("PKCE does not prevent sign-in"), Owner.IDENTITY, PROVIDER, _pkce, needs=FOUND),
    Check("identity.scopes", _("The identity provider offers the requested scopes"), Owner.IDENTITY, (*PROVIDER, "identity.scopes"), _scopes,
          needs=FOUND),
    Check("identity.claims", _("The identity provider offers the required claims"), Owner.IDENTITY, (*PROVIDER, "identity.groups_claim"), _claims,
          needs=FOUND),
)  # fmt: skip
