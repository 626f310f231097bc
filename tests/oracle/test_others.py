"""References of images, challenges of registries and discovery documents: read as imgpkg and Pinniped read them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from installer_tasks.errors import InputError
from installer_tasks.systems.registry import Reference
from tests.oracle.asking import Oracle

pytestmark = [pytest.mark.oracle, pytest.mark.program("go")]
often = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
HOSTS = [
    "harbor",
    "harbor.example.com",
    "Harbor.Example.com",
    "localhost",
    "127.0.0.1",
    "[::1]",
    "[fd00::1]",
    "a_b.example",
    "-a.example",
    "",
]
PORTS = ["", "", ":443", ":5000", ":0", ":65535", ":65536", ":99999", ":", ":x", ":05000"]
PARTS = [
    "tmc",
    "TMC",
    "a",
    "a_b",
    "a__b",
    "a___b",
    "a.b",
    "a..b",
    "a-b",
    "a--b",
    "_a",
    "a_",
    "-a",
    "a-",
    ".",
    "1",
    "a@b",
    "a" * 130,
    "x" * 250,
    "é",
    "",
]
PROJECTS = st.tuples(
    st.sampled_from(HOSTS), st.sampled_from(PORTS), st.lists(st.sampled_from(PARTS), min_size=1, max_size=3)
).map(lambda drawn: f"{drawn[0]}{drawn[1]}/{'/'.join(drawn[2])}")


def ours(text: str) -> tuple[str, str] | None:
    try:
        found = Reference.parse(text)
    except InputError:
        return None
    return found.host, found.path


@given(text=PROJECTS)
@often
def test_a_project_that_we_accept_is_one_for_imgpkg_too(oracle: Oracle, text: str) -> None:
    mine = ours(text)
    event("accepted" if mine else "refused")
    if mine is None:
        return  # where go-containerregistry is laxer than the registries themselves: docs/consumers.md
    found = oracle.ask("repository", text=f"{text}/package-repository".encode())
    assert "error" not in found, (text, found)
    assert (found["registry"].lower(), found["repository"]) == (mine[0], f"{mine[1]}/package-repository")


def test_a_host_alone_is_a_project_elsewhere(oracle: Oracle) -> None:
    assert "error" in oracle.ask("repository", text=b"harbor/tmc/package-repository")
    with pytest.raises(InputError, match="Docker Hub"):
        Reference.parse("harbor/tmc")
    assert Reference.parse("harbor:443/tmc").host == "harbor:443"


def read(oracle: Oracle, *headers: str) -> dict[str, str]:
    found = oracle.ask("challenge", headers=list(headers))
    return {"scheme": found["scheme"], **(found["parameters"] or {})} if "error" not in found else {}


REALM = "https://r.example/token"
CHALLENGES: dict[str, tuple[tuple[str, ...], str]] = {
    "quoted": ((f'Bearer realm="{REALM}",service="x"',), "bearer"),
    "blanks, other order": ((f'Bearer service="x" , realm="{REALM}"',), "bearer"),
    "small letters": ((f'bearer Realm="{REALM}",SERVICE="x"',), "bearer"),
    "two headers": ((f'Bearer realm="{REALM}",service="x"', 'Basic realm="Gitea"'), "bearer"),
    "two headers, the other way round": (
        ('Basic realm="Gitea"', f'Bearer realm="{REALM}",service="x"'),
        "basic",
    ),  # the first counts; ours prefers Bearer
    "basic": (('Basic realm="Harbor"',), "basic"),
}


@pytest.mark.parametrize(("headers", "scheme"), CHALLENGES.values(), ids=CHALLENGES)
def test_what_go_containerregistry_reads_of_a_challenge(oracle: Oracle, headers: tuple[str, ...], scheme: str) -> None:
    """What our own reading is measured by."""
    found = read(oracle, *headers)
    assert found["scheme"] == scheme
    if scheme == "bearer":
        assert (found["realm"], found["service"]) == (REALM, "x")


def test_it_cuts_a_realm_without_quotes(oracle: Oracle) -> None:
    """Ours reads it whole: the registries that write so mean the address."""
    assert read(oracle, f"Bearer realm={REALM}, service=x") == {"scheme": "bearer", "realm": "https"}
