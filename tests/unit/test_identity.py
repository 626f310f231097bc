"""The identity provider as the product asks it: the practice one, and addresses that lead elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from installer_tasks.errors import Busy, InputError, InstallerError, Invalid, Missing, Refused, TlsFailure
from installer_tasks.rehearsal.ca import Issued, PracticeCA
from installer_tasks.rehearsal.identity import (
    ISSUER_MISMATCH,
    UNAVAILABLE,
    Client,
    IdentityServer,
    practice_people,
)
from installer_tasks.systems import identity
from installer_tasks.systems.identity import Discovery
from tests import hostile

CALLBACK = "https://pinniped-supervisor.tmc.example/provider/pinniped/callback"
SECRET = "canary-client-secret"


class Switch:
    """Faults that a test turns on."""

    def __init__(self) -> None:
        self.on: set[str] = set()

    def active(self, name: str) -> bool:
        return name in self.on


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def issued(ca: PracticeCA) -> Issued:
    return ca.issue(["localhost"])


@pytest.fixture(scope="module")
def faults() -> Switch:
    return Switch()


@pytest.fixture(scope="module")
def provider(ca: PracticeCA, faults: Switch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityServer]:
    files = ca.issue_files(tmp_path_factory.mktemp("provider"), "identity", ["localhost"])
    people = practice_people({"ada": "a", "mo": "m", "nia": "n"})
    with IdentityServer(*files, clients=[Client("tmc", SECRET, [CALLBACK])], users=people, faults=faults) as running:
        yield running


@pytest.fixture
def discovery(provider: IdentityServer, ca: PracticeCA) -> Discovery:
    return identity.discover(provider.issuer, ca.ca_pem)


def test_a_provider_describes_itself(discovery: Discovery, provider: IdentityServer) -> None:
    assert discovery.issuer == provider.issuer
    assert discovery.authorization_endpoint == provider.authorization_endpoint
    assert discovery.response_types == ("code",)
    assert "groups" in discovery.scopes


def test_its_keys_are_usable(discovery: Discovery, ca: PracticeCA) -> None:
    keys = identity.jwks(discovery, ca.ca_pem)
    assert (keys.total, keys.usable, keys.algorithms) == (1, 1, ("RS256",))


@pytest.mark.parametrize("change", [lambda url: url + "/", lambda url: url.replace("localhost", "LOCALHOST")])
def test_the_issuer_must_be_the_same_to_the_letter(
    provider: IdentityServer, ca: PracticeCA, change: Callable[[str], str]
) -> None:
    typed = change(provider.issuer)
    with pytest.raises(Invalid) as failure:
        identity.discover(typed, ca.ca_pem)
    assert failure.value.code == "identity-issuer-mismatch"
    assert failure.value.cause.params == {"found": provider.issuer, "expected": typed}


def test_a_provider_that_answers_as_someone_else(provider: IdentityServer, ca: PracticeCA, faults: Switch) -> None:
    faults.on = {ISSUER_MISMATCH}
    try:
        with pytest.raises(Invalid) as failure:
            identity.discover(provider.issuer, ca.ca_pem)
    finally:
        faults.on = set()
    assert f"{provider.issuer}-old" in str(failure.value)


def test_a_provider_that_is_down_is_busy(provider: IdentityServer, ca: PracticeCA, faults: Switch) -> None:
    faults.on = {UNAVAILABLE}
    try:
        with pytest.raises(Busy) as failure:
            identity.discover(provider.issuer, ca.ca_pem)
    finally:
        faults.on = set()
    assert failure.value.retry


def test_a_realm_that_is_not_there(provider: IdentityServer, ca: PracticeCA) -> None:
    with pytest.raises(Missing) as failure:
        identity.discover(provider.issuer.replace("/tmc", "/old"), ca.ca_pem)
    assert "404" in str(failure.value)


def test_without_its_authority_the_provider_is_not_trusted(provider: IdentityServer) -> None:
    with pytest.raises(TlsFailure) as failure:
        identity.discover(provider.issuer)
    assert failure.value.code == "tls-unknown-ca"


@pytest.mark.parametrize(
    ("typed", "cause"),
    [
        ("http://login.example/realms/tmc", "http://"),
        ("login.example/realms/tmc", "https://"),
        ("https://login.example/realms tmc", "space"),
        ("https://login.example/realms/tmc/.well-known/openid-configuration", "discovery document"),
        ("https://login.example/realms/tmc?x=1", "?"),
        ("https://login.example/realms/tmc#", "#"),
        ("https://ada:canary@login.example/", "password"),
        ("", "https://"),
    ],
)
def test_what_cannot_be_an_issuer_is_refused_before_anything_is_asked(typed: str, cause: str) -> None:
    with pytest.raises(InputError) as failure:
        identity.discover(typed)
    assert cause in str(failure.value)
    assert failure.value.field == "identity.issuer_url"
    assert "canary" not in repr(failure.value.as_json())


HOSTILE: list[tuple[str, hostile.Behaviour, type[InstallerError], str]] = [
    ("redirect", hostile.answering(status="301 Moved", headers="Location: https://evil.invalid/x?canary\r\n"), Invalid,
     "identity-redirected"),
    ("redirect to plain", hostile.answering(status="301 Moved", headers="Location: http://localhost/x?canary\r\n"),
     Invalid, "identity-redirected"),
    ("html", hostile.answering(headers="Content-Type: text/html\r\n", body=b"<html>Sign in</html>"), Invalid, "http-html"),
    ("latin1", hostile.answering(body=b'{"issuer": "\xe9"}'), Invalid, "identity-issuer-mismatch"),
    ("list", hostile.answering(body=b"[]"), Invalid, "http-not-object"),
    ("empty", hostile.answering(body=b"{}"), Invalid, "identity-issuer-mismatch"),
    ("number", hostile.answering(body=b'{"issuer": 7}'), Invalid, "identity-issuer-mismatch"),
    ("forbidden", hostile.answering(status="403 Forbidden"), Refused, "identity-refused"),
    ("teapot", hostile.answering(status="418 Teapot"), Invalid, "identity-invalid"),
    ("no content", hostile.answering(status="204 No Content"), Invalid, "identity-invalid"),
    ("huge", hostile.endless, Invalid, "http-too-large"),
    ("silent", hostile.silent, InstallerError, "unreachable-timeout"),
    ("drip", hostile.dripping, InstallerError, "unreachable-timeout"),
    ("garbage", hostile.garbage, Invalid, "http-nonsense"),
]  # fmt: skip


@pytest.mark.parametrize(("behaviour", "kind", "code"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_a_server_that_is_no_provider_is_left_and_named(
    ca: PracticeCA, issued: Issued, tmp_path: Path, behaviour: hostile.Behaviour, kind: type[InstallerError], code: str
) -> None:
    with hostile.serving(behaviour, issued, tmp_path) as port, pytest.raises(kind) as failure:
        identity.discover(f"https://localhost:{port}/realms/tmc", ca.ca_pem, timeout=1)
    assert failure.value.code == code
    assert f"localhost:{port}" in failure.value.value
    assert "canary" not in repr(failure.value.as_json())


def document(port: int, **changes: Any) -> bytes:
    issuer = f"https://localhost:{port}"
    content = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
        **changes,
    }
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"token_endpoint": "http://localhost/token"},
        {"token_endpoint": None},
        {"jwks_uri": ["https://localhost/jwks"]},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_endpoints_must_be_https_addresses(
    ca: PracticeCA, issued: Issued, tmp_path: Path, changes: dict[str, Any]
) -> None:
    ports: list[int] = []

    def behaviour(connection: Any, stop: Any) -> None:
        hostile.answering(body=document(ports[0], **changes))(connection, stop)

    with hostile.serving(behaviour, issued, tmp_path) as port:
        ports.append(port)
        with pytest.raises(Invalid) as failure:
            identity.discover(f"https://localhost:{port}", ca.ca_pem)
    assert failure.value.code == "identity-endpoint"
    assert next(iter(changes)) in str(failure.value)


def test_the_client_is_known_by_its_secret(discovery: Discovery, ca: PracticeCA) -> None:
    def check(client_id: str, secret: str) -> identity.ClientVerdict:
        return identity.check_client(discovery, client_id, secret, redirect_uri=CALLBACK, ca_pem=ca.ca_pem)

    assert check("tmc", SECRET).accepted
    assert check("tmc", SECRET).answer == "400 invalid_grant"
    for refused in (check("tmc", "wrong"), check("nobody", SECRET), check("tmc ", SECRET)):
        assert not refused.accepted
        assert refused.answer == "401 invalid_client"
    assert SECRET not in repr(check("tmc", SECRET))


def fixed_discovery(port: int) -> Discovery:
    base = f"https://localhost:{port}"
    return Discovery(base, f"{base}/authorize", f"{base}/token", f"{base}/jwks", (), ("code",), (), (), ())


def fixed(status: str, body: bytes, headers: str = "Content-Type: application/json\r\n") -> hostile.Behaviour:
    return hostile.answering(status=status, headers=headers, body=body)


@pytest.mark.parametrize(
    ("behaviour", "accepted"),
    [
        (fixed("401 Unauthorized", b'{"error":"unauthorized_client"}'), False),  # Keycloak, wrong secret
        (fixed("401 Unauthorized", b"<html>no</html>", "Content-Type: text/html\r\n"), False),
        (fixed("400 Bad Request", b'{"error":"invalid_client"}'), False),
        (fixed("400 Bad Request", b'{"error":"invalid_grant"}'), True),
        (fixed("403 Forbidden", b'{"error":"invalid_grant"}'), True),  # Auth0
        (fixed("403 Forbidden", b'{"error":"access_denied","error_description":"Unauthorized"}'), False),  # Auth0
        (fixed("401 Unauthorized", b'{"errorCode":"invalid_client","errorSummary":"Invalid value"}'), False),  # Okta
        (
            fixed("400 Bad Request", b'{"error":"unauthorized_client","error_description":"not authorized"}'),
            False,
        ),  # Okta
        (fixed("400 Bad Request", b'{"error":"invalid_client","error_description":"MSIS9623"}'), False),  # AD FS
    ],
)
def test_token_answers_of_other_providers(
    ca: PracticeCA, issued: Issued, tmp_path: Path, behaviour: hostile.Behaviour, accepted: bool
) -> None:
    with hostile.serving(behaviour, issued, tmp_path) as port:
        verdict = identity.check_client(fixed_discovery(port), "tmc", SECRET, redirect_uri=CALLBACK, ca_pem=ca.ca_pem)
    assert verdict.accepted is accepted


@pytest.mark.parametrize("number", ["AADSTS700016", "AADSTS7000222", "MSIS9321"])
def test_the_number_of_the_vendor_is_told(ca: PracticeCA, issued: Issued, tmp_path: Path, number: str) -> None:
    body = json.dumps({"error": "unauthorized_client", "error_description": f"{number}: Application 'x' was not found"})
    with hostile.serving(fixed("400 Bad Request", body.encode()), issued, tmp_path) as port:
        verdict = identity.check_client(fixed_discovery(port), "tmc", SECRET, redirect_uri=CALLBACK, ca_pem=ca.ca_pem)
    assert (verdict.accepted, verdict.number) == (False, number)
    assert verdict.answer == f"400 unauthorized_client {number}"


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (fixed("400 Bad Request", b'{"error":"unsupported_grant_type"}'), Invalid),
        (fixed("400 Bad Request", b"no"), Invalid),
        (fixed("503 Unavailable", b""), Busy),
        (fixed("404 Not Found", b""), Missing),
        (fixed("302 Found", b"", "Location: https://login.example/\r\n"), Invalid),
    ],
)
def test_an_answer_that_does_not_tell_is_an_error_and_never_green(
    ca: PracticeCA, issued: Issued, tmp_path: Path, behaviour: hostile.Behaviour, kind: type[InstallerError]
) -> None:
    with hostile.serving(behaviour, issued, tmp_path) as port, pytest.raises(kind) as failure:
        identity.check_client(fixed_discovery(port), "tmc", SECRET, redirect_uri=CALLBACK, ca_pem=ca.ca_pem)
    assert SECRET not in repr(failure.value.as_json())


def test_the_callback_is_known_or_not(discovery: Discovery, ca: PracticeCA) -> None:
    known = identity.probe_redirect(discovery, "tmc", CALLBACK, ca_pem=ca.ca_pem)
    assert known.accepted
    unknown = identity.probe_redirect(discovery, "tmc", f"{CALLBACK}/", ca_pem=ca.ca_pem)
    assert not unknown.accepted
    assert "Redirect URI" in unknown.answer


def by_callback(known: bytes, unknown: bytes) -> hostile.Behaviour:
    """A provider that answers 200 to everything, as some do, with these pages."""

    def behaviour(connection: Any, _stop: Any) -> None:
        page = unknown if b"unregistered-" in connection.recv(65536) else known
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(page)}\r\n\r\n"
        connection.sendall(head.encode() + page)

    return behaviour


def test_a_page_counts_only_when_an_unknown_callback_gets_another(
    ca: PracticeCA, issued: Issued, tmp_path: Path
) -> None:
    form = b"<html><title>x</title><form><input type=password></form>Sign in</html>"
    with hostile.serving(by_callback(form, b"<html>Invalid redirect</html>"), issued, tmp_path) as port:
        verdict = identity.probe_redirect(fixed_discovery(port), "tmc", CALLBACK, ca_pem=ca.ca_pem)
        assert (verdict.accepted, verdict.answer) == (True, "200 Sign in")
    with hostile.serving(by_callback(form, form), issued, tmp_path) as port, pytest.raises(Invalid) as failure:
        identity.probe_redirect(fixed_discovery(port), "tmc", CALLBACK, ca_pem=ca.ca_pem)
    assert failure.value.code == "identity-redirect-unclear"


def test_a_redirect_to_a_lookalike_is_not_the_callback(ca: PracticeCA, issued: Issued, tmp_path: Path) -> None:
    lookalike = f"Location: {CALLBACK}.evil.example/?error=login_required\r\n"
    with hostile.serving(fixed("302 Found", b"", lookalike), issued, tmp_path) as port:
        verdict = identity.probe_redirect(fixed_discovery(port), "tmc", CALLBACK, ca_pem=ca.ca_pem)
    assert not verdict.accepted


@pytest.mark.parametrize(
    ("body", "usable"),
    [
        ({"keys": []}, 0),
        ({"keys": [{"kty": "oct", "k": "AAAA"}]}, 0),
        ({"keys": [{"kty": "RSA", "n": "AA", "e": "AQAB", "use": "enc"}]}, 0),
        ({"keys": [{"kty": "RSA"}, "x", None, {"kty": ["RSA"]}]}, 0),
        ({"keys": [{"kty": "EC", "crv": "P-256", "x": "A", "y": "A"}, {"kty": "RSA", "n": "A", "e": "A"}]}, 2),
    ],
)
def test_only_keys_that_can_verify_count(
    ca: PracticeCA, issued: Issued, tmp_path: Path, body: dict[str, Any], usable: int
) -> None:
    with hostile.serving(hostile.answering(body=json.dumps(body).encode()), issued, tmp_path) as port:
        keys = identity.jwks(fixed_discovery(port), ca.ca_pem)
    assert (keys.usable, keys.total) == (usable, len(body["keys"]))


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["x", "tmc:admin"], "admin"),
        (["tmc:admin", "tmc:member"], "admin"),
        (["tmc:member"], "member"),
        ("tmc:member", "member"),
        (["TMC:Admin", "/tmc:member"], ""),
        ([], ""),
        (None, ""),
        ("my-tmc:admins", ""),
    ],
)
def test_a_role_is_given_to_the_letter(groups: object, role: str) -> None:
    assert identity.role_of(groups, "tmc:admin", "tmc:member") == role
