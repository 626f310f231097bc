"""Who may do what at the practice registry, with Harbor's manners (facts: image-push.md 2.2 and 2.3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from installer_tasks.rehearsal.registry import RegistryServer
from installer_tasks.rehearsal.registry.auth import AuthMode
from tests.contract.registry_client import Certificates, Client, basic, digest_of, make_certificates

ROBOT = "robot$tmc+pusher"
HARBOR_BASIC = 'Basic realm="harbor"'


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


class Estate:
    """A registry and clients of its users."""

    def __init__(self, registry: RegistryServer, certificates: Certificates) -> None:
        self.registry = registry
        self.certificates = certificates
        self.clients: list[Client] = []

    def client(self, user: str = "", token: str = "") -> Client:
        known = self.registry.users[user] if user else None
        self.clients.append(Client(self.registry.port, self.certificates.ca, known, token))
        return self.clients[-1]

    def token(self, *scopes: str, user: str = "") -> str:
        query = "&".join(f"scope={quote(scope)}" for scope in scopes)
        reply = self.client(user)("GET", f"/service/token?service=harbor-registry&{query}")
        assert reply.status == 200
        return str(reply.json()["token"])


def _estate(tmp_path: Path, certificates: Certificates, auth: AuthMode, token_life: int = 1800) -> Iterator[Estate]:
    server = RegistryServer(
        tmp_path / "registry", certificates.certificate, certificates.key, auth=auth, token_life=token_life
    )
    with server as registry:
        registry.create_project("tmc")
        registry.create_project("private", public=False)
        estate = Estate(registry, certificates)
        yield estate
        for client in estate.clients:
            client.connection.close()


@pytest.fixture
def harbor(tmp_path: Path, certificates: Certificates) -> Iterator[Estate]:
    yield from _estate(tmp_path, certificates, "token")


@pytest.fixture
def basic_only(tmp_path: Path, certificates: Certificates) -> Iterator[Estate]:
    yield from _estate(tmp_path, certificates, "basic")


@pytest.fixture
def open_to_all(tmp_path: Path, certificates: Certificates) -> Iterator[Estate]:
    yield from _estate(tmp_path, certificates, "none")


@pytest.fixture
def short_tokens(tmp_path: Path, certificates: Certificates) -> Iterator[Estate]:
    yield from _estate(tmp_path, certificates, "token", token_life=0)


def test_ping_without_authorization_names_the_token_service(harbor: Estate) -> None:
    reply = harbor.client()("GET", "/v2/")
    realm = f'Bearer realm="{harbor.registry.url}/service/token",service="harbor-registry"'
    assert (reply.status, reply.code(), reply.headers["WWW-Authenticate"]) == (401, "UNAUTHORIZED", realm)


def test_challenge_names_the_scope(harbor: Estate) -> None:
    reply = harbor.client()("POST", "/v2/tmc/one/blobs/uploads/")
    assert reply.headers["WWW-Authenticate"].endswith(',scope="repository:tmc/one:pull,push"')


def test_mount_challenge_names_both_scopes_or_basic(harbor: Estate) -> None:
    digest = digest_of(b"")
    token = harbor.token("repository:tmc/two:pull,push", user="developer")
    reply = harbor.client(token=token)("POST", f"/v2/tmc/two/blobs/uploads/?mount={digest}&from=private/one")
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, HARBOR_BASIC)


def test_basic_is_accepted_at_once_with_tokens_on(harbor: Estate) -> None:
    client = harbor.client("developer")
    assert client("GET", "/v2/").status == 200
    assert client.push_image("tmc/one", "v1", b"layer")


def test_token_opens_what_it_was_asked_for_and_no_more(harbor: Estate) -> None:
    client = harbor.client(token=harbor.token("repository:tmc/one:pull,push", user="developer"))
    assert client("GET", "/v2/").status == 200
    assert client.push_image("tmc/one", "v1", b"layer")

    elsewhere = client("POST", "/v2/tmc/two/blobs/uploads/")

    assert (elsewhere.status, elsewhere.headers["WWW-Authenticate"]) == (401, HARBOR_BASIC)


def test_token_grants_no_more_than_the_user_may(harbor: Estate) -> None:
    client = harbor.client(token=harbor.token("repository:private/one:pull,push", user="reader"))
    assert client("POST", "/v2/private/one/blobs/uploads/").status == 401


def test_expired_token_gets_a_basic_challenge(short_tokens: Estate) -> None:
    token = short_tokens.token("repository:tmc/one:pull,push", user="developer")
    reply = short_tokens.client(token=token)("POST", "/v2/tmc/one/blobs/uploads/")
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, HARBOR_BASIC)


@pytest.mark.parametrize("change", [lambda token: token[:-3], lambda _: "a.b.c", lambda _: "x"])
def test_forged_token_is_refused(harbor: Estate, change) -> None:  # type: ignore[no-untyped-def]
    token = change(harbor.token("repository:tmc/one:pull,push", user="developer"))
    assert harbor.client(token=token)("POST", "/v2/tmc/one/blobs/uploads/").status == 401


def test_token_service_refuses_a_wrong_password(harbor: Estate) -> None:
    client = harbor.client()
    client.headers["Authorization"] = basic("developer", "wrong")
    reply = client("GET", "/service/token?service=harbor-registry")
    assert (reply.status, reply.code()) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "authorization", [basic("developer", "wrong"), basic("nobody", ""), "Basic %%%", "Negotiate x"]
)
def test_wrong_credentials_get_a_basic_challenge(harbor: Estate, authorization: str) -> None:
    client = harbor.client()
    client.headers["Authorization"] = authorization
    reply = client("POST", "/v2/tmc/one/blobs/uploads/")
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, HARBOR_BASIC)


@pytest.mark.parametrize("user", ["", "developer", "admin"])
def test_missing_project_is_a_401_with_an_empty_challenge(harbor: Estate, user: str) -> None:
    reply = harbor.client(user)("POST", "/v2/missing/one/blobs/uploads/")
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, "")
    assert reply.json()["errors"][0]["message"] == "project missing not found"


def test_push_rights_follow_the_role(harbor: Estate) -> None:
    statuses = {
        user: harbor.client(user)("POST", "/v2/tmc/one/blobs/uploads/").status
        for user in ("admin", "developer", "reader", ROBOT)
    }
    assert statuses == {"admin": 202, "developer": 202, "reader": 401, ROBOT: 202}


def test_only_an_administrator_deletes_and_lists_everything(harbor: Estate) -> None:
    digest = harbor.client("developer").push_image("tmc/one", "v1", b"layer")
    path = f"/v2/tmc/one/manifests/{digest}"
    assert harbor.client("developer")("DELETE", path).status == 401
    assert harbor.client("developer")("GET", "/v2/_catalog").status == 401
    assert harbor.client("admin")("GET", "/v2/_catalog").status == 200
    assert harbor.client("admin")("DELETE", path).status == 202


def test_public_project_is_read_by_anybody_but_head_needs_authorization(harbor: Estate) -> None:
    harbor.client("developer").push_image("tmc/one", "v1", b"layer")
    anonymous = harbor.client()
    assert anonymous("GET", "/v2/tmc/one/manifests/v1").status == 200
    assert anonymous("HEAD", "/v2/tmc/one/manifests/v1").status == 401
    token = harbor.token("repository:tmc/one:pull")
    assert harbor.client(token=token)("HEAD", "/v2/tmc/one/manifests/v1").status == 200


def test_private_project_is_read_by_members_only(harbor: Estate) -> None:
    harbor.client("developer").push_image("private/one", "v1", b"layer")
    path = "/v2/private/one/manifests/v1"
    assert harbor.client()("GET", path).status == 401
    assert harbor.client("reader")("GET", path).status == 200
    assert harbor.client(token=harbor.token("repository:private/one:pull"))("GET", path).status == 401


def test_basic_mode(basic_only: Estate) -> None:
    anonymous = basic_only.client()("GET", "/v2/")
    assert (anonymous.status, anonymous.headers["WWW-Authenticate"]) == (401, HARBOR_BASIC)
    assert basic_only.client()("GET", "/service/token").status == 404
    assert basic_only.client("developer").push_image("tmc/one", "v1", b"layer")


def test_no_authorization_at_all(open_to_all: Estate) -> None:
    client = open_to_all.client()
    assert client("GET", "/v2/").status == 200
    client.push_image("tmc/one", "v1", b"layer")
    assert client("HEAD", "/v2/tmc/one/manifests/v1").status == 200
    assert client("GET", "/v2/_catalog").json() == {"repositories": ["tmc/one"]}
    assert client("POST", "/v2/missing/one/blobs/uploads/").status == 401


def test_passwords_are_not_shown(harbor: Estate) -> None:
    user = harbor.registry.users["developer"]
    harbor.client("developer")("GET", "/v2/")
    assert user.password not in repr(user)
    assert user.password not in repr(harbor.registry.requests)
