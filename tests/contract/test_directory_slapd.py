"""The directory's client against Debian's slapd: what the messages mean to a server that somebody else wrote."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.errors import InputError, Invalid, Missing, Refused, TlsFailure, Unreachable
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.systems import directory
from installer_tasks.systems.directory import Place, Session
from tests.contract.slapd import (
    ADA,
    ADA_PASSWORD,
    ELSEWHERE,
    GROUPS,
    PEOPLE,
    ROOT,
    SERVICE,
    SERVICE_PASSWORD,
    Slapd,
    slapd,
)
from tests.waiting import PATIENCE

pytestmark = pytest.mark.program("slapd")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[socket.socket]:
    """The server that the directory refers to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, ca: PracticeCA, elsewhere: socket.socket) -> Iterator[Slapd]:
    refers_to = f"ldaps://127.0.0.1:{elsewhere.getsockname()[1]}"
    with slapd(tmp_path_factory.mktemp("slapd"), ca, refers_to=refers_to) as running:
        yield running


@pytest.fixture
def session(server: Slapd, ca: PracticeCA) -> Iterator[Session]:
    with Session(Place("localhost", server.port), ca.ca_pem) as opened:
        opened.bind(SERVICE, SERVICE_PASSWORD)
        yield opened


def found(session: Session, wanted: str, base: str = PEOPLE, limit: int = 10) -> list[str]:
    return sorted(entry.dn for entry in session.search(base, wanted, ("cn",), limit=limit).entries)


def test_a_person_is_found_with_what_was_asked_for_alone(session: Session) -> None:
    (ada,) = session.search(PEOPLE, "(uid=ada)", ("MAIL", "cn"), limit=3).entries
    assert ada.dn == ADA
    assert ada.values("Mail") == ("ada@corp.example",)
    assert ada.values("cn") == ("Ada (Lovelace)*",)
    assert ada.values("dn") == (ADA,)
    assert set(ada.attributes) == {"mail", "cn"}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("(&(objectClass=inetOrgPerson)(!(uid=mo)))", ["ada", "nia"]),
        ("(|(uid=ada)(uid=mo)(uid=nobody))", ["ada", "mo"]),
        ("(cn=A*love*)", ["ada"]),
        ("(cn=*)", ["ada", "mo", "nia"]),
        ("(uid>=mo)", []),  # no ordering rule: undefined, so nobody
        ("(cn:caseExactMatch:=Mo)", ["mo", "nia"]),
        ("(cn=ada \\28lovelace\\29\\2a)", ["ada"]),
        ("(mail=*@*)", ["ada"]),
    ],
)
def test_filters_of_every_kind(session: Session, wanted: str, names: list[str]) -> None:
    assert found(session, wanted) == [f"uid={name},{PEOPLE}" for name in names]


def test_a_name_that_is_put_in_stays_a_name(session: Session) -> None:
    template = directory.parse_template("(cn={})")
    assert found(session, directory.fill(template, "Ada (Lovelace)*")) == [ADA]
    assert found(session, directory.fill(template, "*")) == []
    assert found(session, directory.fill(template, "x)(uid=*")) == []
    assert len(found(session, directory.fill_any(template))) == 3


def test_more_than_was_asked_for_is_told_as_more(session: Session) -> None:
    everybody = session.search(PEOPLE, "(uid=*)", (), limit=2)
    assert (len(everybody.entries), everybody.cut) == (2, True)


def test_groups_by_member(session: Session) -> None:
    assert found(session, f"(&(objectClass=groupOfNames)(member={ADA}))", GROUPS) == [f"cn=tmc-administrators,{GROUPS}"]
    assert len(found(session, f"(member={ADA})", ROOT)) == 2


def test_a_base_that_is_not_there_names_what_is(session: Session) -> None:
    with pytest.raises(Missing) as raised:
        session.search(f"ou=staff,{ROOT}", "(uid=*)", (), limit=1, only=True)
    assert raised.value.value == f"ou=staff,{ROOT}"
    assert raised.value.code == "directory-no-base"


def test_a_base_that_is_no_name(session: Session) -> None:
    with pytest.raises(Invalid):
        session.search("people", "(uid=*)", (), limit=1)


@pytest.mark.parametrize("password", ["canary-wrong", SERVICE_PASSWORD + " "])
@pytest.mark.parametrize("dn", [SERVICE, f"cn=nobody,{ROOT}", "not a name"])
def test_a_refused_account_is_named_and_no_password(server: Slapd, ca: PracticeCA, dn: str, password: str) -> None:
    with Session(Place("localhost", server.port), ca.ca_pem) as session, pytest.raises(Refused) as raised:
        session.bind(dn, password)
    assert raised.value.value == dn
    assert "canary" not in str(raised.value.as_json())


def test_an_empty_password_is_never_sent(server: Slapd, ca: PracticeCA) -> None:
    """A directory would take it for nobody in particular, and say yes."""
    with Session(Place("localhost", server.port), ca.ca_pem) as session, pytest.raises(InputError):
        session.bind(SERVICE, "")


def test_a_person_may_sign_in_and_not_look(server: Slapd, ca: PracticeCA) -> None:
    with Session(Place("localhost", server.port), ca.ca_pem) as session:
        session.bind(ADA, ADA_PASSWORD)
        with pytest.raises(Missing):
            session.search(PEOPLE, "(uid=*)", (), limit=1, only=True)


def test_tls_is_verified_always(server: Slapd, ca: PracticeCA, tmp_path: Path) -> None:
    another = PracticeCA.load_or_create(tmp_path)
    for pem in (another.ca_pem, None):
        with pytest.raises(TlsFailure) as raised:
            Session(Place("localhost", server.port), pem)
        assert raised.value.code == "tls-unknown-ca"
    with pytest.raises(TlsFailure) as raised:
        Session(Place("127.1", server.port), ca.ca_pem)  # the same machine by a name that the certificate does not hold
    assert raised.value.code == "tls-wrong-name"


def test_a_plain_port_is_known_as_one_and_gets_no_password(server: Slapd, ca: PracticeCA) -> None:
    plain = Place("localhost", server.plain_port)
    assert directory.speaks_plainly(plain, 3)
    assert not directory.speaks_plainly(Place("localhost", server.port), 1)
    with pytest.raises((TlsFailure, Unreachable)):
        Session(plain, ca.ca_pem, seconds=PATIENCE)


def test_no_referral_is_followed(server: Slapd, ca: PracticeCA, session: Session, elsewhere: socket.socket) -> None:
    """Neither for a search nor for a sign-in: who is referred to would be sent the service account's password."""
    found = session.search(ROOT, "(uid=ada)", ("cn",), limit=3)
    assert [entry.dn for entry in found.entries] == [ADA]
    assert found.referrals == 1
    for base in (ELSEWHERE, f"ou=people,{ELSEWHERE}", "dc=other,dc=example"):
        with pytest.raises(Missing) as refused:
            session.search(base, "(uid=ada)", ("cn",), limit=3)
        assert refused.value.code == "directory-referral"
    for name in (f"uid=ada,{ELSEWHERE}", "uid=ada,dc=other,dc=example"):
        with Session(Place("localhost", server.port), ca.ca_pem) as another, pytest.raises(Refused):
            another.bind(name, SERVICE_PASSWORD)
    with pytest.raises(BlockingIOError):
        elsewhere.accept()
