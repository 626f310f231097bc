"""One conversation with a directory over LDAPS: always verified, bounded in bytes, entries and time.

Aliases and referrals are never followed: what they name was not answered by anybody here.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import time
from dataclasses import dataclass

from installer_tasks.errors import InputError, InstallerError, Invalid
from installer_tasks.systems import net
from installer_tasks.systems.certificates import classify_ssl_error, ssl_context
from installer_tasks.systems.directory import ber, filters, messages, refusals
from installer_tasks.systems.directory.messages import Entry, Message, Outcome, Search
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

PORT = 636
SECONDS = 20.0  #: a whole conversation
MAX_MESSAGE = 1024 * 1024
MAX_ANSWER = 4 * MAX_MESSAGE  #: all messages of one search
_CHUNK = 64 * 1024
_EXAMPLE = Text(_("Enter host or host:port, for example dc1.corp.example:636."))
_NOT_LDAP = Text(_("Check the host and port: LDAPS uses port 636, the Active Directory global catalog 3269."))


@dataclass(frozen=True)
class Place:
    """Where a directory listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return net.shown(self.host, self.port)


@dataclass(frozen=True)
class Found:
    """What a search brought; `cut` when there is more than was asked for."""

    entries: tuple[Entry, ...]
    cut: bool
    referrals: int  #: to other servers, not followed


def parse_place(source: str, *, field: str = "") -> Place:
    """`host`, `host:port` or `[ipv6]:port`, as the package takes it; InputError for anything else."""
    given = source.strip()
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?", given)
    port = int(found[2] or PORT) if found else 0
    if found and 0 < port < 65536:
        return Place(found[1].strip("[]"), port)
    cause = Text(_("This is not a host, with or without a port."))
    if "://" in given:
        scheme = given.partition("://")[0][:20]
        cause = text(_("It begins with %(scheme)s://; enter only host and port."), scheme=scheme)
    elif found:
        cause = Text(_("The port must be a number from 1 to 65535."))
    raise InputError(cause, value=given[:300], remedy=_EXAMPLE, field=field, code="directory-host-malformed")


class Session:
    """A connection over TLS. Use it in a `with`; `bind` before anything is searched."""

    def __init__(self, place: Place, ca_pem: str | None, seconds: float = SECONDS) -> None:
        self._place = place
        self._deadline = time.monotonic() + seconds
        self._number = 0
        self._waiting = b""
        raw = net.connect(place.host, place.port, self._deadline)
        try:
            self._socket = ssl_context(ca_pem).wrap_socket(raw, server_hostname=place.host)
        except ssl.SSLError as error:
            raw.close()
            raise classify_ssl_error(error, str(place)) from error
        except OSError as error:
            raw.close()
            raise net.unreachable(error, place.host, place.port) from error

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError, InstallerError):
            self._send(messages.unbind())
        self._socket.close()

    def bind(self, dn: str, password: str) -> None:
        """Sign in; Refused when the directory does not let this account in."""
        if not password:  # a directory takes that for nobody in particular, and says yes
            raise InputError(Text(_("The password is empty.")), value=dn, code="directory-no-password",
                             remedy=Text(_("Enter the password of this account.")))  # fmt: skip
        self._send(messages.bind(dn, password))
        outcome = self._outcome(self._answer(messages.BOUND))
        if outcome.code != refusals.SUCCESS:
            raise refusals.of_bind(outcome, dn)

    def search(self, base: str, wanted: str, attributes: tuple[str, ...], *, limit: int, only: bool = False) -> Found:
        """Everything below `base` that the filter finds, or with `only` the base itself."""
        scope = messages.BASE if only else messages.SUBTREE
        seconds = max(int(self._left()), 1)
        self._send(messages.search(Search(base, scope, filters.parse(wanted), attributes, limit, seconds)))
        entries: list[Entry] = []
        referrals = size = 0
        while True:
            answer = self._answer(messages.ENTRY, messages.REFERENCE, messages.DONE)
            size += len(answer.content)
            if answer.tag == messages.DONE:
                break
            if answer.tag == messages.REFERENCE:
                referrals += 1
            elif len(entries) < limit:
                entries.append(self._read(answer))
            if size > MAX_ANSWER:
                raise self._nonsense(_("%(place)s returned more than %(limit)d MiB for one query."))
        outcome = self._outcome(answer)
        refused = refusals.of_search(outcome, base)
        if refused is not None:
            raise refused
        return Found(tuple(entries), outcome.code == refusals.SIZE_LIMIT, referrals)

    def _outcome(self, answer: Message) -> Outcome:
        try:
            return messages.read_outcome(answer.content)
        except ber.Malformed as error:
            raise self._nonsense() from error

    def _read(self, answer: Message) -> Entry:
        try:
            return messages.read_entry(answer.content)
        except ber.Malformed as error:
            raise self._nonsense() from error

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise net.unreachable(TimeoutError(), self._place.host, self._place.port)
        return left

    def _send(self, operation: bytes) -> None:
        self._number += 1
        self._socket.settimeout(self._left())
        try:
            self._socket.sendall(messages.message(self._number, operation))
        except OSError as error:
            raise net.unreachable(error, self._place.host, self._place.port) from error

    def _answer(self, *tags: int) -> Message:
        """The next message for the last question, which must be one of these."""
        try:
            found = messages.read(self._message())
        except ber.Malformed as error:
            raise self._nonsense() from error
        if found.number != self._number or found.tag not in tags:
            raise self._nonsense()
        return found

    def _message(self) -> bytes:
        while True:
            found = ber.extent(self._waiting)
            if self._waiting[:1] not in (b"", bytes((ber.SEQUENCE,))):
                raise self._nonsense()
            if found and sum(found) > MAX_MESSAGE:
                raise self._nonsense(_("%(place)s returned more than %(limit)d MiB for one query."))
            if found and len(self._waiting) >= sum(found):
                whole, self._waiting = self._waiting[: sum(found)], self._waiting[sum(found) :]
                return whole
            self._waiting += self._receive()

    def _receive(self) -> bytes:
        self._socket.settimeout(self._left())
        try:
            received = self._socket.recv(_CHUNK)
        except OSError as error:
            raise net.unreachable(error, self._place.host, self._place.port) from error
        if not received:
            raise net.unreachable(ConnectionResetError(), self._place.host, self._place.port)
        return received

    def _nonsense(self, template: str = _("%(place)s responds, but not like an LDAP directory.")) -> Invalid:
        cause = text(template, place=str(self._place), limit=MAX_ANSWER // MAX_MESSAGE)
        return Invalid(cause, value=str(self._place), remedy=_NOT_LDAP, code="directory-nonsense")


def speaks_plainly(place: Place, seconds: float) -> bool:
    """Whether LDAP is spoken there without TLS. Asked is what anybody may know; no account is named."""
    deadline = time.monotonic() + seconds
    wanted = Search("", messages.BASE, filters.parse("(objectClass=*)"), ("1.1",), 1, 1)
    try:
        with net.connect(place.host, place.port, deadline) as sock:
            sock.sendall(messages.message(1, messages.search(wanted)))
            return messages.read(_first(sock, deadline)).number == 1
    except (InstallerError, OSError, ber.Malformed):
        return False


def _first(sock: socket.socket, deadline: float) -> bytes:
    """The first message, if it is a small one."""
    received = b""
    while (found := ber.extent(received)) is None or len(received) < sum(found) <= _CHUNK:
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        more = sock.recv(_CHUNK)
        if not more:
            break
        received += more
    return received
