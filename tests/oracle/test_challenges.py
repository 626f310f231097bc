"""WWW-Authenticate as we read it, beside go-containerregistry, which imgpkg and kapp-controller read it with."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from installer_tasks.systems.registry import challenges
from tests.oracle.asking import Oracle

pytestmark = [pytest.mark.oracle, pytest.mark.program("go")]
often = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = st.sampled_from(["realm", "Realm", "service", "SERVICE", "scope", "error", "charset"])
TOKENS = st.sampled_from(["x", "registry", "UTF-8", "insufficient_scope", "a.b!c"])
QUOTED = st.sampled_from(
    [
        "https://r.example/token",
        "https://r.example/token?a=b,c",
        "a b",
        'say \\"yes\\"',
        "back\\\\slash",
        "Basic",
        "a=b",
        "é",
    ]
)


@st.composite
def headers(draw: st.DrawFn) -> str:
    """One challenge, as registries write it and as RFC 9110 lets them."""
    scheme = draw(st.sampled_from(["Bearer", "bearer", "BEARER", "Basic", "basic", "Negotiate"]))
    names = draw(st.lists(NAMES, max_size=4, unique_by=str.lower))
    values = [draw(TOKENS | QUOTED.map(lambda text: f'"{text}"')) for _name in names]
    comma = draw(st.sampled_from([",", ", ", " , "]))
    return f"{scheme} " + comma.join(f"{name}={value}" for name, value in zip(names, values, strict=True))


@given(sent=st.lists(headers(), min_size=1, max_size=3))
@often
def test_the_first_challenge_that_both_know_has_the_same_parameters(oracle: Oracle, sent: list[str]) -> None:
    found = oracle.ask("challenge", headers=sent)
    ours = [each for each in challenges.parse_challenges(sent) if each.scheme in ("basic", "bearer")]
    event("known" if ours else "unknown")
    if not ours:
        assert found.get("scheme") not in ("basic", "bearer")
        return
    assert "error" not in found
    assert (found["scheme"], found["parameters"] or {}) == (ours[0].scheme, dict(ours[0].parameters))
