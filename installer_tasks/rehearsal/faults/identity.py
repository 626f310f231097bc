"""Faults of the practice identity provider, its clients and its people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.faults.base import Change, Fault
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


_DOCUMENT = (
    Fault("identity.unavailable", _("The identity provider answers 503"), "identity.discovery", "503"),
    Fault("identity.no-discovery", _("The identity provider has no discovery document"), "identity.discovery", "404"),
    Fault("identity.discovery-page", _("A web page answers instead of the discovery document"), "identity.discovery",
          "web page"),
    Fault("identity.issuer-mismatch", _("The identity provider calls itself by another name"), "identity.discovery",
          "says that it is"),
    Fault("identity.issuer-slash", _("The identity provider writes its name with a slash at the end"),
          "identity.discovery", "slash"),
    Fault("identity.plain-http", _("The token endpoint is published with http"), "identity.discovery",
          "token_endpoint of the provider is no https address"),
    Fault("identity.plain-http-userinfo", _("The userinfo endpoint is published with http"), "identity.endpoints",
          "begins with http://"),
    Fault("identity.internal-endpoint", _("The token endpoint is published with a name that only the cluster knows"),
          "identity.endpoints", "does not resolve"),
    Fault("identity.implicit-only", _("The identity provider offers the implicit flow alone"), "identity.code-flow",
          "authorization code"),
    Fault("identity.key-clients-only", _("The identity provider takes keys and certificates, no client secrets"),
          "identity.client-authentication", "private_key_jwt"),
    Fault("identity.no-refresh-grant", _("The identity provider gives no refresh tokens"), "identity.grant-types",
          "refresh_token", change=_without_grant("refresh_token")),
    Fault("identity.shared-secret-tokens", _("The identity provider signs tokens with the client secret"),
          "identity.signing-algorithm", "HS256"),
    Fault("identity.plain-pkce", _("The identity provider refuses S256 challenges"), "identity.pkce", "S256"),
    Fault("identity.email-unlisted", _("The identity provider does not list the scope email"), "identity.scopes",
          "email"),
    Fault("identity.no-offline-access", _("The identity provider refuses the scope offline_access"),
          "identity.request-accepted", "invalid_scope"),
    Fault("identity.no-groups", _("The identity provider knows no groups claim"), "identity.claims", "groups"),
    Fault("identity.no-keys", _("The identity provider publishes no keys"), "identity.signing-keys",
          "no usable signing key"),
    Fault("identity.keys-fail", _("The keys of the identity provider answer 500"), "identity.signing-keys", "500"),
    Fault("identity.clock-ahead", _("The clock of the identity provider is ten minutes ahead"), "identity.clock",
          "ahead"),
)  # fmt: skip

_CERTIFICATE = (
    Fault("identity.certificate-expired", _("The certificate of the identity provider has expired"),
          "identity.discovery", "expired", change=_presenting(lifetime=timedelta(days=-1))),
    Fault("identity.certificate-ends", _("The certificate of the identity provider ends in ten days"),
          "identity.certificate", "ends on", change=_presenting(lifetime=timedelta(days=10))),
    Fault("identity.certificate-name", _("The certificate of the identity provider is for another name"),
          "identity.discovery", "name", change=_presenting(names=("login.practice.example",))),
    Fault("identity.another-authority", _("Another authority signed the certificate of the identity provider"),
          "identity.discovery", "authority", change=_presenting(own_ca=False)),
)  # fmt: skip

_CLIENT = (
    Fault("identity.secret-renewed", _("The client secret has been renewed at the identity provider"),
          "identity.client-valid", "invalid_client", change=_secret_renewed),
    Fault("identity.secret-mistyped", _("The client secret was copied without its last characters"),
          "identity.client-valid", "secret",
          answers=_secret_cut),
    Fault("identity.client-unknown", _("The identity provider does not know the client"), "identity.client-valid",
          "tmc-sm", answers=lambda _estate: {"identity.client_id": "tmc-sm"}),
    Fault("identity.callback-missing", _("The callback is not registered"), "identity.redirect-registered",
          "/provider/pinniped/callback", change=_callbacks(None)),
    Fault("identity.callback-almost", _("The callback is registered with a slash at its end"),
          "identity.redirect-registered", "exactly this redirect URI", change=_callbacks(lambda uri: f"{uri}/")),
    Fault("identity.no-code-grant", _("The client may not use the authorization code flow"),
          "identity.request-accepted", "unauthorized_client", change=_without_grant("authorization_code")),
    Fault("identity.one-group", _("Members and administrators are the same group"), "identity.group-names",
          "same group", answers=lambda _estate: {"identity.member_group": "tmc:admin"}),
)  # fmt: skip

_PEOPLE = (
    # Only a person's token shows these: the rehearsed sign-in does, and no check can.
    Fault("identity.group-paths", _("Tokens name groups by their path")),
    Fault("identity.email-unverified", _("Tokens say that e-mail addresses are not verified")),
)  # fmt: skip

FAULTS = (*_DOCUMENT, *_CERTIFICATE, *_CLIENT, *_PEOPLE)
