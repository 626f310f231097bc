"""WWW-Authenticate as it is written: RFC 9110's forms, and those that registries really send."""

from __future__ import annotations

import pytest

from installer_tasks.systems.registry.challenges import Challenge, parse_challenges
from tests.growth import grows_linearly


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["Bearer realm=https://r/token, service=x"], [("bearer", {"realm": "https://r/token", "service": "x"})]),
        (['BEARER Realm = "https://a" , SERVICE= x'], [("bearer", {"realm": "https://a", "service": "x"})]),
        (['Basic realm="x", Bearer realm="https://a/b"'], [("basic", {"realm": "x"}), ("bearer", {"realm": "https://a/b"})]),
        (['Bearer realm="https://g/t"', 'Basic realm="Gitea"'], [("bearer", {"realm": "https://g/t"}), ("basic", {"realm": "Gitea"})]),
        (['Basic realm="a\\"b, Bearer realm=\\"https://evil\\""'], [("basic", {"realm": 'a"b, Bearer realm="https://evil"'})]),
        (['Negotiate YWJj==, Basic realm="x"'], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (["Negotiate YWJj=, Bearer realm=https://x/y?a=b&c=d"], [("negotiate", {}), ("bearer", {"realm": "https://x/y?a=b&c=d"})]),
        (["Negotiate, NTLM, Basic realm=a"], [("negotiate", {}), ("ntlm", {}), ("basic", {"realm": "a"})]),
        (['Digest realm="a", qop="auth,auth-int"'], [("digest", {"realm": "a", "qop": "auth,auth-int"})]),
        (['Bearer realm="https://a/b" service="s"'], [("bearer", {"realm": "https://a/b", "service": "s"})]),
        (['Bearer realm="unfinished', "Basic"], [("bearer", {"realm": "unfinished"}), ("basic", {})]),
        ([",,, Basic"], [("basic", {})]),
        (["Bearer"], [("bearer", {})]),
        (["", "   ", "=", '"', "a=b"], []),
    ],
)  # fmt: skip
def test_what_is_in_a_header(headers: list[str], expected: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges(headers) == tuple(Challenge(scheme, values) for scheme, values in expected)


@pytest.mark.parametrize(
    "unit", ['Bearer realm="', "Bearer ", "bearer bearer ", "a,", "=", '"\\', " ", 'x="y",', "x=y "]
)
def test_a_long_header_takes_no_more_than_its_length(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer_tasks.systems.registry.challenges.LONGEST", 1 << 30)
    assert grows_linearly(lambda size: parse_challenges([unit * (size // len(unit))]))
