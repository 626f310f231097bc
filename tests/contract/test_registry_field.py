"""Registries of the field: who is refused and who may only not push are told apart, by what went before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from installer_tasks.errors import InstallerError
from installer_tasks.systems.registry import RegistryClient, errors
from tests.contract.field_registries import PASSWORD, REGISTRIES, USERNAME, FieldRegistry, html, said
from tests.contract.meddler import Meddler


@contextmanager
def serving(registry: FieldRegistry, username: str = USERNAME, password: str = PASSWORD) -> Iterator[RegistryClient]:
    with Meddler("localhost:1", registry.answer) as meddler:
        registry.host = meddler.host
        client = RegistryClient(meddler.host, username, password, plain_http=True)
        try:
            yield client
        finally:
            client.close()


def words(error: InstallerError) -> str:
    return f"{error.cause} {error.remedy}"


def refusal(registry: FieldRegistry, password: str = PASSWORD) -> InstallerError:
    """What a push meets that begins without a question, as after a restart."""
    with serving(registry, password=password) as client, pytest.raises(InstallerError) as caught:
        client.open_upload("acme/tmc/x")
    assert password not in str(caught.value.as_json())
    return caught.value


@pytest.mark.parametrize("product", REGISTRIES)
def test_a_known_user_who_may_not_push_is_told_so(product: str) -> None:
    with serving(REGISTRIES[product]()) as client:
        client.ping()
        with pytest.raises(errors.Denied) as caught:
            client.open_upload("acme/tmc/x")
    assert "may not do that" in words(caught.value)
    assert "expired" not in words(caught.value)


@pytest.mark.parametrize("product", REGISTRIES)
def test_a_wrong_password_is_told_as_one(product: str) -> None:
    with serving(REGISTRIES[product](), password="wr0ng") as client, pytest.raises(errors.Unauthorized) as caught:
        client.ping()
    assert "right to push" not in words(caught.value)
    assert isinstance(refusal(REGISTRIES[product](), "wr0ng"), errors.Unauthorized)


def test_quay_names_the_right_to_create_repositories() -> None:
    assert "create" in words(refusal(REGISTRIES["quay"]()))


def test_gitlabs_refusal_of_a_right_is_no_wrong_password_without_a_question_before() -> None:
    assert isinstance(refusal(REGISTRIES["gitlab"]()), errors.Denied)


def test_gitlab_names_the_scope_of_its_tokens() -> None:
    with serving(REGISTRIES["gitlab"](), password="wr0ng") as client, pytest.raises(errors.Unauthorized) as caught:
        client.ping()
    assert "write_registry" in words(caught.value)


def test_who_cannot_be_told_apart_is_told_both() -> None:
    """A Basic registry that lets anybody read may not have looked at the password."""
    assert "password" in words(refusal(REGISTRIES["nexus"]()))


@pytest.mark.parametrize(
    ("challenge", "named"),
    [("Negotiate", "negotiate"), ('Digest realm="x", nonce="y"', "digest"), ("NTLM, Negotiate", "ntlm, negotiate")],
)
def test_a_way_to_sign_in_that_nobody_here_knows_is_named(challenge: str, named: str) -> None:
    with serving(FieldRegistry(challenge=challenge)) as client, pytest.raises(InstallerError) as caught:
        client.ping()
    assert named in words(caught.value)
    assert "expired" not in words(caught.value)


def test_a_token_that_its_own_registry_rejects_is_no_wrong_password() -> None:
    refused = said(401, "UNAUTHORIZED", "authentication required")
    registry = FieldRegistry(push=refused, challenge='Bearer realm="{base}/v2/auth",service="x",error="invalid_token"')
    error = refusal(registry)
    assert isinstance(error, errors.TokenRejected)
    assert "clock" in words(error)


@pytest.mark.parametrize(
    ("reply", "kind", "word"),
    [
        (said(405, "DENIED", "can not push artifact to a proxy project: hub"), errors.PullOnly, "ordinary project"),
        (said(403, "DENIED", "can not push artifact to a proxy project: hub"), errors.PullOnly, "ordinary project"),
        (said(401, "UNKNOWN", "Deploying to groups is a PRO-licensed feature. See"), errors.PullOnly, "hosted"),
        (html(403, "Deploying to groups is a PRO-licensed feature."), errors.PullOnly, "hosted"),
        (said(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again."),
         errors.Unauthorized, "expired"),
        (said(401, "UNAUTHORIZED", "access token has insufficient scopes"), errors.Denied, "no permission for this request"),
    ],
)  # fmt: skip
def test_what_the_words_tell_decides(reply: object, kind: type[InstallerError], word: str) -> None:
    registry = REGISTRIES["artifactory"]()
    registry.push = reply  # type: ignore[assignment]
    error = refusal(registry)
    assert isinstance(error, kind)
    assert word in words(error)


def test_a_token_that_expired_is_told_at_the_first_question() -> None:
    registry = FieldRegistry(
        challenge='Basic realm="ecr"',
        refusal=said(403, "DENIED", "Your authorization token has expired. Reauthenticate and try again."),
    )
    with serving(registry, password="old") as client, pytest.raises(errors.Unauthorized) as caught:
        client.ping()
    assert "has expired" in words(caught.value)


def test_two_headers_with_a_challenge_each() -> None:
    """As Gitea and Forgejo send them: the realm of the second is no address."""
    from installer_tasks.systems.registry.answers import Answer
    from installer_tasks.systems.registry.auth import Authorizer
    from installer_tasks.systems.registry.wire import Headers

    asked: list[str] = []

    def fetch(url: str, headers: dict[str, str]) -> Answer:
        asked.append(url)
        return Answer("GET", url, 200, Headers(), b'{"token": "t"}')

    pairs = [
        ("WWW-Authenticate", 'Bearer realm="https://git.example/v2/token",service="container_registry",scope="*"'),
        ("WWW-Authenticate", 'Basic realm="Gitea Container Registry"'),
    ]
    for headers in (Headers(pairs), Headers(pairs[::-1])):
        auth = Authorizer("https://git.example", USERNAME, PASSWORD, fetch)
        assert auth.learn(Answer("GET", "https://git.example/v2/", 401, headers, b""), auth.header(()), ())
        assert auth.header(()) == "Bearer t"
    assert {url.partition("?")[0] for url in asked} == {"https://git.example/v2/token"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"token": "t", "expires_in": ' + b"9" * 400 + b"}",
        b'{"token": "t", "expires_in": -5}',
        b'{"token": "t", "expires_in": NaN}',
        b"[" * 100_000,
    ],
)
def test_an_odd_token_answer_is_an_error_with_words_or_a_token(body: bytes) -> None:
    from installer_tasks.systems.registry.answers import Answer
    from installer_tasks.systems.registry.auth import Authorizer
    from installer_tasks.systems.registry.wire import Headers

    auth = Authorizer(
        "https://r.example", USERNAME, PASSWORD, lambda url, headers: Answer("GET", url, 200, Headers(), body)
    )
    challenge = Headers({"WWW-Authenticate": "Bearer realm=https://r.example/token"})
    try:
        auth.learn(Answer("GET", "https://r.example/v2/", 401, challenge, b""), "", ())
    except errors.UnexpectedAnswer as error:
        assert "returned no token" in str(error.cause)
    else:
        assert auth.header(()).startswith("Bearer ")
