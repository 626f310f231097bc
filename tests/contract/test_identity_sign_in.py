"""A rehearsed sign-in: at the practice provider, and with tokens that nobody may be let in with."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from installer_tasks.errors import InstallerError, Invalid, Refused
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.identity import Client as Registered
from installer_tasks.rehearsal.identity import IdentityServer, practice_people
from installer_tasks.systems import http, identity
from installer_tasks.systems.identity import Begun, Client, Wanted, judge
from installer_tasks.systems.identity.scopes import DEFAULT_SCOPES
from tests.contract.odd_servers import Answer, answering
from tests.switch import On

CALLBACK = "http://127.0.0.1:8000/installations/1/sign-in-rehearsal/callback/"
SECRET = "canary-client+secret/ß"
PASSWORDS = {"ada": "canary-ada", "mo": "canary-mo", "nia": "canary-nia"}
WANTED = Wanted("groups", "tmc:admin", "tmc:member")
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def files(ca: PracticeCA, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return ca.issue_files(tmp_path_factory.mktemp("tls"), "identity", ["localhost"])


@pytest.fixture(scope="module")
def faults() -> On:
    return On()


@pytest.fixture(scope="module")
def provider(files: tuple[Path, Path], faults: On) -> Iterator[IdentityServer]:
    clients = [Registered("tmc", SECRET, [CALLBACK])]
    with IdentityServer(*files, clients=clients, users=practice_people(PASSWORDS), faults=faults) as running:
        yield running


@pytest.fixture
def client(provider: IdentityServer, ca: PracticeCA) -> Client:
    return Client(provider.issuer, "tmc", SECRET, ca.ca_pem, DEFAULT_SCOPES)


def code_of(client: Client, begun: Begun, name: str) -> str:
    """Sign in as a person does in a browser; what the provider sends back with them."""
    url = identity.sign_in_url(client, begun)
    answer = http.fetch(url, ca_pem=client.ca_pem, form={"username": name, "password": PASSWORDS[name]})
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    told = parse_qs(urlsplit(answer.headers["location"]).query)
    assert told["state"] == [begun.state]
    return told["code"][0]


@pytest.mark.parametrize(("name", "role"), [("ada", "admin"), ("mo", "member"), ("nia", "")])
def test_people_sign_in_by_code_and_by_password(client: Client, name: str, role: str) -> None:
    begun = Begun.fresh(CALLBACK)
    by_code = judge(identity.by_code(client, begun, code_of(client, begun, name)), WANTED)
    by_password = judge(identity.by_password(client, name, PASSWORDS[name]), WANTED)
    for found in (by_code, by_password):
        assert (found.person, found.role, found.enters) == (name, role, bool(role))
        kept = json.dumps(found.as_json())
        assert not re.search(r"canary|eyJ", kept)


def test_a_code_counts_once_and_only_with_its_own_proof(client: Client) -> None:
    begun = Begun.fresh(CALLBACK)
    code = code_of(client, begun, "ada")
    identity.by_code(client, begun, code)
    for used, other in ((code, begun), (code_of(client, begun, "ada"), Begun.fresh(CALLBACK)), ("made-up", begun)):
        with pytest.raises(Refused) as failure:
            identity.by_code(client, other, used)
        assert failure.value.value == "invalid_grant"
        assert used not in json.dumps(failure.value.as_json())


def test_wrong_passwords_and_wrong_secrets_are_refused_in_words(client: Client) -> None:
    with pytest.raises(Refused) as failure:
        identity.by_password(client, "ada", "canary-wrong")
    assert failure.value.value == "invalid_grant"
    assert "canary" not in json.dumps(failure.value.as_json())
    wrong = Client(client.issuer, "tmc", "canary-wrong", client.ca_pem, client.scopes)
    with pytest.raises(Refused) as failure:
        identity.by_password(wrong, "ada", PASSWORDS["ada"])
    assert failure.value.value == "invalid_client"
    assert "canary" not in repr(wrong) + json.dumps(failure.value.as_json())


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("identity.group-paths", "It is a path"),
        ("identity.no-groups", "does not contain this claim"),
        ("identity.email-unverified", "not verified"),
    ],
)
def test_what_only_a_token_shows(client: Client, faults: On, fault: str, words: str) -> None:
    faults.names = {fault}
    try:
        found = judge(identity.by_password(client, "ada", PASSWORDS["ada"]), WANTED)
    finally:
        faults.names = set()
    assert not found.enters
    assert words in " ".join(str(remark.message) for remark in found.remarks)


def test_a_token_signed_with_the_client_secret_is_refused(client: Client, faults: On) -> None:
    faults.names = {"identity.shared-secret-tokens"}
    try:
        with pytest.raises(Invalid) as failure:
            identity.by_password(client, "ada", PASSWORDS["ada"])
    finally:
        faults.names = set()
    assert failure.value.value == "HS256"


def canned(issuer: str, **answers: Answer) -> dict[str, Answer]:
    """A provider that answers everything alike; `token` and `userinfo` are what a test changes."""
    document = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
        "userinfo_endpoint": f"{issuer}/userinfo",
    }
    keys = [
        json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key())) | {"kid": "rsa"},
        json.loads(jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key())) | {"kid": "ec"},
        {"kty": "oct", "k": "AAAA", "kid": "oct"},
        "no key",
    ]
    return {
        identity.WELL_KNOWN: (200, document),
        "/jwks": (200, {"keys": keys}),
        "/userinfo": answers.get("userinfo", (404, "no")),
        "POST /token": answers["token"],
    }


def claims(issuer: str, **changes: Any) -> dict[str, Any]:
    return {"iss": issuer, "aud": "tmc", "sub": "1", "exp": time.time() + 60, "nonce": "the nonce",
            "groups": ["tmc:admin"], "email": "ada@example.com"} | changes  # fmt: skip


def unsigned(algorithm: str, content: dict[str, Any], signature: str = "") -> str:
    parts = [json.dumps({"alg": algorithm, "typ": "JWT"}), json.dumps(content)]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts) + f".{signature}"


def confused(content: dict[str, Any]) -> str:
    """Signed with the public key as if that were a shared secret."""
    import hashlib
    import hmac

    head = unsigned("HS256", content).rpartition(".")[0]
    signature = hmac.new(PEM, head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def told(files: tuple[Path, Path], ca: PracticeCA, make: Any, **answers: Answer) -> identity.Told:
    """What is made of a token; `make` gets the issuer."""
    served: dict[str, Answer] = {}
    with answering(served, files) as server:
        issuer = f"https://localhost:{server.server_address[1]}"
        found = make(issuer)
        token = found if isinstance(found, tuple) else (200, {"id_token": found, "access_token": "canary-access"})
        served.update(canned(issuer, token=token, **answers))
        client = Client(issuer, "tmc", SECRET, ca.ca_pem, ("openid",))
        return identity.by_code(client, Begun(CALLBACK, "state", "the nonce", "verifier"), "code")


@pytest.mark.parametrize(
    ("key", "algorithm", "headers"), [(RSA, "RS256", {"kid": "rsa"}), (EC, "ES256", {"kid": "ec"}), (RSA, "PS512", {})]
)
def test_good_tokens_of_every_kind(
    files: tuple[Path, Path], ca: PracticeCA, key: Any, algorithm: str, headers: dict[str, str]
) -> None:
    found = told(files, ca, lambda issuer: jwt.encode(claims(issuer), key, algorithm, headers))
    assert found.claims["groups"] == ["tmc:admin"]
    assert not found.refreshable


def signed(**changes: Any) -> Any:
    return lambda issuer: jwt.encode(claims(issuer, **changes), RSA, "RS256", {"kid": "rsa"})


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda issuer: unsigned("none", claims(issuer)), "signed with none", id="alg none"),
        pytest.param(lambda issuer: unsigned("NONE", claims(issuer)), "signed with NONE", id="alg NONE"),
        pytest.param(
            lambda issuer: unsigned("RS256", claims(issuer)), "matches none of the published keys", id="no signature"
        ),
        pytest.param(lambda issuer: confused(claims(issuer)), "signed with HS256", id="public key as a secret"),
        pytest.param(
            lambda issuer: jwt.encode(claims(issuer), STRANGER, "RS256"),
            "matches none of the published keys",
            id="another key",
        ),
        pytest.param(
            lambda issuer: jwt.encode(claims(issuer), RSA, "RS256", {"kid": "gone"}),
            "matches none of the published keys",
            id="unknown key",
        ),
        pytest.param(signed(aud="other"), "another client", id="audience"),
        pytest.param(signed(iss="https://evil.example"), "another issuer", id="issuer"),
        pytest.param(signed(exp=time.time() - 3600), "expired", id="expired"),
        pytest.param(signed(exp="soon"), "cannot be read", id="expiry is a word"),
        pytest.param(signed(nbf=time.time() + 3600), "not valid yet", id="not yet"),
        pytest.param(signed(nonce="another"), "nonce differs", id="nonce"),
        pytest.param(signed(nonce=None), "nonce differs", id="no nonce"),
        pytest.param(signed(sub=7), "cannot be read", id="subject is a number"),
        pytest.param(lambda _issuer: "canary.not.jwt", "not an ID token", id="nonsense"),
        pytest.param(lambda _issuer: "x" * 300_000, "returned no ID token", id="endless"),
        pytest.param(lambda _issuer: ["a"], "returned no ID token", id="list"),
        pytest.param(lambda _issuer: (200, {}), "returned no ID token", id="no token"),
        pytest.param(lambda _issuer: (200, ["a"]), "not an object", id="answer is a list"),
        pytest.param(lambda _issuer: (200, "<html>canary</html>"), "web page", id="answer is a page"),
        pytest.param(lambda _issuer: (302, "https://localhost:1/"), "redirects", id="redirect"),
        pytest.param(lambda _issuer: (500, "oops"), "500", id="ill"),
        pytest.param(lambda _issuer: (403, {"error": {"a": 1}}), "403", id="error of another type"),
        pytest.param(
            lambda _issuer: (400, {"error": "invalid_grant", "error_description": "x" * 9000}),
            "invalid_grant",
            id="long",
        ),
    ],
)
def test_a_token_that_proves_nothing_is_refused_by_name(
    files: tuple[Path, Path], ca: PracticeCA, make: Any, words: str
) -> None:
    with pytest.raises(InstallerError) as failure:
        told(files, ca, make)
    assert words in str(failure.value)
    kept = json.dumps(failure.value.as_json())
    assert "canary" not in kept
    assert len(kept) < 2000
    assert failure.value.remedy


def test_userinfo_counts_only_for_the_same_person(files: tuple[Path, Path], ca: PracticeCA) -> None:
    same = told(files, ca, signed(), userinfo=(200, {"sub": "1", "name": "Ada"}))
    assert same.userinfo == {"sub": "1", "name": "Ada"}
    for answer in ((200, {"sub": "2", "groups": ["tmc:admin"]}), (200, "<html></html>"), (401, "no"), (200, [])):
        assert told(files, ca, signed(), userinfo=answer).userinfo == {}
