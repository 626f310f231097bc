"""The directory's collector and checks: against the practice directory, and against Debian's slapd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.preflight import checks, fixes
from installer_tasks.preflight.collecting import verdict_json
from installer_tasks.preflight.facts import identity_ldap
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.identity import practice_people
from installer_tasks.rehearsal.ldap import LOCKED, UNAVAILABLE, DirectoryServer
from installer_tasks.rehearsal.ldap_tree import (
    GROUPS,
    IN_CHAIN,
    NESTED,
    PEOPLE,
    ROOT,
    SERVICE,
    person_dn,
    practice_tree,
)
from tests.contract import slapd as real
from tests.contract.docker_registry import free_port
from tests.contract.looks import Look, all_of, look_at
from tests.contract.odd_servers import answering
from tests.switch import On

PASS, WARN, FAIL, BLOCKED = "pass", "warn", "fail", "blocked"
PASSWORD, ADA_PASSWORD = "canary-service", "canary-ada"
LDAP = {"identity.kind": "ldap"}
HEALTHY = all_of("identity", PASS, LDAP)
ORDER = list(HEALTHY)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def faults() -> On:
    return On()


@pytest.fixture
def server(ca: PracticeCA, tmp_path: Path, faults: On) -> Iterator[DirectoryServer]:
    files = ca.issue_files(tmp_path, "directory", ["localhost", "127.0.0.1"])
    people = practice_people({"ada": ADA_PASSWORD, "mo": "canary-mo", "nia": "canary-nia"})
    with DirectoryServer(*files, tree=practice_tree(people, PASSWORD), faults=faults) as running:
        yield running


class Asking:
    """Answers that are right for the practice directory, but for what a test changes."""

    def __init__(self, host: str, ca: str) -> None:
        self.right = {
            "host": host,
            "ca": ca,
            "username": SERVICE,
            "password": PASSWORD,
            "user_base": PEOPLE,
            "group_base": GROUPS,
            "test_user": "ada",
        }

    def __call__(self, admin: str = "tmc:admin", member: str = "tmc:member", **changes: str) -> Look:
        answers = LDAP | {f"identity.ldap_{key}": value for key, value in (self.right | changes).items()}
        return look_at("identity", answers | {"identity.admin_group": admin, "identity.member_group": member})


@pytest.fixture
def look(server: DirectoryServer, ca: PracticeCA) -> Asking:
    return Asking(server.host, ca.ca_pem)


def after(name: str, **levels: str) -> dict[str, str]:
    """This check fails, and what needs it waits for it."""
    bad = {name}
    for check in checks.of_system("identity", LDAP):
        bad |= {check.name} if bad & set(check.needs) else set()
    waiting = dict.fromkeys(bad - {name}, BLOCKED)
    return HEALTHY | waiting | {name: FAIL} | {f"identity.ldap-{key}": value for key, value in levels.items()}


def test_a_healthy_directory_raises_nothing(look: Asking) -> None:
    found = look(test_password=ADA_PASSWORD)
    assert found.levels == HEALTHY
    assert "ada@practice.example" in str(found["identity.ldap-user-name"].message)
    assert "administrator" in str(found["identity.ldap-role"].message)
    assert found.facts["ldap_sign_in"]["value"]["tried"] is True


def test_the_checks_of_a_provider_say_nothing_here(look: Asking) -> None:
    assert not {name for name in look().levels if not name.startswith("identity.ldap-")} - {"identity.group-names"}


def test_without_a_test_user_one_line_says_what_nobody_knows(look: Asking) -> None:
    assert look(test_user="").levels == HEALTHY | {"identity.ldap-role": WARN}
    assert look(test_user="", user_filter="(uid=nobody-{})").levels["identity.ldap-user-found"] == FAIL


def test_a_member_through_another_group_is_told_as_one(look: Asking) -> None:
    found = look(test_user="mo")
    assert found.levels == HEALTHY | {"identity.ldap-role": FAIL}
    assert "only through another group" in found.says("identity.ldap-role")
    assert IN_CHAIN in found["identity.ldap-role"].command
    nested = look(test_user="mo", group_filter=found["identity.ldap-role"].command)
    assert nested.levels == HEALTHY
    assert nested.facts["ldap_membership"]["value"]["groups"] == [NESTED, "tmc:member"]


def test_a_filter_that_compares_something_else(look: Asking) -> None:
    found = look(group_filter="(uniqueMember={})")
    assert found.levels == HEALTHY | {"identity.ldap-role": FAIL}
    assert "does not find that group" in found.says("identity.ldap-role")
    assert look(group_filter=found["identity.ldap-role"].command).levels == HEALTHY


def test_somebody_in_no_group(look: Asking) -> None:
    found = look(test_user="nia")
    assert found.levels == HEALTHY | {"identity.ldap-role": FAIL}
    assert "nia would get no role" in str(found["identity.ldap-role"].message)


@pytest.mark.parametrize("host", ["ldaps://localhost", "localhost:x", "local host"])
def test_what_is_no_host(look: Asking, host: str) -> None:
    assert look(host=host).levels == after("identity.ldap-connect")


def test_nothing_listens(look: Asking) -> None:
    found = look(host=f"localhost:{free_port()}")
    assert found.levels == after("identity.ldap-connect")
    assert "refused the connection" in found.says("identity.ldap-connect")


def test_the_plain_port_is_known_as_one(look: Asking, server: DirectoryServer) -> None:
    found = look(host=server.plain_host)
    assert found.levels == after("identity.ldap-tls")
    assert "without TLS" in found.says("identity.ldap-tls")
    assert "636" in found.says("identity.ldap-tls")


def test_a_web_server_is_no_directory(
    look: Asking, ca: PracticeCA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the end of a line, and so do we, until the conversation has lasted long enough."""
    monkeypatch.setattr(identity_ldap, "SECONDS", 2.0)
    with answering({}, ca.issue_files(tmp_path, "web", ["localhost"])) as web:
        found = look(host=f"localhost:{web.server_port}")
    assert found.levels == after("identity.ldap-bind")


def test_another_authority(look: Asking, tmp_path: Path) -> None:
    found = look(ca=PracticeCA.load_or_create(tmp_path / "another").ca_pem)
    assert found.levels == after("identity.ldap-tls")
    assert found["identity.ldap-tls"].evidence["code"] == "tls-unknown-ca"


def test_the_authority_that_it_presents_is_offered(look: Asking, server: DirectoryServer, ca: PracticeCA) -> None:
    found = look(ca="")
    fix = fixes.offered("identity.ldap-tls", verdict_json(found["identity.ldap-tls"]))
    assert fix is not None
    changes = fix.look({"identity.ldap_host": server.host}).changes
    assert look(ca=changes["identity.ldap_ca"]).levels == HEALTHY


def test_what_is_no_certificate_is_refused_before_a_connection(look: Asking) -> None:
    assert look(ca="not a PEM").levels == after("identity.ldap-tls")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "canary-wrong"}, "rejected the password"),
        ({"username": f"CN=nobody,{ROOT}"}, "has no account"),
        ({"password": ""}, "empty"),
    ],
)
def test_a_refused_service_account(look: Asking, changes: dict[str, str], words: str) -> None:
    found = look(**changes)
    assert found.levels == after("identity.ldap-bind")
    assert words in found.says("identity.ldap-bind")


@pytest.mark.parametrize(("fault", "words"), [(LOCKED, "locked"), (UNAVAILABLE, "did not complete")])
def test_what_a_directory_says_of_itself(look: Asking, faults: On, fault: str, words: str) -> None:
    faults.names.add(fault)
    found = look()
    assert found.levels == after("identity.ldap-bind")
    assert words in found.says("identity.ldap-bind")


def test_bases_that_are_not_there(look: Asking) -> None:
    found = look(user_base=f"OU=staff,{ROOT}")
    assert found.levels == after("identity.ldap-user-base")
    assert ROOT in str(found["identity.ldap-user-base"].remedy)
    assert look(group_base=f"OU=teams,{ROOT}").levels == after("identity.ldap-group-base")


@pytest.mark.parametrize("asked", ["nobody", "*", "ada)(uid=*", "a\\da"])
def test_a_name_that_nobody_has(look: Asking, asked: str) -> None:
    found = look(test_user=asked)
    assert found.levels == after("identity.ldap-user-found")
    assert "ldapsearch" in found["identity.ldap-user-found"].command
    assert PASSWORD not in found["identity.ldap-user-found"].command


def test_two_of_one_name(look: Asking, server: DirectoryServer) -> None:
    server.tree.add(f"CN=Ada Guest,OU=people,{ROOT}", objectClass="person", sAMAccountName="ada")
    found = look()
    assert found.levels == after("identity.ldap-user-found")
    assert "Ada Guest" in found["identity.ldap-user-found"].value


def test_no_attribute_for_the_name(look: Asking) -> None:
    found = look(user_attribute="employeeNumber")
    assert found.levels == after("identity.ldap-user-name")
    assert "userPrincipalName" in str(found["identity.ldap-user-name"].remedy)


@pytest.mark.parametrize("template", ["(sAMAccountName=ada)", "(dn={})", "(&(uid={})"])
def test_a_filter_without_a_good_place(look: Asking, template: str) -> None:
    assert look(user_filter=template).levels == after("identity.ldap-user-found")
    assert look(group_filter=template).levels == HEALTHY | {"identity.ldap-role": FAIL}


def test_a_wrong_password_of_the_test_user(look: Asking) -> None:
    found = look(test_password="canary-wrong")
    assert found.levels == HEALTHY | {"identity.ldap-sign-in": FAIL}
    assert found["identity.ldap-sign-in"].value == person_dn("ada")


def test_groups_that_are_elsewhere_or_nowhere(look: Asking) -> None:
    found = look(group_base=PEOPLE)
    assert found.levels == after("identity.ldap-groups-found")
    assert f"CN=tmc:admin,{GROUPS}" in found.says("identity.ldap-groups-found")
    assert look(admin="tmc-admins").levels == after("identity.ldap-groups-found")


def test_upper_and_lower_case(look: Asking) -> None:
    found = look(admin="TMC:Admin")
    assert found.levels == after("identity.ldap-groups-found")
    assert "Enter tmc:admin" in found.says("identity.ldap-groups-found")


@pytest.mark.program("slapd")
def test_the_same_against_slapd(ca: PracticeCA, tmp_path: Path) -> None:
    with real.slapd(tmp_path / "slapd", ca) as server:
        ask = Asking(f"localhost:{server.port}", ca.ca_pem)
        ask.right |= {
            "type": "ldap",
            "username": real.SERVICE,
            "password": real.SERVICE_PASSWORD,
            "user_base": real.PEOPLE,
            "group_base": real.GROUPS,
            "test_password": real.ADA_PASSWORD,
        }
        groups = {"admin": "tmc-administrators", "member": "tmc-users"}
        assert ask(**groups).levels == HEALTHY
        assert ask(**groups, test_user="nia", test_password="").levels == HEALTHY | {"identity.ldap-role": FAIL}
        assert ask(**groups, user_filter="(cn={})", test_user="Mo").levels == after("identity.ldap-user-found")
        assert ask(**groups, password="canary-wrong").levels == after("identity.ldap-bind")
        assert ask(**groups, user_base=f"ou=staff,{real.ROOT}").levels == after("identity.ldap-user-base")
        plain = ask(**groups, host=f"localhost:{server.plain_port}")
        assert plain.levels == after("identity.ldap-tls")
        assert "without TLS" in plain.says("identity.ldap-tls")
        outside = ask(admin="outside", member="tmc-users")
        assert outside.levels == after("identity.ldap-groups-found")
