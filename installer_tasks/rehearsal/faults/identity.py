"""Faults of the practice identity provider, its clients and its people."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.faults.base import Change, Fault, Variant
from installer_tasks.rehearsal.forward_proxy import ForwardProxy
from installer_tasks.rehearsal.identity import faulty
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

CLIENT = "tmc"
NAMES = ("localhost", "127.0.0.1")
VALID = timedelta(days=365)


def _presenting(*, lifetime: timedelta = VALID, names: Sequence[str] = NAMES, own_ca: bool = True) -> Change:
    """The provider with another certificate."""

    def change(estate: Estate) -> Callable[[], None]:
        ca = estate.ca if own_ca else PracticeCA.load_or_create(estate.folder / "another-ca")
        issued = ca.issue(names, lifetime=lifetime)
        estate.identity.present(
            _private(estate.folder / "tls" / "changed.crt", issued.chain_pem),
            _private(estate.folder / "tls" / "changed.key", issued.key_pem),
        )
        return estate.identity.present

    return change


def _private(path: Path, content: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(content)
    return path


def _secret_renewed(estate: Estate) -> Callable[[], None]:
    client = estate.identity.clients[CLIENT]
    before, client.secret = client.secret, client.secret[::-1]

    def undo() -> None:
        client.secret = before

    return undo


def _secret_cut(estate: Estate) -> Mapping[str, str]:
    return {"identity.client_secret": estate.identity.clients[CLIENT].secret[:-3]}


def _callbacks(changed: Callable[[str], str] | None) -> Change:
    """The client with its redirect URIs registered otherwise, or with none."""

    def change(estate: Estate) -> Callable[[], None]:
        before = estate.identity.unregister_redirects(CLIENT)
        for uri in before if changed else ():
            assert changed is not None  # noqa: S101
            estate.identity.register_redirect(CLIENT, changed(uri))

        def undo() -> None:
            estate.identity.unregister_redirects(CLIENT)
            for uri in before:
                estate.identity.register_redirect(CLIENT, uri)

        return undo

    return change


def _without_grant(name: str) -> Change:
    def change(estate: Estate) -> Callable[[], None]:
        client = estate.identity.clients[CLIENT]
        before, client.grants = client.grants, [grant for grant in client.grants if grant != name]

        def undo() -> None:
            client.grants = before

        return undo

    return change


OUTSIDE = "login.practice.example"  #: a name that no DNS server knows


def _behind_a_proxy(estate: Estate) -> Callable[[], None]:
    """The provider is on the internet, and only the proxy knows the way."""
    proxy = ForwardProxy({f"{OUTSIDE}:{estate.identity.port}": estate.identity.port})
    undo = [
        _presenting(names=(OUTSIDE, *NAMES))(estate),
        estate.identity.called(OUTSIDE),
        _setting(HTTPS_PROXY=proxy.url),
    ]

    def back() -> None:
        for one in reversed(undo):
            one()
        proxy.stop()

    return back


def _through_a_dead_proxy(estate: Estate) -> Callable[[], None]:
    undo = [estate.identity.called(OUTSIDE), _setting(HTTPS_PROXY="http://127.0.0.1:1")]

    def back() -> None:
        for one in reversed(undo):
            one()

    return back


def _setting(**values: str) -> Callable[[], None]:
    """In this process's environment, as the service's own is set."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)

    def back() -> None:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

    return back


_PROXY = (
    Fault("identity.behind-proxy", _("Only a proxy of this machine leads to the provider, and pods know none"),
          "identity.way-of-pods", "pinnipedExtraEnvVars", change=_behind_a_proxy),
    Fault("identity.proxy-down", _("The proxy on the way to the provider does not answer"), "identity.discovery",
          "The proxy http://127.0.0.1:1", change=_through_a_dead_proxy),
)  # fmt: skip
_DOCUMENT = (
    Fault("identity.unavailable", _("The identity provider returns 503"), "identity.discovery", "503"),
    Fault("identity.no-discovery", _("The identity provider has no discovery document"), "identity.discovery", "404"),
    Fault("identity.discovery-page", _("The identity provider returns a web page instead of the "
                                       "discovery document"), "identity.discovery",
          "web page"),
    Fault("identity.moved-to-http", _("The discovery document redirects to an address without TLS"),
          "identity.discovery", "redirects to http://"),
    Fault("identity.byte-order-mark", _("The discovery document begins with a byte order mark"), "identity.discovery",
          "byte order mark"),
    Fault("identity.issuer-mismatch", _("The identity provider publishes another issuer"), "identity.discovery",
          "The provider's issuer is"),
    Fault("identity.issuer-slash", _("The identity provider's issuer ends with a slash"),
          "identity.discovery", "slash"),
    Fault("identity.plain-http", _("The identity provider publishes the token endpoint with http"), "identity.discovery",
          "token_endpoint of the provider is not an https URL"),
    Fault("identity.plain-http-userinfo", _("The identity provider publishes the userinfo endpoint with http"), "identity.endpoints",
          "begins with http://"),
    Fault("identity.internal-endpoint", _("The token endpoint has a name that only the cluster can resolve"),
          "identity.endpoints", "does not resolve"),
    Fault("identity.implicit-only", _("The identity provider supports only the implicit flow"), "identity.code-flow",
          "authorization code"),
    Fault("identity.key-clients-only", _("The identity provider accepts keys and certificates, but "
                                         "no client secrets"),
          "identity.client-authentication", "private_key_jwt"),
    Fault("identity.no-refresh-grant", _("The identity provider issues no refresh tokens"), "identity.grant-types",
          "refresh_token", change=_without_grant("refresh_token")),
    Fault("identity.shared-secret-tokens", _("The identity provider signs tokens with the client secret"),
          "identity.signing-algorithm", "HS256"),
    Fault("identity.plain-pkce", _("The identity provider rejects S256 challenges"), "identity.pkce", "S256"),
    Fault("identity.email-unlisted", _("The identity provider does not list the scope email"), "identity.scopes",
          "email"),
    Fault("identity.no-offline-access", _("The identity provider rejects the scope offline_access"),
          "identity.request-accepted", "invalid_scope"),
    Fault("identity.no-groups", _("The identity provider has no groups claim"), "identity.claims", "groups"),
    Fault("identity.no-keys", _("The identity provider publishes no keys"), "identity.signing-keys",
          "no usable signing key"),
    Fault("identity.keys-fail", _("The key set of the identity provider returns 500"), "identity.signing-keys", "500"),
    Fault("identity.clock-ahead", _("The clock of the identity provider is ten minutes ahead"), "identity.clock",
          "ahead"),
)  # fmt: skip

_CERTIFICATE = (
    Fault("identity.certificate-expired", _("The certificate of the identity provider has expired"),
          "identity.discovery", "expired", change=_presenting(lifetime=timedelta(days=-1))),
    Fault("identity.certificate-ends", _("The certificate of the identity provider expires in ten days"),
          "identity.certificate", "expires on", change=_presenting(lifetime=timedelta(days=10))),
    Fault("identity.certificate-name", _("The certificate of the identity provider is for another name"),
          "identity.discovery", "name", change=_presenting(names=("login.practice.example",))),
    Fault("identity.another-authority", _("The certificate of the identity provider is signed by another CA"),
          "identity.discovery", "signed by an unknown CA", change=_presenting(own_ca=False)),
)  # fmt: skip

_CLIENT = (
    Fault("identity.secret-renewed", _("The client secret was renewed at the identity provider"),
          "identity.client-valid", "invalid_client", change=_secret_renewed),
    Fault("identity.secret-mistyped", _("The client secret was copied without its last characters"),
          "identity.client-valid", "secret",
          answers=_secret_cut),
    Fault("identity.client-unknown", _("The identity provider has no such client"), "identity.client-valid",
          "tmc-sm", answers=lambda _estate: {"identity.client_id": "tmc-sm"}),
    Fault("identity.entra-unknown-application", _("Entra does not know the application in this tenant"),
          "identity.client-valid", "AADSTS700016"),
    Fault("identity.entra-secret-expired", _("The client secret has expired at Entra"), "identity.client-valid",
          "Create a new one"),
    Fault("identity.okta-client", _("Okta does not know the client"), "identity.client-valid", "invalid_client"),
    Fault("identity.okta-grant", _("Okta does not let the client use the authorization code flow"),
          "identity.client-valid", "sign nobody in"),
    Fault("identity.auth0-secret", _("Auth0 rejects the client secret with 403"), "identity.client-valid",
          "access_denied"),
    Fault("identity.callback-missing", _("The redirect URI is not registered"), "identity.redirect-registered",
          "/provider/pinniped/callback", change=_callbacks(None)),
    Fault("identity.callback-almost", _("The redirect URI is registered with a trailing slash"),
          "identity.redirect-registered", "exactly this redirect URI", change=_callbacks(lambda uri: f"{uri}/")),
    Fault("identity.no-code-grant", _("The client cannot use the authorization code flow"),
          "identity.request-accepted", "unauthorized_client", change=_without_grant("authorization_code")),
    Fault("identity.one-group", _("Members and administrators are the same group"), "identity.group-names",
          "same group", answers=lambda _estate: {"identity.member_group": "tmc:admin"}),
)  # fmt: skip

_PEOPLE = (
    # Only a person's token shows these: the rehearsed sign-in does, and no check can.
    Fault("identity.group-paths", _("Tokens contain groups as paths")),
    Fault("identity.email-unverified", _("Tokens report email addresses as not verified")),
)  # fmt: skip


def _behaving(manner: str) -> Change:
    return lambda estate: estate.identity.behave(manner)


VARIANTS = (
    Variant("healthy.identity-moved", _("The discovery document is sent on to its canonical address"),
            _behaving(faulty.MOVED)),
    Variant("healthy.identity-as-html", _("The discovery document is published as text/html"),
            _behaving(faulty.AS_HTML)),
    Variant("healthy.identity-entra", _("The provider answers as Entra does"), _behaving("entra")),
    Variant("healthy.identity-auth0", _("The provider answers an unknown code with 403, as Auth0 does"),
            _behaving("auth0")),
)  # fmt: skip
FAULTS = (*_PROXY, *_DOCUMENT, *_CERTIFICATE, *_CLIENT, *_PEOPLE)
