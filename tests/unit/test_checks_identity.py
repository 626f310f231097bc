"""Judging identity providers of every kind from what was observed of them; no server, no clock."""

from __future__ import annotations

from typing import Any

import pytest

from installer_tasks import answer_keys
from installer_tasks.errors import Unreachable
from installer_tasks.preflight import checks
from installer_tasks.preflight.checks.base import Facts, Level, Verdict, judge
from installer_tasks.systems.identity.scopes import scopes_asked
from installer_tasks.text import Text

DISCOVERY = {
    "issuer": "https://idp.example",
    "authorization_endpoint": "https://idp.example/authorize",
    "token_endpoint": "https://idp.example/token",
    "jwks_uri": "https://idp.example/keys",
    "userinfo_endpoint": "",
    "sent_on_to": "",
    "response_types": ["code"],
    "grant_types": ["authorization_code", "refresh_token"],
    "auth_methods": ["client_secret_basic"],
    "scopes": [],
    "claims": [],
    "signing_algorithms": [],
    "challenge_methods": [],
    "listed": [],
    "ahead": 0,
}
ERROR = Unreachable(Text("idp.example:443 refused the connection."), value="idp.example:443").as_json()


def host(days: int = 300, error: Any = None) -> dict[str, Any]:
    return {"address": f"https://idp{days}.example", "endpoints": ["jwks_uri"], "error": error, "expires": "2030-01-01",
            "days": days}  # fmt: skip


def judged(name: str, answers: dict[str, str] | None = None, **facts: Any) -> Verdict:
    observed = {fact: {"ok": True, "value": value} for fact, value in facts.items()}
    given = Facts({"identity": observed}, answer_keys.with_defaults(answers or {}))
    return judge(checks.BY_NAME[f"identity.{name}"], given, frozenset())


def of_document(name: str, **changes: Any) -> Verdict:
    return judged(name, discovery=DISCOVERY | changes)


@pytest.mark.parametrize(
    ("name", "changes", "level"),
    [
        ("grant-types", {}, Level.PASS),  # Entra ID lists none
        ("grant-types", {"listed": ["grant_types_supported"], "grant_types": ["implicit"]}, Level.FAIL),
        ("grant-types", {"listed": ["grant_types_supported"], "grant_types": ["authorization_code"]}, Level.FAIL),
        ("grant-types", {"listed": ["grant_types_supported"]}, Level.PASS),
        ("client-authentication", {"auth_methods": ["private_key_jwt", "client_secret_post"]}, Level.PASS),
        ("client-authentication", {"auth_methods": ["none"]}, Level.FAIL),
        ("signing-algorithm", {}, Level.PASS),
        ("signing-algorithm", {"signing_algorithms": ["HS256", "ES256"]}, Level.PASS),
        ("signing-algorithm", {"signing_algorithms": ["none"]}, Level.FAIL),
        ("signing-algorithm", {"signing_algorithms": ["none", "HS256", "HS512"]}, Level.FAIL),
        ("pkce", {}, Level.PASS),
        ("pkce", {"challenge_methods": ["plain", "S256"]}, Level.PASS),
        ("pkce", {"challenge_methods": ["plain"]}, Level.WARN),
        ("claims", {"claims": ["sub", "email"]}, Level.PASS),
        ("claims", {"claims": ["sub", "email"], "scopes": ["openid", "groups"]}, Level.PASS),
        ("claims", {"claims": ["sub", "email"], "scopes": ["openid", "email"]}, Level.WARN),
        ("claims", {"claims": ["sub", "groups"], "scopes": ["openid"]}, Level.WARN),
        ("clock", {"ahead": -60}, Level.PASS),
        ("clock", {"ahead": 61}, Level.WARN),
        ("clock", {"ahead": -3600}, Level.WARN),
        ("clock", {"ahead": None}, Level.PASS),
    ],
)
def test_what_a_provider_lists(name: str, changes: dict[str, Any], level: Level) -> None:
    assert of_document(name, **changes).level == level


def test_the_claim_of_ones_own_name_is_looked_for() -> None:
    listed = DISCOVERY | {"claims": ["email", "roles"], "scopes": ["openid"]}
    assert judged("claims", {"identity.groups_claim": "roles"}, discovery=listed).level == Level.PASS
    assert judged("claims", discovery=listed).value == "groups"


def test_the_first_certificate_to_end_counts() -> None:
    assert judged("certificate", hosts=[host(300), host(30)]).level == Level.PASS
    ending = judged("certificate", hosts=[host(300), host(29), host(5, error=ERROR)])
    assert ending.level == Level.WARN
    assert "https://idp29.example" in str(ending.message)


def test_an_endpoint_that_cannot_be_used_says_why() -> None:
    assert judged("endpoints", hosts=[host()]).level == Level.PASS
    bad = judged("endpoints", hosts=[host(), host(0, error=ERROR)])
    assert (bad.level, bad.value) == (Level.FAIL, "https://idp0.example")
    assert "refused" in str(bad.cause)


@pytest.mark.parametrize(
    ("status", "error", "level"),
    [
        (302, "login_required", Level.PASS),
        (303, "consent_required", Level.PASS),
        (200, "", Level.PASS),
        (302, "", Level.PASS),
        (302, "invalid_scope", Level.FAIL),
        (302, "unauthorized_client", Level.FAIL),
        (302, "server_error", Level.FAIL),
        (400, "", Level.FAIL),
    ],
)
def test_how_the_sign_in_request_is_answered(status: int, error: str, level: Level) -> None:
    request = {"scopes": ["openid", "email"], "status": status, "error": error, "description": ""}
    assert judged("request-accepted", request=request).level == level


@pytest.mark.parametrize(
    ("admin", "member", "level"),
    [("tmc:admin", "tmc:member", Level.PASS), ("staff", "staff", Level.WARN), ("Staff", "staff", Level.WARN)],
)
def test_two_groups(admin: str, member: str, level: Level) -> None:
    assert judged("group-names", groups={"admin": admin, "member": member}).level == level


def test_the_scopes_of_a_sign_in() -> None:
    assert scopes_asked("") == scopes_asked(" , ") == ("openid", "offline_access", "email", "profile")
    assert scopes_asked("groups,openid email") == ("openid", "groups", "email")
