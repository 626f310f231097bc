"""The practice directory, searched by OpenLDAP's own ldapsearch, and by the installer's client."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.errors import Missing, Refused, Unreachable
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.identity import practice_people
from installer_tasks.rehearsal.ldap import DirectoryServer
from installer_tasks.rehearsal.ldap_tree import (
    GROUPS,
    IN_CHAIN,
    NESTED,
    PEOPLE,
    ROOT,
    SERVICE,
    group_dn,
    person_dn,
    practice_tree,
)
from installer_tasks.systems.directory import Place, Session, parse_place
from tests.waiting import PATIENCE

PASSWORD = "practice-password"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(ca: PracticeCA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectoryServer]:
    files = ca.issue_files(tmp_path_factory.mktemp("tls"), "directory", ["localhost", "127.0.0.1"])
    people = practice_people(dict.fromkeys(("ada", "mo", "nia"), PASSWORD))
    with DirectoryServer(*files, tree=practice_tree(people, PASSWORD)) as running:
        yield running


@pytest.fixture
def place(server: DirectoryServer) -> Place:
    return parse_place(server.host)


class Ldapsearch:
    def __init__(self, server: DirectoryServer, ca: PracticeCA, folder: Path) -> None:
        self._server, self._ca_file = server, ca.ca_file
        self._password = folder / "password"
        self._password.touch(mode=0o600)
        self._password.write_text(PASSWORD)

    def __call__(self, *asked: str, account: str = SERVICE, base: str = ROOT) -> subprocess.CompletedProcess[str]:
        who = ["-D", account, "-y", str(self._password)] if account else []
        # For localhost OpenLDAP verifies the name that this machine calls itself.
        url = f"ldaps://127.0.0.1:{parse_place(self._server.host).port}"
        command = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", url, *who, "-b", base]
        trust = {**os.environ, "LDAPTLS_CACERT": str(self._ca_file)}
        return subprocess.run(
            [*command, *asked], env=trust, capture_output=True, text=True, timeout=PATIENCE, check=False
        )


@pytest.fixture
def ldapsearch(server: DirectoryServer, ca: PracticeCA, tmp_path: Path) -> Ldapsearch:
    return Ldapsearch(server, ca, tmp_path)


def lines(done: subprocess.CompletedProcess[str], name: str) -> list[str]:
    assert done.returncode == 0, done.stderr
    return sorted(line.partition(": ")[2] for line in done.stdout.splitlines() if line.startswith(f"{name}: "))


@pytest.mark.program("ldapsearch")
@pytest.mark.parametrize(
    ("wanted", "people"),
    [
        ("(&(objectClass=person)(sAMAccountName=ADA))", ["ada"]),
        ("(|(uid=ada)(uid=mo)(uid=nobody))", ["ada", "mo"]),
        ("(&(uid=*)(!(uid=ada)))", ["mo", "nia"]),
        ("(mail=n*@practice.*)", ["nia"]),
        ("(cn=*practice)", ["ada", "mo", "nia"]),
        ("(uid=nobody)", []),
    ],
)
def test_ldapsearch_finds_people(ldapsearch: Ldapsearch, wanted: str, people: list[str]) -> None:
    assert lines(ldapsearch(wanted, "uid"), "uid") == people


@pytest.mark.program("ldapsearch")
def test_ldapsearch_finds_groups_and_with_the_rule_of_active_directory_nested_ones(ldapsearch: Ldapsearch) -> None:
    direct = lines(ldapsearch(f"(member={person_dn('mo')})", "cn", base=GROUPS), "cn")
    nested = lines(ldapsearch(f"(member:{IN_CHAIN}:={person_dn('mo')})", "cn", base=GROUPS), "cn")
    assert (direct, nested) == ([NESTED], [NESTED, "tmc:member"])
    assert lines(ldapsearch(f"(member={person_dn('ada')})", "dn"), "dn") == [group_dn("tmc:admin")]


@pytest.mark.program("ldapsearch")
def test_ldapsearch_is_refused_as_by_active_directory(ldapsearch: Ldapsearch) -> None:
    unknown = ldapsearch("(uid=*)", account=f"CN=nobody,{ROOT}")
    assert (unknown.returncode, "data 525" in unknown.stderr) == (49, True)
    assert ldapsearch("(uid=*)", account="").returncode == 1
    absent = ldapsearch("(uid=*)", base=f"OU=staff,OU=people,{ROOT}")
    assert (absent.returncode, f"Matched DN: {PEOPLE}" in absent.stderr) == (32, True)
    assert ldapsearch("-z", "2", "(uid=*)").returncode == 4


@pytest.mark.program("ldapsearch")
def test_ldapsearch_reads_what_the_server_is(ldapsearch: Ldapsearch) -> None:
    told = ldapsearch("-s", "base", "(objectClass=*)", "namingContexts", account="", base="")
    assert lines(told, "namingContexts") == [ROOT]


def test_the_client_signs_in_and_looks(place: Place, ca: PracticeCA) -> None:
    with Session(place, ca.ca_pem) as session:
        session.bind(person_dn("ada"), PASSWORD)
        (ada,) = session.search(PEOPLE, "(userPrincipalName=ada@practice.example)", ("mail",), limit=2).entries
        assert (ada.dn, ada.values("mail")) == (person_dn("ada"), ("ada@practice.example",))
        with pytest.raises(Missing) as raised:
            session.search(f"OU=staff,{ROOT}", "(uid=*)", (), limit=1)
        assert ROOT in str(raised.value.remedy)


def test_a_refusal_says_which_of_the_two_is_wrong(place: Place, ca: PracticeCA) -> None:
    for account, words in ((SERVICE, "rejected the password"), (f"CN=nobody,{ROOT}", "has no account")):
        with Session(place, ca.ca_pem) as session, pytest.raises(Refused, match=words):
            session.bind(account, "canary-wrong")


@pytest.mark.parametrize(
    "sent", [b"\x30\x84\xff\xff\xff\xff", b"GET / HTTP/1.0\r\n\r\n", b"\x30\x80", b"\x30\x03\x02\x01"]
)
def test_whatever_comes_ends_that_connection_alone(
    server: DirectoryServer, place: Place, ca: PracticeCA, sent: bytes
) -> None:
    plain = parse_place(server.plain_host)
    with socket.create_connection((plain.host, plain.port), 5) as odd:
        odd.sendall(sent)
        odd.shutdown(socket.SHUT_WR)
        assert odd.recv(1) == b""
    with Session(place, ca.ca_pem) as session:
        session.bind(SERVICE, PASSWORD)


def test_stopped_it_answers_nobody(ca: PracticeCA, tmp_path: Path) -> None:
    files = ca.issue_files(tmp_path, "directory", ["localhost"])
    server = DirectoryServer(*files, tree=practice_tree((), PASSWORD)).start()
    place = parse_place(server.host)
    server.stop()
    with pytest.raises(Unreachable):
        Session(place, ca.ca_pem, seconds=PATIENCE)
