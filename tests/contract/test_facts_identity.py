"""The identity provider's collector and checks against the practice provider, and what it may be instead."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installer_tasks import releases
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.identity import ISSUER_MISMATCH, UNAVAILABLE, Client, IdentityServer, practice_people
from tests.contract.connect_proxy import ConnectProxy
from tests.contract.docker_registry import free_port
from tests.contract.looks import Look, all_of, look_at
from tests.contract.odd_servers import Answer, answering
from tests.switch import On

PASS, WARN, FAIL, BLOCKED = "pass", "warn", "fail", "blocked"
ZONE, CLIENT, SECRET = "tmc.example.com", "tmc", "canary client+secret/ß"
CALLBACK = releases.RELEASES[-1].redirect_uri(ZONE)
HEALTHY = all_of("identity", PASS)
NOT_FOUND = all_of("identity", BLOCKED) | {"identity.discovery": FAIL, "identity.group-names": PASS}
NO_CALLBACK = {"identity.redirect-registered": FAIL, "identity.request-accepted": BLOCKED}
WELL_KNOWN = "/.well-known/openid-configuration"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def files(ca: PracticeCA, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return ca.issue_files(tmp_path_factory.mktemp("tls"), "identity", ["localhost", "127.0.0.1"])


@pytest.fixture
def faults() -> On:
    return On()


@pytest.fixture
def provider(files: tuple[Path, Path], faults: On) -> Iterator[IdentityServer]:
    people = practice_people(dict.fromkeys(("ada", "mo", "nia"), "practice-password"))
    with IdentityServer(*files, clients=[Client(CLIENT, SECRET)], users=people, faults=faults) as server:
        server.register_redirect(CLIENT, CALLBACK)
        yield server


class Asking:
    """Answers that are right for the practice provider, but for what a test changes."""

    def __init__(self, issuer: str, ca: str) -> None:
        self.issuer, self.ca = issuer, ca

    def __call__(self, *, zone: str = ZONE, failed: tuple[str, ...] = (), **changes: str) -> Look:
        right = {"issuer_url": self.issuer, "client_id": CLIENT, "client_secret": SECRET, "ca": self.ca}
        answers = {f"identity.{key}": value for key, value in (right | changes).items()}
        return look_at("identity", {**answers, "dns.zone": zone, "bundle.release": "1.4.1"}, failed=failed)


@pytest.fixture
def look(provider: IdentityServer, ca: PracticeCA) -> Asking:
    return Asking(provider.issuer, ca.ca_pem)


def test_a_healthy_provider_raises_nothing(look: Asking) -> None:
    found = look()
    assert found.levels == HEALTHY
    assert found.facts["redirect"]["value"]["uri"] == CALLBACK
    assert look(scopes="openid,email,groups").levels == HEALTHY


@pytest.mark.parametrize("secret", ["canary-wrong-secret", ""])
def test_a_wrong_secret(look: Asking, secret: str) -> None:
    found = look(client_secret=secret)
    assert found.levels == HEALTHY | {"identity.client-valid": FAIL}
    assert found["identity.client-valid"].value == CLIENT
    assert "invalid_client" in str(found["identity.client-valid"].cause)


def test_an_unknown_client(look: Asking) -> None:
    found = look(client_id="nobody")
    assert found.levels == HEALTHY | NO_CALLBACK | {"identity.client-valid": FAIL}
    assert found["identity.client-valid"].value == "nobody"


def test_a_callback_that_is_not_registered(look: Asking) -> None:
    found = look(zone="other.example.com")
    uri = releases.RELEASES[-1].redirect_uri("other.example.com")
    assert found.levels == HEALTHY | NO_CALLBACK
    assert found["identity.redirect-registered"].value == uri
    assert found["identity.redirect-registered"].command == uri


def test_without_a_good_zone_the_callback_is_blocked_and_nothing_else(look: Asking) -> None:
    found = look(zone="not a zone", failed=("dns.zone-well-formed",))
    assert found.levels == HEALTHY | dict.fromkeys(NO_CALLBACK, BLOCKED)
    assert found["identity.redirect-registered"].evidence == {"blocked_by": "dns.zone-well-formed"}


def test_a_scope_that_is_not_offered_is_a_warning_and_one_that_is_refused_a_failure(
    look: Asking, files: tuple[Path, Path], ca: PracticeCA
) -> None:
    found = look(scopes="openid,email,roles")
    assert found.levels == HEALTHY | {"identity.scopes": WARN, "identity.request-accepted": FAIL}
    assert found["identity.scopes"].value == "roles"
    assert "invalid_scope" in str(found["identity.request-accepted"].message)
    assert asked_of(files, ca, {}, scopes_supported=["openid"]).levels == HEALTHY | {"identity.scopes": WARN}


def test_an_issuer_with_a_slash_too_many(look: Asking) -> None:
    found = look(issuer_url=look.issuer + "/")
    assert found.levels == NOT_FOUND
    assert found["identity.discovery"].value == look.issuer + "/"
    assert "slash" in str(found["identity.discovery"].remedy)


@pytest.mark.parametrize(
    ("issuer", "named_in"),
    [
        ("http://localhost/realms/tmc", "https"),
        ("localhost/realms/tmc", "https"),
        ("https://", "host"),
        ("https://local host/realms", "space"),
        ("https://localhost/realms/tmc?a=b", "?"),
        (f"https://localhost/realms/tmc{WELL_KNOWN}", "discovery"),
    ],
)
def test_what_is_not_an_issuer(look: Asking, issuer: str, named_in: str) -> None:
    found = look(issuer_url=issuer)
    assert found.levels == NOT_FOUND
    assert named_in in found.says("identity.discovery")


def test_another_realm_is_not_there(look: Asking) -> None:
    issuer = look.issuer.replace("/tmc", "/other")
    found = look(issuer_url=issuer)
    assert found.levels == NOT_FOUND
    assert found["identity.discovery"].value == issuer + WELL_KNOWN
    assert "404" in found.says("identity.discovery")


def test_faults_of_the_provider(look: Asking, faults: On) -> None:
    faults.names = {ISSUER_MISMATCH}
    found = look()
    assert found.levels == NOT_FOUND
    assert look.issuer + "-old" in found.says("identity.discovery")
    faults.names = {UNAVAILABLE}
    found = look()
    assert found.levels == NOT_FOUND
    assert "503" in found.says("identity.discovery")


def test_an_unknown_authority_and_one_that_is_none(look: Asking, tmp_path: Path) -> None:
    other = PracticeCA.load_or_create(tmp_path / "other")
    for pem in ("", other.ca_pem, "no pem", other.key_pem):
        found = look(ca=pem)
        assert found.levels == NOT_FOUND
        assert other.key_pem.splitlines()[1] not in found.says("identity.discovery")
    assert look(ca=other.ca_pem)["identity.discovery"].value == look.issuer.split("/")[2]


def test_nothing_listens_and_a_name_that_does_not_resolve(look: Asking) -> None:
    port = free_port()
    found = look(issuer_url=f"https://localhost:{port}/realms/tmc")
    assert found.levels == NOT_FOUND
    assert found["identity.discovery"].value == f"localhost:{port}"
    found = look(issuer_url="https://identity.invalid/realms/tmc")
    assert found.levels == NOT_FOUND
    assert "identity.invalid" in found["identity.discovery"].value


@pytest.mark.parametrize(
    ("answer", "named_in"),
    [
        ((200, "<!doctype html><html><body>Sign in</body></html>"), "web page"),
        ((200, []), "not an object"),
        ((302, "http://localhost:1/elsewhere"), "redirects"),
        ((302, "https://localhost:1/elsewhere"), "localhost:1"),
        ((302, WELL_KNOWN), "redirects"),
        ((404, "<html>no</html>"), "404"),
        ((200, {"issuer": 7}), "The provider's issuer is -"),
    ],
)
def test_answers_that_are_not_discovery(
    files: tuple[Path, Path], ca: PracticeCA, answer: Answer, named_in: str
) -> None:
    with answering({WELL_KNOWN: answer}, files) as server:
        found = Asking(f"https://localhost:{server.server_address[1]}", ca.ca_pem)()
    assert found.levels == NOT_FOUND
    assert named_in in found.says("identity.discovery")


def a_provider(issuer: str, **changes: Any) -> dict[str, Answer]:
    document = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "email", "offline_access", "profile"],
    }
    return {
        WELL_KNOWN: (200, document | changes),
        "/jwks": (200, {"keys": [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b", "alg": "ES256"}]}),
        "POST /token": (400, {"error": "invalid_grant"}),
        "/authorize": (302, f"{CALLBACK}?error=login_required"),
    }


def asked_of(files: tuple[Path, Path], ca: PracticeCA, changes: dict[str, Answer], **document: Any) -> Look:
    """A look at canned answers: those of a healthy provider, but for the changes."""
    answers: dict[str, Answer] = {}
    with answering(answers, files) as server:
        issuer = f"https://localhost:{server.server_address[1]}"
        answers.update({**a_provider(issuer, **document), **changes})
        return Asking(issuer, ca.ca_pem)()


def test_the_canned_provider_is_healthy(files: tuple[Path, Path], ca: PracticeCA) -> None:
    assert asked_of(files, ca, {}).levels == HEALTHY


def test_no_usable_key(files: tuple[Path, Path], ca: PracticeCA) -> None:
    found = asked_of(files, ca, {"/jwks": (200, {"keys": [{"kty": "oct", "k": "canary"}]})})
    assert found.levels == HEALTHY | {"identity.signing-keys": FAIL}
    assert found["identity.signing-keys"].value.endswith("/jwks")
    assert "canary" not in json.dumps(found.facts)
    for answer in ((200, {"keys": "no"}), (404, "gone"), (200, "<html></html>")):
        assert asked_of(files, ca, {"/jwks": answer}).levels == HEALTHY | {"identity.signing-keys": FAIL}


def test_only_the_implicit_flow(files: tuple[Path, Path], ca: PracticeCA) -> None:
    found = asked_of(files, ca, {}, response_types_supported=["id_token"])
    assert found.levels == HEALTHY | {"identity.code-flow": FAIL}
    assert found["identity.code-flow"].value == "id_token"
    assert asked_of(files, ca, {}, response_types_supported=[]).levels == found.levels


def test_an_endpoint_without_tls(files: tuple[Path, Path], ca: PracticeCA) -> None:
    found = asked_of(files, ca, {}, token_endpoint="http://localhost/token")
    assert found.levels == NOT_FOUND
    assert "token_endpoint" in found.says("identity.discovery")


def test_what_the_provider_does_not_tell_is_a_warning_and_never_green(files: tuple[Path, Path], ca: PracticeCA) -> None:
    silent: dict[str, Answer] = {
        "POST /token": (400, {"error": "invalid_request"}),
        "/authorize": (200, "<html><body>Sign in</body></html>"),
    }
    found = asked_of(files, ca, silent)
    assert found.levels == HEALTHY | {"identity.client-valid": WARN, "identity.redirect-registered": WARN}
    assert found["identity.client-valid"].value == CLIENT
    assert found["identity.redirect-registered"].value == CALLBACK


def test_a_provider_that_is_ill_behind_its_discovery(files: tuple[Path, Path], ca: PracticeCA) -> None:
    found = asked_of(files, ca, {"POST /token": (500, "oops"), "/authorize": (500, "oops")})
    assert found.levels == HEALTHY | NO_CALLBACK | {"identity.client-valid": FAIL}


def test_a_provider_that_accepts_and_says_nothing_is_left(look: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer_tasks.preflight.facts.identity.TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        host = f"127.0.0.1:{mute.getsockname()[1]}"
        found = look(issuer_url=f"https://{host}/realms/tmc")
    assert found.levels == NOT_FOUND
    assert found["identity.discovery"].value == host


def test_a_server_behind_an_endpoint_that_nobody_trusts_blocks_what_needs_it(
    files: tuple[Path, Path], ca: PracticeCA, tmp_path: Path
) -> None:
    other = PracticeCA.load_or_create(tmp_path / "other").issue_files(tmp_path, "other", ["localhost"])
    with answering({}, other) as stranger:
        address = f"https://localhost:{stranger.server_address[1]}"
        found = asked_of(files, ca, {}, userinfo_endpoint=f"{address}/userinfo")
    assert found["identity.endpoints"].level == FAIL
    assert found["identity.endpoints"].value == address
    assert "userinfo_endpoint" in str(found["identity.endpoints"].message)
    assert found["identity.client-valid"].level == BLOCKED


@pytest.mark.parametrize("endpoint", ["ftp://localhost/userinfo", "https://", "https://[::1", 7, "x" * 9000])
def test_userinfo_that_is_no_address(files: tuple[Path, Path], ca: PracticeCA, endpoint: Any) -> None:
    found = asked_of(files, ca, {}, userinfo_endpoint=endpoint)
    assert found["identity.endpoints"].level == (PASS if endpoint == 7 else FAIL)


@pytest.mark.parametrize(
    "changes",
    [
        {"grant_types_supported": "authorization_code", "claims_supported": {"email": 1}},
        {"code_challenge_methods_supported": [None, 7, {}]},
        {"scopes_supported": ["x" * 5000] * 100, "claims_supported": None},
    ],
)
def test_lists_of_the_wrong_type_are_as_if_not_published(
    files: tuple[Path, Path], ca: PracticeCA, changes: dict[str, Any]
) -> None:
    found = asked_of(files, ca, {}, **changes)
    assert {level for name, level in found.levels.items() if name != "identity.scopes"} == {PASS}
    assert len(json.dumps(found.facts)) < 60_000


@pytest.mark.parametrize("algorithms", ["RS256", [["RS256"]], {"RS256": True}])
def test_algorithms_of_the_wrong_type_are_refused_as_pinniped_does(
    files: tuple[Path, Path], ca: PracticeCA, algorithms: Any
) -> None:
    found = asked_of(files, ca, {}, id_token_signing_alg_values_supported=algorithms)
    assert found["identity.discovery"].level == FAIL
    assert "id_token_signing_alg_values_supported" in found.says("identity.discovery")


@pytest.mark.parametrize(
    "answer",
    [
        (302, f"{CALLBACK}?error=%00%ff%3Cscript%3E"),
        (302, f"{CALLBACK}?error=server_error&error_description={'x' * 3000}"),
        (302, f"{CALLBACK}?{'&'.join(f'a{n}=b' for n in range(100))}&error=invalid_scope"),
        (302, "https://[::1?error=x"),
        (400, {"error": ["not", "a", "string"]}),
    ],
)
def test_odd_answers_to_the_sign_in_request_are_never_green(
    files: tuple[Path, Path], ca: PracticeCA, answer: Answer
) -> None:
    found = asked_of(files, ca, {"/authorize": answer})
    assert found["identity.request-accepted"].level in (FAIL, BLOCKED)
    assert len(json.dumps(found.facts)) < 60_000


def test_a_document_that_the_provider_sends_on_is_followed(files: tuple[Path, Path], ca: PracticeCA) -> None:
    """As Pinniped's client follows it: a canonical path, a slash at the end; the issuer still counts to the letter."""
    answers: dict[str, Answer] = {}
    with answering(answers, files) as server:
        issuer = f"https://localhost:{server.server_address[1]}"
        whole = a_provider(issuer)
        answers.update(whole)
        answers[f"{WELL_KNOWN}/"] = whole[WELL_KNOWN]
        answers[WELL_KNOWN] = (301, f"{WELL_KNOWN}/")
        answers["/keys"] = whole["/jwks"]
        answers["/jwks"] = (308, f"{issuer}/keys")
        found = Asking(issuer, ca.ca_pem)()
        assert found.levels == HEALTHY
        assert f"{WELL_KNOWN}/" in found.says("identity.discovery")
        answers[f"{WELL_KNOWN}/"] = (200, {**whole[WELL_KNOWN][1], "issuer": f"{issuer}/other"})
        assert Asking(issuer, ca.ca_pem)().levels == NOT_FOUND


def test_a_client_that_may_sign_nobody_in_is_a_failure_with_the_number(
    files: tuple[Path, Path], ca: PracticeCA
) -> None:
    """Entra's 400 for an application that its tenant does not know."""
    words = "AADSTS700016: Application with identifier 'tmc' was not found in the directory 'Acme'."
    refused = (400, {"error": "unauthorized_client", "error_description": words, "error_codes": [700016]})
    found = asked_of(files, ca, {"POST /token": refused})
    assert found["identity.client-valid"].level == FAIL
    assert "AADSTS700016" in found.says("identity.client-valid")
    assert "tenant" in found.says("identity.client-valid")


def test_a_provider_behind_the_proxy_is_looked_at_through_it(
    ca: PracticeCA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the internet, by a name that only the proxy knows; the pods will need a way too, and that is told."""
    name = "login.outside.example"
    mine = ca.issue_files(tmp_path, "outside", (name,))
    answers: dict[str, Answer] = {}
    with answering(answers, mine) as server:
        port = server.server_address[1]
        answers.update(a_provider(f"https://{name}:{port}"))
        with ConnectProxy({f"{name}:{port}": port}, user="jump", password="canary-pw") as proxy:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//jump:canary-pw@"))
            found = Asking(f"https://{name}:{port}", ca.ca_pem)()
            assert found.levels == HEALTHY | {"identity.way-of-pods": WARN}
            assert "pinnipedExtraEnvVars" in found["identity.way-of-pods"].command
            assert "canary" not in str(found.facts) + found["identity.way-of-pods"].command
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            refused = Asking(f"https://{name}:{port}", ca.ca_pem)()
            assert "407" in refused.says("identity.discovery")
            monkeypatch.setenv("NO_PROXY", "outside.example")
            assert "does not resolve" in Asking(f"https://{name}:{port}", ca.ca_pem)().says("identity.discovery")
