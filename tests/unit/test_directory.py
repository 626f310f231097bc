"""What people type of a directory, and what a directory may send: nothing of either is trusted."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer_tasks.errors import InputError, InstallerError, Invalid, Unreachable
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.ldap import _read_filter
from installer_tasks.systems import directory
from installer_tasks.systems.directory import Place, Session, ber, filters, messages, names
from tests.waiting import PATIENCE, joined

GOOD = [
    "(uid=ada)",
    "(&(objectClass=person)(|(uid=a)(mail=a@b.example))(!(cn=x)))",
    "(cn=*a*b)",
    "(cn=a*)",
    "(cn=*)",
    "(member:1.2.840.113556.1.4.1941:=CN=Ada,DC=x)",
    "(age>=3)",
    "(cn=a\\2ab)",
]


@pytest.mark.parametrize("source", GOOD)
def test_a_filter_is_sent_as_it_is_read(source: str) -> None:
    parsed = filters.parse(source)
    assert _read_filter(ber.Reader(parsed.encoded())) == parsed


@pytest.mark.parametrize(
    "source", ["", "uid=ada", "(uid=ada", "(uid=ada))", "(&)", "(!(a=b)(c=d))", "(uid)", "(=x)", "(cn=\\zz)", "(" * 40]
)
def test_what_is_no_filter_is_refused(source: str) -> None:
    with pytest.raises(InputError):
        filters.parse(source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("(uid=ada)", "not contain {}"),
        ("(cn={0})", "{0}"),
        ("(dn={})", "dn={}"),
        ("(&(a=b)( DN = {} ))", "dn={}"),
        ("(&(uid={})", "closing parenthesis is missing after character 12"),
        ("uid", "not contain {}"),
        ("(uid={})" + " " * 5 + "x" * 3000, "longer"),
    ],
)
def test_a_template_without_a_good_place_is_refused(source: str, words: str) -> None:
    with pytest.raises(InputError) as raised:
        filters.parse_template(source, field="identity.ldap_user_filter")
    assert words in str(raised.value.cause)
    assert (raised.value.field, bool(raised.value.remedy)) == ("identity.ldap_user_filter", True)


def test_brackets_are_put_around_a_bare_template() -> None:
    assert filters.parse_template(" uid={} ") == "(uid={})"
    assert filters.parse_template("(distinguishedName={})") == "(distinguishedName={})"


@given(st.text(max_size=30))
def test_a_name_never_leaves_its_place(name: str) -> None:
    parsed = filters.parse(filters.fill("(&(a=b)(uid={}))", name))
    assert [part.kind for part in parsed.parts] == [filters.EQUAL, filters.EQUAL]
    assert parsed.parts[1].value == name.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    ("source", "host", "port"),
    [
        ("dc1.corp.lab", "dc1.corp.lab", 636),
        (" dc1:3269 ", "dc1", 3269),
        ("10.0.0.1", "10.0.0.1", 636),
        ("[::1]:6", "::1", 6),
    ],
)
def test_places(source: str, host: str, port: int) -> None:
    assert directory.parse_place(source) == Place(host, port)


@pytest.mark.parametrize(
    "source", ["", "ldaps://dc1", "dc1/x", "dc 1", "dc1:0", "dc1:99999", "dc1:x", "dc1,dc2", "::1"]
)
def test_what_is_no_place_is_refused(source: str) -> None:
    with pytest.raises(InputError) as raised:
        directory.parse_place(source, field="identity.ldap_host")
    assert raised.value.field == "identity.ldap_host"


@pytest.mark.parametrize("source", ["OU=users,DC=corp,DC=lab", "cn=a\\, b , dc=x", "2.5.4.3=x"])
def test_distinguished_names(source: str) -> None:
    assert directory.parse_dn(source) == source


@pytest.mark.parametrize("source", ["", "users", "ada@corp.lab", "CORP\\svc", "OU=users,", "OU=users,,DC=lab", "=x"])
def test_what_is_no_distinguished_name_is_refused(source: str) -> None:
    with pytest.raises(InputError):
        directory.parse_dn(source)


def test_names_are_compared_as_directories_do() -> None:
    assert names.parts("CN=a\\, b,OU=x") == ("CN=a\\, b", "OU=x")
    assert directory.is_below("CN=Ada, ou=People,dc=x", "OU=people, DC=X")
    assert not directory.is_below("CN=Ada,OU=otherpeople,DC=x", "OU=people,DC=x")
    assert directory.suffix("OU=a,DC=corp,DC=lab") == "DC=corp,DC=lab"
    assert directory.suffix("ou=a,o=corp") == "o=corp"


@given(st.binary(max_size=60))
def test_bytes_of_others_are_read_or_refused(sent: bytes) -> None:
    for read in (messages.read, messages.read_entry, messages.read_outcome):
        try:
            read(sent)
        except ber.Malformed:
            continue


@given(st.integers(0, 2**31), st.binary(max_size=400))
def test_values_come_back_as_they_were_written(number: int, content: bytes) -> None:
    reader = ber.Reader(ber.integer(number) + ber.octets(content))
    assert (reader.integer(), reader.take(ber.OCTETS), reader.more) == (number, content, False)


@contextmanager
def answering(ca: PracticeCA, folder: Path, sent: bytes, *, drip: bool = False) -> Iterator[Place]:
    """A TLS server that takes a bind and answers with these bytes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*ca.issue_files(folder, "odd", ["localhost"]))
    over = threading.Event()

    def serve(listener: socket.socket) -> None:
        try:
            with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                connection.recv(1000)
                for at in range(len(sent)) if drip else ():
                    connection.sendall(sent[at : at + 1])
                    over.wait(0.3)
                if not drip:
                    connection.sendall(sent)
                connection.recv(1000)
        except OSError:
            return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield Place("localhost", listener.getsockname()[1])
        finally:
            over.set()
            joined(thread)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


ODD = {
    "web": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "endless": b"\x30\x84\x7f\xff\xff\xff" + b"x" * 100,
    "another question": messages.message(7, ber.sequence(ber.integer(0, 10), ber.octets(""), ber.octets(""), tag=0x61)),
    "another answer": messages.message(1, ber.sequence(ber.integer(0, 10), ber.octets(""), ber.octets(""), tag=0x65)),
    "no code": messages.message(1, ber.sequence(tag=0x61)),
}


@pytest.mark.parametrize("what", ODD)
def test_what_no_directory_says_is_told_as_such(ca: PracticeCA, tmp_path: Path, what: str) -> None:
    with answering(ca, tmp_path, ODD[what]) as place, Session(place, ca.ca_pem, seconds=PATIENCE) as session:
        with pytest.raises(Invalid) as raised:
            session.bind("CN=svc,DC=x", "canary")
        assert raised.value.code == "directory-nonsense"
        assert "canary" not in str(raised.value.as_json())


def test_an_answer_by_drips_ends_with_the_deadline(ca: PracticeCA, tmp_path: Path) -> None:
    whole = messages.message(1, ber.sequence(ber.integer(0, 10), ber.octets("x" * 200), ber.octets(""), tag=0x61))
    with (
        answering(ca, tmp_path, whole, drip=True) as place,
        pytest.raises(Unreachable),
        Session(place, ca.ca_pem, seconds=1) as session,
    ):
        session.bind("CN=svc,DC=x", "canary")


def test_an_end_without_an_answer(ca: PracticeCA, tmp_path: Path) -> None:
    with (
        answering(ca, tmp_path, b"\x30\x05") as place,
        pytest.raises(InstallerError),
        Session(place, ca.ca_pem, seconds=1) as session,
    ):
        session.bind("CN=svc,DC=x", "canary")
