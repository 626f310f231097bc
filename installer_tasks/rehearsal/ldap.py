"""The practice directory: a small LDAPv3 server on loopback, over TLS and beside it without, as real ones listen.

It lets accounts bind, answers searches from its tree, and speaks as Active Directory does when it refuses.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from installer_tasks.rehearsal.fault_switch import FaultSwitch, NoFaults
from installer_tasks.rehearsal.ldap_tree import ROOT, Attributes, Tree
from installer_tasks.systems.directory import ber, filters, messages
from installer_tasks.systems.directory.filters import Filter
from installer_tasks.systems.directory.messages import Message, Search

log = logging.getLogger(__name__)

LOCKED = "ldap.account-locked"
UNAVAILABLE = "ldap.busy"
REQUEST_SECONDS = 30
MAX_REQUEST = 256 * 1024
MOST_ENTRIES = 1000
SUCCESS, PROTOCOL, SIZE_LIMIT, STRONGER, NO_SUCH_OBJECT, CREDENTIALS = 0, 2, 4, 8, 32, 49
OPERATIONS, BUSY = 1, 51
_REFUSED = "80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data {data}, v4f7c"
_BIND_FIRST = "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind must be"
_ROOT_DSE = {"namingContexts": (ROOT,), "supportedLDAPVersion": ("3",), "objectClass": ("top",)}


class DirectoryServer:
    """LDAPS and LDAP on two ports of loopback, with the same tree behind."""

    def __init__(
        self, cert_file: Path, key_file: Path, *, tree: Tree, name: str = "localhost", faults: FaultSwitch | None = None
    ) -> None:
        """`name` is what people call this machine; the certificate must hold it."""
        self.tree = tree
        self.faults = faults or NoFaults()
        self._name = name
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._files = (cert_file, key_file)
        self.present()
        self._ports = [0, 0]
        self._running: list[tuple[_Server, threading.Thread]] = []

    def start(self) -> DirectoryServer:
        for at, context in enumerate((self._context, None)):
            server = _Server(("127.0.0.1", self._ports[at]), self, context)
            self._ports[at] = server.server_address[1]  # the same when started again
            thread = threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="practice-directory", daemon=True
            )
            thread.start()
            self._running.append((server, thread))
        return self

    def stop(self) -> None:
        for server, thread in self._running:
            server.shutdown()
            thread.join()
            server.server_close()
        self._running.clear()

    def __enter__(self) -> DirectoryServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """As people enter it: host and port of LDAPS."""
        return f"{self._name}:{self._ports[0]}"

    @property
    def plain_host(self) -> str:
        """Where LDAP is spoken without TLS."""
        return f"{self._name}:{self._ports[1]}"

    def present(self, cert_file: Path | None = None, key_file: Path | None = None) -> None:
        """Another certificate for the connections that come; without one, the first again."""
        self._context.load_cert_chain(cert_file or self._files[0], key_file or self._files[1])


class _Conversation:
    """What one connection asks, and what it is answered."""

    def __init__(self, server: DirectoryServer, *, secured: bool) -> None:
        self._server = server
        self._secured = secured
        self._bound = False

    def answers(self, asked: Message) -> Iterable[bytes]:
        reader = ber.Reader(asked.content)
        if asked.tag == messages.BIND:
            return [_done(messages.BOUND, *self._bind(reader))]
        if asked.tag == messages.SEARCH:
            return self._search(_read_search(reader))
        return [_done(messages.EXTENDED_DONE, PROTOCOL, words="Not offered here")]

    def _bind(self, reader: ber.Reader) -> tuple[int, str, str]:
        self._bound = False
        reader.integer()
        dn, simple = reader.text(), reader.tag == messages.PASSWORD
        password = reader.text(messages.PASSWORD) if simple else ""
        if self._server.faults.active(UNAVAILABLE):
            return BUSY, "", "The server is busy"
        if not simple or (password and not self._secured):
            return STRONGER, "", "00002028: LdapErr: DSID-0C090276, comment: The server requires TLS"
        if not dn and not password:
            return SUCCESS, "", ""
        if self._server.faults.active(LOCKED):
            return CREDENTIALS, "", _REFUSED.format(data="775")
        self._bound = bool(password) and self._server.tree.accepts(dn, password)
        data = "52e" if self._server.tree.holds(dn) else "525"
        return (SUCCESS, "", "") if self._bound else (CREDENTIALS, "", _REFUSED.format(data=data))

    def _search(self, asked: Search) -> Iterable[bytes]:
        if not asked.base and asked.scope == messages.BASE:
            yield _entry("", _ROOT_DSE, asked.attributes)
            yield _done(messages.DONE, SUCCESS)
        elif not self._bound:
            yield _done(messages.DONE, OPERATIONS, words=_BIND_FIRST)
        elif not self._server.tree.holds(asked.base):
            yield _done(messages.DONE, NO_SUCH_OBJECT, self._server.tree.known_above(asked.base), "0000208D: NameErr")
        else:
            yield from self._found(asked)

    def _found(self, asked: Search) -> Iterable[bytes]:
        limit = min(asked.limit or MOST_ENTRIES, MOST_ENTRIES)
        found = self._server.tree.search(asked.base, asked.wanted, only=asked.scope == messages.BASE)
        for number, (dn, attributes) in enumerate(found):
            if number == limit:
                yield _done(messages.DONE, SIZE_LIMIT)
                return
            yield _entry(dn, attributes, asked.attributes)
        yield _done(messages.DONE, SUCCESS)


def _done(tag: int, code: int, matched: str = "", words: str = "") -> bytes:
    return ber.sequence(ber.integer(code, ber.ENUMERATED), ber.octets(matched), ber.octets(words), tag=tag)


def _entry(dn: str, attributes: Attributes, wanted: Iterable[str]) -> bytes:
    names = {name.lower() for name in wanted}
    listed = (
        ber.sequence(ber.octets(name), ber.sequence(*map(ber.octets, values), tag=ber.SET))
        for name, values in attributes.items()
        if not names or "*" in names or name.lower() in names
    )
    return ber.sequence(ber.octets(dn), ber.sequence(*listed), tag=messages.ENTRY)


def _read_search(reader: ber.Reader) -> Search:
    base, scope = reader.text(), reader.integer(ber.ENUMERATED)
    reader.integer(ber.ENUMERATED)
    limit, seconds = reader.integer(), reader.integer()
    reader.take(ber.BOOLEAN)
    wanted, listed = _read_filter(reader), reader.inside(ber.SEQUENCE)
    attributes = []
    while listed.more:
        attributes.append(listed.text())
    return Search(base, scope, wanted, tuple(attributes), limit, seconds)


def _read_filter(reader: ber.Reader, depth: int = 0) -> Filter:
    if depth > filters.DEEPEST:
        raise ber.Malformed("depth")
    kind = reader.tag
    if kind == filters.PRESENT:
        return Filter(kind, attribute=reader.text(kind))
    inside = reader.inside()
    if kind in (filters.AND, filters.OR, filters.NOT):
        parts = []
        while inside.more:
            parts.append(_read_filter(inside, depth + 1))
        return Filter(kind, tuple(parts))
    if kind == filters.RULE:
        rule = inside.text(0x81) if inside.tag == 0x81 else ""
        return Filter(kind, rule=rule, attribute=inside.text(0x82), value=inside.take(0x83))
    if kind == filters.SUBSTRINGS:
        return Filter(kind, attribute=inside.text(), pieces=_pieces(inside.inside(ber.SEQUENCE)))
    return Filter(kind, attribute=inside.text(), value=inside.take(ber.OCTETS))


def _pieces(reader: ber.Reader) -> tuple[bytes, ...]:
    """With "" where the pattern begins or ends with a star."""
    found: list[bytes] = [] if reader.tag == 0x80 else [b""]
    last = -1
    while reader.more:
        last = reader.tag
        found.append(reader.take())
    return (*found, b"") if last != 0x82 else tuple(found)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], directory: DirectoryServer, context: ssl.SSLContext | None) -> None:
        self.directory = directory
        self._context = context
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, object]:
        """The handshake is left to the connection's own thread."""
        connection, address = super().get_request()
        connection.settimeout(REQUEST_SECONDS)
        if self._context is None:
            return connection, address
        return self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, _request: object, client_address: object) -> None:
        log.debug("connection of %s to the practice directory ended", client_address, exc_info=True)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        secured = isinstance(self.request, ssl.SSLSocket)
        conversation = _Conversation(self.server.directory, secured=secured)
        with contextlib.suppress(OSError, ber.Malformed):
            for asked in iter(_reading(self.request), None):
                if asked.tag == messages.UNBIND:
                    return
                for answer in conversation.answers(asked):
                    self.request.sendall(messages.message(asked.number, answer))


def _reading(connection: socket.socket) -> Callable[[], Message | None]:
    """The next message of this connection, None at its end."""
    waiting = b""

    def read() -> Message | None:
        nonlocal waiting
        while (found := ber.extent(waiting)) is None or len(waiting) < sum(found):
            if found and sum(found) > MAX_REQUEST:
                raise ber.Malformed("size")
            received = connection.recv(65536)
            if not received:
                return None
            waiting += received
        whole, waiting = waiting[: sum(found)], waiting[sum(found) :]
        return messages.read(whole)

    return read
