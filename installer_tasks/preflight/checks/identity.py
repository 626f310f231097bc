"""Judging the identity provider: discovery, keys, client and callback as facts/identity.py observes them."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from installer_tasks.answer_keys import FEDERATED
from installer_tasks.preflight.checks import identity_document, identity_ldap
from installer_tasks.preflight.checks.base import Check, Facts, Failed, Level, Owner, Verdict, from_error, passed
from installer_tasks.preflight.shapes import identity as shapes
from installer_tasks.preflight.shapes.base import Fact
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

T = TypeVar("T")

PROVIDER = identity_document.PROVIDER
CLIENT = (*PROVIDER, "identity.client_id", "dns.zone", "bundle.release")
FOUND = identity_document.FOUND
REACHED = (*FOUND, "identity.endpoints")
#: Codes of a look that the provider answered without telling: a person must, and a healthy provider is not blamed.
UNCLEAR = ("identity-client-unclear", "identity-redirect-unclear")
#: Tokens are valid for minutes; some allow for one of them.
CLOCK_SECONDS = 60
#: What a provider says that would ask a person now: the request itself was right.
WOULD_ASK = ("login_required", "interaction_required", "consent_required", "account_selection_required")


def _discovery(facts: Facts) -> Verdict:
    found = facts(shapes.DISCOVERY)
    if found["sent_on_to"]:
        return passed(
            _("%(issuer)s describes itself, with this very issuer and https endpoints; it sends the request on to "
              "%(address)s."),
            issuer=found["issuer"], address=found["sent_on_to"], evidence=found,
        )  # fmt: skip
    return passed(
        _("The discovery document of %(issuer)s contains the same issuer and https endpoints."),
        issuer=found["issuer"],
        evidence=found,
    )


def _endpoints(facts: Facts) -> Verdict:
    hosts = facts.some(shapes.HOSTS)
    bad = [(host, error) for host in hosts if (error := host["error"])]
    if not bad:
        return passed(ngettext("%(count)d endpoint uses https with a trusted certificate.", "%(count)d endpoints use https with trusted certificates."),
                      count=sum(len(host["endpoints"]) for host in hosts), evidence={"hosts": hosts})  # fmt: skip
    host, error = bad[0]
    return Verdict(
        Level.FAIL,
        text(_("The identity provider publishes an address that cannot be used: %(names)s."), names=_listed(host)),
        value=host["address"],
        cause=Text.from_json(error["cause"]),
        remedy=text(_("Publish addresses that work from here and from the cluster. Behind a proxy, configure the provider with its public https address; also trust the CA certificate of this host.")),
        evidence={"hosts": hosts},
    )  # fmt: skip


def _way_of_pods(facts: Facts) -> Verdict:
    """Pinniped's pods ask the provider themselves, and know nothing of this machine's proxy."""
    way = facts(shapes.WAY)
    if not way["proxy"]:
        return passed(_("This machine reaches the provider directly."), evidence=way)
    return Verdict(
        Level.WARN,
        text(_("This machine reaches %(host)s only through a proxy; the pods of the sign-in service need one too."),
             host=way["host"]),
        value=way["proxy"],
        cause=text(_("HTTPS_PROXY of this machine names %(proxy)s. Pods do not inherit it, and without a way to the "
                     "provider nobody can sign in."), proxy=way["proxy"]),
        remedy=text(_("Let the nodes reach the provider directly, or set pinnipedExtraEnvVars in the values. Add the "
                      "cluster's own networks and the zone to NO_PROXY.")),
        command=_EXTRA_VARIABLES % way["proxy"],
        evidence=way,
    )  # fmt: skip


_EXTRA_VARIABLES = """\
pinnipedExtraEnvVars:
  - {name: HTTPS_PROXY, value: "%s"}
  - {name: NO_PROXY, value: ".svc,.cluster.local,10.0.0.0/8"}"""


def _listed(host: shapes.Host) -> str:
    return ", ".join(host["endpoints"])


def _certificate(facts: Facts) -> Verdict:
    hosts = facts.some(shapes.HOSTS)
    first = min((host for host in hosts if not host["error"]), key=lambda host: int(host["days"]))
    evidence = {"hosts": [{"address": host["address"], "expires": host["expires"]} for host in hosts]}
    return identity_ldap.lasting(first["address"], first["expires"], first["days"], evidence)


def _clock(facts: Facts) -> Verdict:
    ahead = facts(shapes.DISCOVERY)["ahead"]
    if ahead is None:
        return passed(_("The identity provider does not report its time."))
    if abs(ahead) <= CLOCK_SECONDS:
        return passed(
            ngettext(
                "The clocks of the provider and this machine differ by %(seconds)d second.",
                "The clocks of the provider and this machine differ by %(seconds)d seconds.",
            ),
            seconds=abs(ahead),
        )
    template = ngettext(
        "The identity provider's clock is %(seconds)d second ahead of this machine's.",
        "The identity provider's clock is %(seconds)d seconds ahead of this machine's.",
    )
    if ahead < 0:
        template = ngettext(
            "The identity provider's clock is %(seconds)d second behind this machine's.",
            "The identity provider's clock is %(seconds)d seconds behind this machine's.",
        )
    return Verdict(
        Level.WARN,
        text(template, seconds=abs(ahead)),
        value=f"{ahead:+d} s",
        cause=text(_("Tokens that appear expired or issued in the future are rejected.")),
        remedy=text(_("Synchronize the provider, this machine and the cluster's nodes with the same NTP server.")),
        evidence={"ahead": ahead},
    )


def _signing_keys(facts: Facts) -> Verdict:
    keys = facts(shapes.KEYS)
    if keys["usable"]:
        return passed(
            ngettext(
                "The provider publishes %(count)d key to verify tokens.",
                "The provider publishes %(count)d keys to verify tokens.",
            ),
            count=keys["usable"],
            evidence=keys,
        )
    return Verdict(
        Level.FAIL,
        text(_("The identity provider publishes no usable signing key.")),
        value=keys["url"],
        cause=text(
            ngettext(
                "The key set contains %(count)d key, which cannot verify tokens.",
                "The key set contains %(count)d keys, none of which can verify tokens.",
            ),
            count=keys["total"],
        ),
        remedy=text(_("Enable an RS256 or ES256 signing key at the provider.")),
        evidence=keys,
    )


def _told(facts: Facts, fact: Fact[T]) -> T | Verdict:
    """The fact, or a warning's verdict where the provider did not tell."""
    try:
        return facts(fact)
    except Failed as failure:
        if failure.error.get("code") not in UNCLEAR:
            raise
        return from_error(failure.error, level=Level.WARN)


def _client_valid(facts: Facts) -> Verdict:
    client = _told(facts, shapes.CLIENT)
    if isinstance(client, Verdict):
        return client
    if client["accepted"]:
        return passed(_("The identity provider accepts client %(client)s with its secret."), client=client["client_id"],
                      evidence=client)  # fmt: skip
    return Verdict(
        Level.FAIL,
        text(
            _("The provider lets client %(client)s sign nobody in.")
            if client["error"] == "unauthorized_client"
            else _("The identity provider rejects client %(client)s with this secret."),
            client=client["client_id"],
        ),
        value=client["client_id"],
        cause=text(_("Its token endpoint returned %(answer)s."), answer=client["answer"]),
        remedy=Text(_BY_NUMBER.get(client["number"]) or _BY_ERROR.get(client["error"], _COPY_AGAIN)),
        evidence=client,
    )


_COPY_AGAIN = _("Copy the client ID and secret from the provider again; the secret may have changed.")
_BY_ERROR = {
    "unauthorized_client": _(
        "Compare the client ID, and allow this client the grants authorization code and refresh token; Keycloak calls "
        "them standard flow."
    ),
}
#: Entra's numbers.
_BY_NUMBER = {
    "AADSTS700016": _(
        "This tenant knows no application of this client ID: compare the ID, and the tenant in the issuer URL."
    ),
    "AADSTS90002": _("There is no such tenant: compare the tenant in the issuer URL."),
    "AADSTS7000215": _("Enter the value of the client secret, which Entra shows once, not the secret's ID."),
    "AADSTS7000222": _("The client secret has expired. Create a new one and enter its value."),
    "AADSTS700025": _("The application is a public client. Register it as a web application with a client secret."),
    "AADSTS7000112": _("The application is disabled in this tenant. Have it enabled."),
}


def _redirect_registered(facts: Facts) -> Verdict:
    redirect = _told(facts, shapes.REDIRECT)
    if isinstance(redirect, Verdict):
        return redirect
    if redirect["accepted"]:
        return passed(_("The redirect URI %(uri)s is registered."), uri=redirect["uri"], evidence=redirect)
    return Verdict(
        Level.FAIL,
        text(_("The identity provider does not accept the redirect URI of this zone.")),
        value=redirect["uri"],
        cause=text(_("Its authorization endpoint returned %(answer)s."), answer=redirect["answer"]),
        remedy=text(_("Register exactly this redirect URI for the client.")),
        command=redirect["uri"],
        evidence=redirect,
    )


def _request_accepted(facts: Facts) -> Verdict:
    request = facts(shapes.REQUEST)
    if request["error"] in WOULD_ASK or (not request["error"] and request["status"] < 400):
        return passed(_("The identity provider would prompt the user to sign in."), evidence=request)
    shown = request["error"] or str(request["status"])
    remedies = {
        "invalid_scope": text(_("Allow all of these scopes for the client, or enter on this page only those that the provider supports. GitLab does not support offline_access.")),
        "unauthorized_client": text(_("Enable the authorization code flow for this client; Keycloak calls it standard "
                                      "flow.")),
    }  # fmt: skip
    return Verdict(
        Level.FAIL,
        text(_("The identity provider rejects the sign-in request that TMC-SM will send: %(error)s."), error=shown),
        value=" ".join(request["scopes"]),
        cause=text(_("It returned: %(words)s"), words=request["description"] or shown),
        remedy=remedies.get(
            request["error"], text(_("Check the provider's log for this time, and the client's settings there."))
        ),
        evidence=request,
    )


def _group_names(facts: Facts) -> Verdict:
    groups = facts(shapes.GROUPS)
    admin, member = groups["admin"], groups["member"]
    if admin.casefold() != member.casefold():
        return passed(_("Administrators and members are different groups."), evidence=groups)
    return Verdict(
        Level.WARN,
        text(_("Administrators and members are the same group.")),
        value=admin if admin == member else f"{admin}, {member}",
        cause=text(_("Every member would be an administrator, or the two would differ only in upper and lower case.")),
        remedy=text(_("Create a separate group for each, and enter both on this page.")),
        evidence=groups,
    )


_OF_A_PROVIDER = (
    Check("identity.discovery", _("The identity provider's discovery document contains the issuer you entered"), Owner.IDENTITY, PROVIDER,
          _discovery, strict=True),
    Check("identity.endpoints", _("Every endpoint has a trusted certificate"), Owner.IDENTITY, PROVIDER,
          _endpoints, needs=FOUND),
    Check("identity.certificate", _("The identity provider's certificate does not expire soon"), Owner.IDENTITY, PROVIDER,
          _certificate, needs=REACHED),
    Check("identity.clock", _("The clocks of the identity provider and this machine agree"), Owner.IDENTITY, PROVIDER, _clock, needs=FOUND),
    Check("identity.signing-keys", _("The identity provider publishes keys to verify tokens"), Owner.IDENTITY, PROVIDER,
          _signing_keys, needs=REACHED),
    Check("identity.way-of-pods", _("Pods reach the provider as this machine does"), Owner.NETWORK, PROVIDER,
          _way_of_pods, needs=FOUND),
    *identity_document.CHECKS,
    Check("identity.client-valid", _("The client ID and secret are valid"), Owner.IDENTITY,
          (*CLIENT, "identity.client_secret"), _client_valid, needs=REACHED),
    Check("identity.redirect-registered", _("The redirect URI is registered"), Owner.IDENTITY, CLIENT, _redirect_registered,
          needs=(*REACHED, "dns.zone-well-formed")),
    Check("identity.request-accepted", _("The identity provider accepts the sign-in request from TMC-SM"), Owner.IDENTITY,
          (*CLIENT, "identity.scopes"), _request_accepted, needs=(*REACHED, "identity.redirect-registered")),
)  # fmt: skip

CHECKS = (
    *(replace(check, kind=FEDERATED) for check in _OF_A_PROVIDER),
    *identity_ldap.CHECKS,
    Check("identity.group-names", _("Administrators and members are different groups"), Owner.IDENTITY,
          ("identity.admin_group", "identity.member_group"), _group_names),
)  # fmt: skip
