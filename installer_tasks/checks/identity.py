"""Judging the identity provider: discovery, keys, client and callback as facts/identity.py observes them."""

from __future__ import annotations

from typing import Any

from installer_tasks.checks.base import Check, Facts, Failed, Level, Owner, Verdict, from_error, passed
from installer_tasks.text import mark as _
from installer_tasks.text import text

PROVIDER = ("identity.issuer_url", "identity.ca")
CLIENT = (*PROVIDER, "identity.client_id", "identity.client_secret", "dns.zone", "bundle.release")
FOUND = ("identity.discovery",)
#: Codes of a look that the provider answered without telling: a person must, and a healthy provider is not blamed.
UNCLEAR = ("identity-client-unclear", "identity-redirect-unclear")


def _discovery(facts: Facts) -> Verdict:
    found = facts("identity", "discovery")
    return passed(
        _("%(issuer)s describes itself, with this very issuer and https endpoints."),
        issuer=found["issuer"],
        evidence=found,
    )


def _signing_keys(facts: Facts) -> Verdict:
    keys = facts("identity", "keys")
    if keys["usable"]:
        return passed(_("%(count)d keys to verify tokens with are published."), count=keys["usable"], evidence=keys)
    return Verdict(
        Level.FAIL,
        text(_("The provider publishes no usable signing key.")),
        value=keys["url"],
        cause=text(_("The key set holds %(count)d keys, none of a kind that can verify tokens."), count=keys["total"]),
        remedy=text(_("Enable an RS256 or ES256 signing key at the provider.")),
        evidence=keys,
    )


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


def _scopes(facts: Facts) -> Verdict:
    offered = facts("identity", "discovery")["scopes"]
    asked = facts.answers.get("identity.scopes", "").replace(",", " ").split() or ["openid", "offline_access", "email"]
    absent = [scope for scope in asked if offered and scope not in offered]
    if not absent:
        return passed(
            _("Every scope that will be asked for is offered."), evidence={"asked": asked, "offered": offered}
        )
    return Verdict(
        Level.WARN,
        text(_("The provider does not list %(count)d scopes that will be asked for."), count=len(absent)),
        value=", ".join(absent),
        cause=text(_("The provider lists: %(offered)s."), offered=", ".join(offered)),
        remedy=text(_("Allow these scopes for the client, or name the right ones on this page.")),
        evidence={"asked": asked, "offered": offered},
    )


def _told(facts: Facts, name: str) -> Any:
    """The fact, or a warning's verdict where the provider did not tell."""
    try:
        return facts("identity", name)
    except Failed as failure:
        if failure.error.get("code") not in UNCLEAR:
            raise
        return from_error(failure.error, level=Level.WARN)


def _client_valid(facts: Facts) -> Verdict:
    client = _told(facts, "client")
    if isinstance(client, Verdict):
        return client
    if client["accepted"]:
        return passed(_("The provider accepts client %(client)s with its secret."), client=client["client_id"],
                      evidence=client)  # fmt: skip
    return Verdict(
        Level.FAIL,
        text(_("The provider refuses client %(client)s with this secret."), client=client["client_id"]),
        value=client["client_id"],
        cause=text(_("Its token endpoint answered %(answer)s."), answer=client["answer"]),
        remedy=text(_("Copy client ID and secret from the provider again; the secret may have been renewed.")),
        evidence=client,
    )


def _redirect_registered(facts: Facts) -> Verdict:
    redirect = _told(facts, "redirect")
    if isinstance(redirect, Verdict):
        return redirect
    if redirect["accepted"]:
        return passed(_("The callback %(uri)s is registered."), uri=redirect["uri"], evidence=redirect)
    return Verdict(
        Level.FAIL,
        text(_("The provider does not accept the callback of this zone.")),
        value=redirect["uri"],
        cause=text(_("Its authorize endpoint answered %(answer)s."), answer=redirect["answer"]),
        remedy=text(_("Register exactly this redirect URI for the client.")),
        command=redirect["uri"],
        evidence=redirect,
    )


CHECKS = (
    Check("identity.discovery", _("The provider describes itself as the issuer you named"), Owner.IDENTITY, PROVIDER,
          _discovery, strict=True),
    Check("identity.signing-keys", _("The provider publishes keys to verify tokens"), Owner.IDENTITY, PROVIDER,
          _signing_keys, needs=FOUND),
    Check("identity.code-flow", _("The authorization code flow is offered"), Owner.IDENTITY, PROVIDER, _flow,
          needs=FOUND),
    Check("identity.scopes", _("The scopes are offered"), Owner.IDENTITY, (*PROVIDER, "identity.scopes"), _scopes,
          needs=FOUND),
    Check("identity.client-valid", _("Client ID and secret are valid"), Owner.IDENTITY, CLIENT, _client_valid,
          needs=FOUND),
    Check("identity.redirect-registered", _("The callback is registered"), Owner.IDENTITY, CLIENT, _redirect_registered,
          needs=(*FOUND, "dns.zone-well-formed")),
)  # fmt: skip
