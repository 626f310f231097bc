"""Authorization during a push: Basic at once, tokens by scope, tokens that die, Harbor's way of refusing them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.errors import InstallerError
from installer_tasks.systems.bundle import Archive, read_imgpkg_tar
from installer_tasks.systems.registry import PushOptions, Reference, RegistryClient, errors, push
from installer_tasks.systems.registry.answers import Answer
from installer_tasks.systems.registry.auth import Authorizer
from tests.contract.docker_registry import RunningRegistry, docker_registry
from tests.contract.meddler import Asked, Meddler, Meddling
from tests.contract.token_rules import PASSWORD, USERNAME, TokenAuth
from tests.unit.imgpkg_tar import MadeImage, layer, write_imgpkg_tar

ONE_AT_A_TIME = PushOptions(control_threads=1, body_threads=1)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[RunningRegistry]:
    with docker_registry(tmp_path / "backend") as registry:
        yield registry


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Archive, ...]:
    folder = tmp_path_factory.mktemp("archives")
    shared = layer("shared", 20_000)
    made = []
    for name in ("first", "second"):
        image = MadeImage(f"example.test/{name}", [shared, layer(name, 4000)], tag="1")
        made.append(read_imgpkg_tar(write_imgpkg_tar(folder / f"{name}.tar", [image])).placed_at(name))
    return tuple(made)


def run(
    meddler: Meddler, archives: tuple[Archive, ...], options: PushOptions | None = None, password: str = PASSWORD
) -> None:
    client = RegistryClient(meddler.host, USERNAME, password, plain_http=True)
    try:
        push(archives, Reference(meddler.host, "tmc"), client, options=options)
    finally:
        client.close()


class _Started:
    """A meddler with token authentication in front of a registry."""

    def __init__(self, backend: RunningRegistry, auth: TokenAuth) -> None:
        self.meddler = Meddler(backend.host, auth.answer)
        auth.realm = f"http://{self.meddler.host}/token"

    def __enter__(self) -> Meddler:
        return self.meddler.__enter__()

    def __exit__(self, *error: object) -> None:
        self.meddler.__exit__(None, None, None)


@pytest.mark.docker_registry
@pytest.mark.program("docker-registry")
def test_scopes_are_joined_and_tokens_kept(backend: RunningRegistry, archives: tuple[Archive, ...]) -> None:
    auth = TokenAuth()
    with _Started(backend, auth) as meddler:
        run(meddler, archives)
    mounting = ("repository:tmc/second:pull,push", "repository:tmc/first:pull")
    mounted_back = ("repository:tmc/first:pull,push", "repository:tmc/second:pull")
    assert mounting in auth.given or mounted_back in auth.given
    # one for nobody in particular, one for each repository, one for the mount: not one for each request
    assert len(auth.given) <= 5
    assert auth.refused <= 2, "known scopes are asked for before a request is refused"


@pytest.mark.docker_registry
@pytest.mark.program("docker-registry")
def test_tokens_that_die_in_mid_push_are_replaced(backend: RunningRegistry, archives: tuple[Archive, ...]) -> None:
    auth = TokenAuth(life=0.15)

    def slowly(asked: Asked) -> Meddling:
        time.sleep(0.03)  # a slow registry is what is tested, not something that is waited for
        return None

    with _Started(backend, auth) as meddler:
        meddler.rules.insert(0, slowly)
        run(meddler, archives, ONE_AT_A_TIME)
    assert len(auth.given) > 5


@pytest.mark.docker_registry
@pytest.mark.program("docker-registry")
def test_tokens_that_die_unannounced_are_replaced(backend: RunningRegistry, archives: tuple[Archive, ...]) -> None:
    """The service says 60 s, the registry forgets them: after the 401 the same request goes again."""
    auth = TokenAuth()
    forgotten = iter(range(10_000))

    def forget(asked: Asked) -> Meddling:
        if next(forgotten) % 7 == 6:
            auth._tokens.clear()
        return None

    with _Started(backend, auth) as meddler:
        meddler.rules.insert(0, forget)
        run(meddler, archives, ONE_AT_A_TIME)
    assert auth.refused > 1


@pytest.mark.docker_registry
@pytest.mark.program("docker-registry")
def test_harbor_answers_a_dead_token_with_basic(backend: RunningRegistry, archives: tuple[Archive, ...]) -> None:
    auth = TokenAuth(harbor=True)
    with _Started(backend, auth) as meddler:
        run(meddler, archives)
    assert auth.given == [], "Basic is sent at once, so that no token can expire"


@pytest.mark.docker_registry
@pytest.mark.program("docker-registry")
def test_a_right_that_is_not_given(backend: RunningRegistry, archives: tuple[Archive, ...]) -> None:
    auth = TokenAuth(deny=("repository:tmc/second:pull,push",))
    with _Started(backend, auth) as meddler, pytest.raises(errors.Denied) as caught:
        run(meddler, archives)
    assert "tmc/second" in caught.value.value


@pytest.mark.docker_registry
@pytest.mark.program("docker-registry")
def test_a_wrong_password_at_the_token_service(backend: RunningRegistry, archives: tuple[Archive, ...]) -> None:
    with _Started(backend, TokenAuth()) as meddler, pytest.raises(errors.Unauthorized) as caught:
        run(meddler, archives, password="wr0ng")
    said = str(caught.value.as_json())
    assert "/token" in said
    assert "wr0ng" not in said


def never(url: str, headers: dict[str, str]) -> Answer:
    raise AssertionError(f"credentials would have gone to {url}")


@pytest.mark.parametrize(
    "realm",
    ["http://harbor.example.com/token", "https://169.254.169.254/token", "https://10.0.0.1/token", "ftp://x/token"],
)
def test_credentials_do_not_go_to_unsafe_places(realm: str) -> None:
    from installer_tasks.systems.registry.wire import Headers

    auth = Authorizer("https://harbor.example.com", "admin", "hunter2", never)
    headers = Headers({"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'})
    with pytest.raises(InstallerError) as caught:
        auth.learn(Answer("GET", "https://harbor.example.com/v2/", 401, headers, b""), "", ())
    assert isinstance(caught.value, errors.ForeignLocation)
    assert "hunter2" not in str(caught.value.as_json())
