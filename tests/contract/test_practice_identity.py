"""The practice identity provider, signed in to by a client library that is neither ours nor Authlib."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from idpyoidc.client.rp_handler import RPHandler

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.identity import Client, IdentityServer, practice_people
from installer_tasks.systems import http

SECRET = "practice-client-secret"
CALLBACK = "https://pinniped-supervisor.tmc.example/provider/pinniped/callback"
PASSWORDS = {"ada": "ada-password", "mo": "mo-password", "nia": "nia-password"}
SCOPES = ["openid", "profile", "email", "groups", "offline_access"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("identity")


@pytest.fixture(scope="module")
def ca(folder: Path) -> PracticeCA:
    return PracticeCA.load_or_create(folder / "ca")


@pytest.fixture(scope="module")
def server(ca: PracticeCA, folder: Path) -> Iterator[IdentityServer]:
    # By address: the library does not verify TLS for localhost.
    files = ca.issue_files(folder, "identity", ["localhost", "127.0.0.1"])
    clients = [Client("tmc", SECRET, [CALLBACK])]
    with IdentityServer(*files, clients=clients, users=practice_people(PASSWORDS), name="127.0.0.1") as running:
        yield running


@pytest.fixture
def relying_party(server: IdentityServer, ca: PracticeCA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RPHandler:
    monkeypatch.chdir(tmp_path)  # it keeps its keys below the working folder
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca.ca_file))
    oidc = "idpyoidc.client.oidc"
    config = {
        "client_type": "oidc",
        "issuer": server.issuer,
        "client_id": "tmc",
        "client_secret": SECRET,
        "redirect_uris": [CALLBACK],
        "response_types_supported": ["code"],
        "scopes_supported": SCOPES,
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "client_authn_methods": ["client_secret_basic", "bearer_header"],
        "services": {
            "discovery": {"class": f"{oidc}.provider_info_discovery.ProviderInfoDiscovery"},
            "authorization": {"class": f"{oidc}.authorization.Authorization"},
            "accesstoken": {"class": f"{oidc}.access_token.AccessToken"},
            "refresh_accesstoken": {"class": f"{oidc}.refresh_access_token.RefreshAccessToken"},
            "userinfo": {"class": f"{oidc}.userinfo.UserInfo"},
        },
        "add_ons": {
            "pkce": {
                "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
                "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
            }
        },
    }
    return RPHandler(base_url="https://pinniped-supervisor.tmc.example", client_configs={"practice": config})


class Form(HTMLParser):
    """The fields of a page's form, with the label of each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.labels: set[str | None] = set()
        self.method = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self.method = found.get("method") or ""
        if tag == "input":
            self.inputs[found["name"] or ""] = found
        if tag == "label":
            self.labels.add(found["for"])


def sign_in(url: str, ca: PracticeCA, name: str, password: str) -> http.Response:
    """As a browser does: the page, the form, and where it leads."""
    page = http.fetch(url, ca_pem=ca.ca_pem)
    assert page.status == 200
    form = Form(page.text())
    assert form.method == "post"
    assert set(form.inputs) == {"username", "password"}
    assert {field["id"] for field in form.inputs.values()} == form.labels  # every field has a label
    return http.fetch(url, ca_pem=ca.ca_pem, form={"username": name, "password": password})


def callback_of(response: http.Response) -> dict[str, str]:
    assert response.is_redirect
    assert response.headers["location"].startswith(f"{CALLBACK}?")
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


@pytest.mark.parametrize(("name", "groups"), [("ada", ["tmc:admin"]), ("mo", ["tmc:member"]), ("nia", [])])
def test_a_foreign_client_signs_in_with_code_and_pkce(
    relying_party: RPHandler, server: IdentityServer, ca: PracticeCA, name: str, groups: list[str]
) -> None:
    url = relying_party.begin("practice")
    assert "code_challenge_method=S256" in url
    back = callback_of(sign_in(url, ca, name, PASSWORDS[name]))
    outcome = relying_party.finalize(server.issuer, back)
    token, person = outcome["id_token"], outcome["userinfo"]
    assert token["iss"] == server.issuer
    assert token["groups"] == person["groups"] == groups
    assert person["email"] == f"{name}@practice.example"
    assert person["email_verified"] is True


def test_a_refresh_token_gives_new_tokens_and_is_used_up(
    relying_party: RPHandler, server: IdentityServer, ca: PracticeCA
) -> None:
    back = callback_of(sign_in(relying_party.begin("practice"), ca, "ada", PASSWORDS["ada"]))
    first = relying_party.finalize(server.issuer, back)
    renewed = relying_party.refresh_access_token(back["state"])
    assert renewed["access_token"] != first["token"]
    again = token(server, ca, {"grant_type": "refresh_token", "refresh_token": renewed["refresh_token"]})
    assert again.status == 200
    used = token(server, ca, {"grant_type": "refresh_token", "refresh_token": renewed["refresh_token"]})
    assert (used.status, http.json_object(used)["error"]) == (400, "invalid_grant")


def test_a_code_works_once_and_only_with_its_verifier(
    relying_party: RPHandler, server: IdentityServer, ca: PracticeCA
) -> None:
    back = callback_of(sign_in(relying_party.begin("practice"), ca, "ada", PASSWORDS["ada"]))
    code = {"grant_type": "authorization_code", "code": back["code"], "redirect_uri": CALLBACK}
    stolen = token(server, ca, {**code, "code_verifier": "x" * 64})
    assert http.json_object(stolen)["error"] == "invalid_grant"
    assert http.json_object(token(server, ca, code))["error"] == "invalid_grant"  # it was used up by the first try


def test_a_wrong_password_shows_the_form_again(server: IdentityServer, ca: PracticeCA) -> None:
    response = sign_in(authorize(server), ca, "ada", "wrong")
    assert response.status == 401
    assert 'role="alert"' in response.text()
    assert Form(response.text()).inputs["username"]["value"] == "ada"
    assert "wrong</" not in response.text()


def test_what_a_person_types_is_escaped(server: IdentityServer, ca: PracticeCA) -> None:
    response = sign_in(authorize(server), ca, '"><script>alert(1)</script>', "x")
    assert "<script>" not in response.text()


def test_an_unknown_callback_gets_an_error_page_and_no_redirect(server: IdentityServer, ca: PracticeCA) -> None:
    response = http.fetch(authorize(server, redirect_uri="https://evil.example/"), ca_pem=ca.ca_pem)
    assert response.status == 400
    assert "location" not in response.headers
    assert "Redirect URI" in response.text()


def test_asked_without_a_page_nobody_is_signed_in(server: IdentityServer, ca: PracticeCA) -> None:
    back = callback_of(http.fetch(authorize(server, prompt="none"), ca_pem=ca.ca_pem))
    assert (back["error"], back["state"]) == ("login_required", "state-1")


def test_the_password_grant_and_client_credentials(server: IdentityServer, ca: PracticeCA) -> None:
    person = {"grant_type": "password", "username": "mo", "password": PASSWORDS["mo"], "scope": "openid email"}
    assert "id_token" in http.json_object(token(server, ca, person))
    refused = token(server, ca, {**person, "password": "wrong"})
    assert (refused.status, http.json_object(refused)["error"]) == (400, "invalid_grant")
    program = http.json_object(token(server, ca, {"grant_type": "client_credentials"}))
    assert program["token_type"] == "Bearer"
    info = http.fetch(
        f"{server.issuer}/userinfo", ca_pem=ca.ca_pem, headers={"Authorization": f"Bearer {program['access_token']}"}
    )
    assert info.status == 401  # a program is no person


@pytest.mark.parametrize(("client", "secret"), [("tmc", "wrong"), ("nobody", SECRET)])
def test_an_unknown_client_is_refused(server: IdentityServer, ca: PracticeCA, client: str, secret: str) -> None:
    response = token(server, ca, {"grant_type": "client_credentials"}, client, secret)
    assert (response.status, http.json_object(response)["error"]) == (401, "invalid_client")


def test_a_callback_registered_later_is_known(server: IdentityServer, ca: PracticeCA) -> None:
    later = f"https://pinniped-supervisor.{id(server)}.example/provider/pinniped/callback"
    assert http.fetch(authorize(server, redirect_uri=later), ca_pem=ca.ca_pem).status == 400
    server.register_redirect("tmc", later)
    assert http.fetch(authorize(server, redirect_uri=later), ca_pem=ca.ca_pem).status == 200


def test_started_again_it_has_the_same_address(ca: PracticeCA, folder: Path) -> None:
    files = ca.issue_files(folder, "again", ["localhost"])
    server = IdentityServer(*files, clients=[], users=practice_people(PASSWORDS))
    with server:
        issuer = server.issuer
    with server:
        document = http.fetch(f"{issuer}/.well-known/openid-configuration", ca_pem=ca.ca_pem)
        assert http.json_object(document)["issuer"] == issuer


def authorize(server: IdentityServer, **changes: str) -> str:
    asked = {"response_type": "code", "client_id": "tmc", "redirect_uri": CALLBACK, "scope": "openid",
             "state": "state-1", "nonce": "nonce-1", **changes}  # fmt: skip
    return f"{server.authorization_endpoint}?{urlencode(asked)}"


def token(
    server: IdentityServer, ca: PracticeCA, form: dict[str, Any], client: str = "tmc", secret: str = SECRET
) -> http.Response:
    basic = base64.b64encode(f"{client}:{secret}".encode()).decode()
    return http.fetch(
        f"{server.issuer}/token", ca_pem=ca.ca_pem, form=form, headers={"Authorization": f"Basic {basic}"}
    )
