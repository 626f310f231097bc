"""Judging the identity provider: discovery, keys, client and callback as facts/identity.py observes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from installer_tasks.answers import FEDERATED
from installer_tasks.checks import identity_document, identity_ldap
from installer_tasks.checks.base import Check, Facts, Failed, Level, Owner, Verdict, from_error, passed
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

PROVIDER = identity_document.PROVIDER
CLIENT = (*PROVIDER, "identity.client_id", "identity.client_secret", "dns.zone", "bundle.release")
FOUND = identity_document.FOUND
REACHED = (*FOUND, "identity.endpoints")
#: Codes of a look that the provider answered without telling: a person must, and a healthy provider is not blamed.
UNCLEAR = ("identity-client-unclear", "identity-redirect-unclear")
#: Tokens are valid for minutes; some allow for one of them.
CLOCK_SECONDS = 60
#: What a provider says that would ask a person now: the request itself was right.
WOULD_ASK = ("login_required", "interaction_required", "consent_required", "account_selection_required")


def _discovery(facts: Facts) -> Verdict:
    found = facts("identity", "discovery")
    return passed(
        _("%(issuer)s describes itself, with this very issuer and https endpoints."),
        issuer=found["issuer"],
        evidence=found,
    )


def _endpoints(facts: Facts) -> Verdict:
    hosts = facts("identity", "hosts")
    bad = [host for host in hosts if host["error"]]
    if not bad:
        return passed(_("%(count)d endpoints are https, and their certificates are trusted."),
                      count=sum(len(host["endpoints"]) for host in hosts), evidence={"hosts": hosts})  # fmt: skip
    error = bad[0]["error"]
    return Verdict(
        Level.FAIL,
        text(_("The provider sends us to an address that cannot be used: %(names)s."), names=_listed(bad[0])),
        value=bad[0]["address"],
        cause=Text.from_json(error["cause"]),
        remedy=text(_("Have the provider publish addresses that work from here and from the cluster: behind a proxy, "
                      "tell it its public https address; trust the authority of this host too.")),
        evidence={"hosts": hosts},
    )  # fmt: skip


def _listed(host: dict[str, Any]) -> str:
    return ", ".join(host["endpoints"])


def _certificate(facts: Facts) -> Verdict:
    hosts = facts("identity", "hosts")
    first = min((host for host in hosts if not host["error"]), key=lambda host: int(host["days"]))
    evidence = {"hosts": [{"address": host["address"], "expires": host["expires"]} for host in hosts]}
    return identity_ldap.lasting(first["address"], first["expires"], first["days"], evidence)


def _clock(facts: Facts) -> Verdict:
    ahead = facts("identity", "discovery")["ahead"]
    if ahead is None:
        return passed(_("The provider does not tell its time."))
    if abs(ahead) <= CLOCK_SECONDS:
        return passed(_("Its clock and ours differ by %(seconds)d seconds."), seconds=abs(ahead))
    template = _("The clock of the provider is %(seconds)d seconds ahead of this machine's.")
    if ahead < 0:
        template = _("The clock of the provider is %(seconds)d seconds behind this machine's.")
    return Verdict(
        Level.WARN,
        text(template, seconds=abs(ahead)),
        value=f"{ahead:+d} s",
        cause=text(_("A token from the future or from the past is refused.")),
        remedy=text(
            _("Have the provider, this machine and the nodes of the cluster keep time by the same NTP server.")
        ),
        evidence={"ahead": ahead},
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


def _request_accepted(facts: Facts) -> Verdict:
    request = facts("identity", "request")
    if request["error"] in WOULD_ASK or (not request["error"] and request["status"] < 400):
        return passed(_("The provider would ask the person to sign in."), evidence=request)
    shown = request["error"] or str(request["status"])
    remedies = {
        "invalid_scope": text(_("Allow every one of these scopes for the client, or name on this page those that the "
                                "provider knows. GitLab has no offline_access.")),
        "unauthorized_client": text(_("Enable the authorization code flow for this client; Keycloak calls it standard "
                                      "flow.")),
    }  # fmt: skip
    return Verdict(
        Level.FAIL,
        text(_("The provider refuses the sign-in request that TMC-SM will send: %(error)s."), error=shown),
        value=" ".join(request["scopes"]),
        cause=text(_("It answered: %(words)s"), words=request["description"] or shown),
        remedy=remedies.get(
            request["error"], text(_("Look into the log of the provider for this moment, and into the client there."))
        ),
        evidence=request,
    )


def _group_names(facts: Facts) -> Verdict:
    groups = facts("identity", "groups")
    admin, member = groups["admin"], groups["member"]
    if admin.casefold() != member.casefold():
        return passed(_("Administrators and members are two groups."), evidence=groups)
    return Verdict(
        Level.WARN,
        text(_("Administrators and members are the same group.")),
        value=admin if admin == member else f"{admin}, {member}",
        cause=text(_("Every member would be an administrator, or only upper and lower case would tell them apart.")),
        remedy=text(_("Have a group made for each, and name them on this page.")),
        evidence=groups,
    )


_OF_A_PROVIDER = (
    Check("identity.discovery", _("The provider describes itself as the issuer you named"), Owner.IDENTITY, PROVIDER,
          _discovery, strict=True),
    Check("identity.endpoints", _("Every endpoint answers with a trusted certificate"), Owner.IDENTITY, PROVIDER,
          _endpoints, needs=FOUND),
    Check("identity.certificate", _("The certificate of the provider is valid for a while"), Owner.IDENTITY, PROVIDER,
          _certificate, needs=REACHED),
    Check("identity.clock", _("The clock of the provider is right"), Owner.IDENTITY, PROVIDER, _clock, needs=FOUND),
    Check("identity.signing-keys", _("The provider publishes keys to verify tokens"), Owner.IDENTITY, PROVIDER,
          _signing_keys, needs=REACHED),
    *identity_document.CHECKS,
    Check("identity.client-valid", _("Client ID and secret are valid"), Owner.IDENTITY, CLIENT, _client_valid,
          needs=REACHED),
    Check("identity.redirect-registered", _("The callback is registered"), Owner.IDENTITY, CLIENT, _redirect_registered,
          needs=(*REACHED, "dns.zone-well-formed")),
    Check("identity.request-accepted", _("The provider accepts the sign-in request of TMC-SM"), Owner.IDENTITY,
          (*CLIENT, "identity.scopes"), _request_accepted, needs=(*REACHED, "identity.redirect-registered")),
)  # fmt: skip

CHECKS = (
    *(replace(check, kind=FEDERATED) for check in _OF_A_PROVIDER),
    *identity_ldap.CHECKS,
    Check("identity.group-names", _("Administrators and members are told apart"), Owner.IDENTITY,
          ("identity.admin_group", "identity.member_group"), _group_names),
)  # fmt: skip
