"""Would this person enter? Tokens of every provider's shape, right and nearly right."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer_tasks.systems.identity import Judgement, Told, Tone, Wanted, judge, near_misses
from wizard.texts import render

WANTED = Wanted("groups", "tmc:admin", "tmc:member")
PERSON = {"sub": "1", "email": "ada@example.com", "email_verified": True, "given_name": "Ada", "family_name": "L"}
GUID = "3b1f8a4e-5a9c-4a53-8d2e-0f6f3a1d2c4b"


def judged(claims: dict[str, Any], wanted: Wanted = WANTED, **told: Any) -> Judgement:
    return judge(Told(**{"claims": PERSON | claims, "userinfo": {}, "refreshable": True} | told), wanted)


def said(judgement: Judgement) -> str:
    return " | ".join(f"{item.claim}: {item.message} {item.remedy or ''}" for item in judgement.remarks)


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["tmc:admin"], "admin"),
        (["Everyone", "tmc:member"], "member"),  # Okta
        (["tmc:member", "tmc:admin"], "admin"),
        ("tmc:member", "member"),
    ],
)
def test_who_enters(groups: object, role: str) -> None:
    found = judged({"groups": groups})
    assert (found.role, found.enters) == (role, True)
    assert {remark.tone for remark in found.remarks} == {Tone.GOOD}


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (["TMC:Admin"], "differs from tmc:admin only in case"),
        (["tmc:admin "], "a space before or after"),
        (["/tmc:admin"], "path"),  # Keycloak, full path on
        (["/company/it/tmc:member"], "path"),
        (["CORP\\tmc:admin"], "domain prefix"),  # AD FS, qualified names
        (["tmc:admin@corp.example.com"], "domain suffix"),
        (["CN=tmc:admin,OU=Groups,DC=corp,DC=lab"], "distinguished name"),
        (["tmc:admin,tmc:member"], "several names"),
        ("Everyone tmc:admin", "several names"),
        ("['tmc:admin', 'x']", "several names"),
        (["oidc:tmc:admin"], "with a prefix"),
        (["tmc:admins"], "with a suffix"),
        (["tmc-admin"], "different separators"),
        (["TMC Member"], "different separators"),
        ([GUID, GUID[::-1]], "neither in tmc:admin"),
        ([GUID], "group IDs, not names"),  # Entra ID
        (["S-1-5-21-1004336348-1177238915-682003330-512"], "group IDs, not names"),  # AD FS
        ([], "neither in tmc:admin nor in tmc:member"),
        (["Domain Users"], "neither in"),
        (None, "neither a name nor a list"),
        ({"tmc:admin": True}, "neither a name nor a list"),
        ([{"name": "tmc:admin"}], "neither a name nor a list"),
        (["tmc:admin", 7], "neither a name nor a list"),
        (7, "neither a name nor a list"),
    ],
)
def test_who_does_not_and_why(groups: object, words: str) -> None:
    found = judged({"groups": groups})
    assert (found.role, found.enters) == ("", False)
    first = found.remarks[0]
    assert (first.tone, first.claim) == (Tone.BAD, "groups")
    assert words in str(first.message)
    assert first.remedy


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({}, "does not contain this claim"),
        ({"roles": ["tmc:admin"]}, "another claim: roles. Enter that claim"),
        ({"cognito:groups": ["tmc:admin"]}, "another claim: cognito:groups"),
        ({"http://schemas.xmlsoap.org/claims/Group": ["TMC:ADMIN"]}, "another claim: http://schemas.xmlsoap.org"),
        ({"realm_access": {"roles": ["tmc:admin"]}}, "another claim: realm_access.roles. Map the groups"),
        ({"groups": ["x"], "resource_access": {"tmc": {"roles": ["tmc:member"]}}}, "resource_access.tmc.roles"),
        ({"hasgroups": True}, "too many groups: Entra ID"),
        ({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {}}}, "too many groups: Entra ID"),
    ],
)
def test_groups_that_are_not_in_their_claim(claims: dict[str, Any], words: str) -> None:
    found = judged(claims)
    assert not found.enters
    assert words in said(found)


def test_a_member_hears_what_keeps_them_from_being_an_administrator_and_an_administrator_nothing() -> None:
    member = judged({"groups": ["tmc:member", "TMC:admin"]})
    assert (member.role, member.enters) == ("member", True)
    assert [item.found for item in member.remarks if item.tone == Tone.WARN] == ["TMC:admin"]
    assert {item.tone for item in judged({"groups": ["tmc:admin", "TMC:member"]}).remarks} == {Tone.GOOD}


def test_groups_and_a_claim_of_ones_own_name() -> None:
    wanted = Wanted("roles", "Ops Team", GUID)
    assert judged({"roles": [GUID]}, wanted).role == "member"
    assert judged({"roles": ["Ops Team"]}, wanted).role == "admin"
    assert "another claim: groups" in said(judged({"groups": ["Ops Team"]}, wanted))


@pytest.mark.parametrize(
    ("changes", "claim", "words"),
    [
        ({"email": None}, "email", "email address is missing"),
        ({"email": ""}, "email", "email address is missing"),
        ({"email": ["ada@example.com"]}, "email", "email address is missing"),
        ({"email_verified": False}, "email_verified", "not verified"),
        ({"email_verified": "true"}, "email_verified", "neither true nor false"),
        ({"email_verified": 1}, "email_verified", "neither true nor false"),
        ({"email_verified": None}, "email_verified", "neither true nor false"),
    ],
)
def test_an_address_that_keeps_a_person_out(changes: dict[str, Any], claim: str, words: str) -> None:
    found = judged({"groups": ["tmc:admin"]} | changes)
    assert (found.role, found.enters) == ("admin", False)
    assert [item.claim for item in found.remarks if item.tone == Tone.BAD] == [claim]
    assert words in said(found)


def test_a_provider_that_does_not_speak_of_verification_is_believed() -> None:
    claims = {name: value for name, value in PERSON.items() if name != "email_verified"} | {"groups": ["tmc:admin"]}
    assert judge(Told(claims, {}, True), WANTED).enters


def test_what_only_warns() -> None:
    nameless = {"sub": "1", "email": "ada@example.com", "groups": ["tmc:admin"]}
    found = judge(Told(nameless, {}, True), WANTED)
    assert found.enters
    assert "first or last name is missing" in said(found)
    assert judge(Told(nameless | {"name": "Ada L"}, {}, True), WANTED).remarks[-2].tone == Tone.GOOD
    many = judged({"groups": ["tmc:admin", *(f"group-{number}" for number in range(400))]})
    assert many.enters
    assert "401 groups" in said(many)
    assert len(many.as_json()["groups"]) == 200
    assert many.as_json()["more_groups"] == 201


def test_userinfo_adds_what_the_token_lacks_and_changes_nothing_else() -> None:
    found = judged({}, userinfo={"groups": ["tmc:admin"], "email": "other@example.com"})
    assert (found.role, found.enters) == ("admin", True)
    assert "only in the userinfo response" in said(found)
    assert "other@example.com" not in json.dumps(found.as_json())


def test_no_refresh_token_nobody_enters() -> None:
    found = judged({"groups": ["tmc:admin"]}, refreshable=False)
    assert (found.role, found.enters) == ("admin", False)
    assert "refresh" in said(found)


def test_each_near_miss_names_the_group_that_was_meant() -> None:
    groups = ["TMC:Admin", "/tmc:member", "tmc:admin", "others"]
    assert [(miss.group, miss.meant) for miss in near_misses(groups, WANTED)] == [
        ("TMC:Admin", "tmc:admin"),
        ("/tmc:member", "tmc:member"),
    ]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["tmc:admin", "tmc:member"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    claims=st.dictionaries(st.sampled_from(["groups", "email", "email_verified", "name", "sub", "roles"]), _JSON),
    userinfo=st.dictionaries(st.sampled_from(["groups", "email", "roles"]), _JSON),
)
def test_whatever_a_token_holds_it_is_judged_and_kept_as_json(claims: Any, userinfo: Any) -> None:
    found = judge(Told(claims, userinfo, True), WANTED)
    kept = json.loads(json.dumps(found.as_json()))
    assert all(render(remark["message"]) for remark in kept["remarks"])
    assert len(kept["remarks"]) <= 12
    if found.enters:
        listed = {**userinfo, **claims}["groups"]
        assert {"tmc:admin", "tmc:member"} & {*([listed] if isinstance(listed, str) else listed)}
