"""Requests to one registry: authorization, redirects, time-outs; answers and failures as values of ours."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from urllib.parse import SplitResult, urljoin, urlsplit

from installer_tasks.errors import Cancelled, InputError
from installer_tasks.systems.registry.answers import Answer, error_of_failure
from installer_tasks.systems.registry.auth import Authorizer, Scopes
from installer_tasks.systems.registry.errors import ForeignLocation
from installer_tasks.systems.registry.wire import (
    BLOCK,
    STALL_SECONDS,
    Body,
    ConnectFailed,
    Connections,
    Headers,
    is_loopback,
    send,
)
from installer_tasks.text import mark as _
from installer_tasks.text import text

__all__ = ["MAX_ANSWER", "Body", "Transport", "is_loopback"]
MAX_ANSWER = 8 << 20
MAX_REDIRECTS = 5
AGENT = "tmc-sm-installer"
ASKED_SECONDS = 3.0  #: for the answer to an announced body
_FAILURES = (ConnectFailed, http.client.HTTPException, OSError)
#: what a kept-alive connection does that the registry has closed meanwhile
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Transport:
    """Requests to one registry. Safe to share between threads; `abort` ends all of them at once."""

    def __init__(self, host: str, username: str, password: str, ca_pem: str | None, *, plain_http: bool) -> None:
        if plain_http and not is_loopback(host):
            raise InputError(
                text(_("Plain HTTP is allowed only for tests on this machine, not for %(host)s."), host=host)
            )
        self.host = host
        self.base = f"{'http' if plain_http else 'https'}://{host}"
        self._ca_pem = ca_pem
        self._aborted = threading.Event()
        self._context_lock = threading.Lock()
        if not plain_http:
            self._context  # noqa: B018 - a certificate that is none is refused here, not in the middle of a push
        self._connections = Connections(self._shared_context)
        self._auth = Authorizer(self.base, username, password, lambda url, headers: self._send("GET", url, headers))

    def __repr__(self) -> str:
        return f"Transport({self.base!r})"

    @cached_property
    def _context(self) -> ssl.SSLContext:
        # Loads `cryptography`; start-up time of a push to a registry without TLS.
        from installer_tasks.systems.certificates.tls import ssl_context  # noqa: PLC0415

        return ssl_context(self._ca_pem, field="registry.ca")

    def _shared_context(self) -> ssl.SSLContext:
        with self._context_lock:
            return self._context

    def request(
        self,
        method: str,
        address: str,
        *,
        scopes: Scopes = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        seconds: float = STALL_SECONDS,
        limit: int = MAX_ANSWER,
        follow: bool = True,
    ) -> Answer:
        """One request and its answer, whatever the status; a failure to get one is an error of the taxonomy.

        `address` is a path of this registry or an address made by `resolve`; `seconds` is the wait for the answer.
        """
        url = self._url(address)
        for _attempt in range(3):
            used = self._auth.header(scopes)
            own = {**(headers or {}), **({"Authorization": used} if used else {})}
            answer = self._send(method, url, own, body=body, seconds=seconds, limit=limit)
            if answer.status != 401:
                self._auth.took(used if answer.status < 400 else "")
                break
            if not self._auth.learn(answer, used, scopes):
                break
            if body is not None and not isinstance(body, bytes):
                body.restart()
        if follow and method in ("GET", "HEAD"):
            answer = self._followed(answer, url, scopes=scopes, headers=headers or {}, seconds=seconds, limit=limit)
        return replace(answer, known=self._auth.known)

    def announce(self, method: str, address: str, size: int, *, scopes: Scopes = ()) -> Answer | None:
        """Say that a body of `size` bytes follows and send none: 100 asks for it, 413 refuses it; None is silence.

        Proxies judge a body by its announced size. The connection is ended, as by a client that left.
        """
        url = self._url(address)
        used, target = self._auth.header(scopes), urlsplit(url)
        own = {"User-Agent": AGENT, "Content-Length": str(size), "Expect": "100-continue"}
        own |= {"Content-Type": "application/octet-stream", **({"Authorization": used} if used else {})}
        try:
            connection, _used = self._connections.take(target, ASKED_SECONDS)
            try:
                send(connection, method, target, own)(None)
                connection.sock.settimeout(ASKED_SECONDS)
                return early_answer(connection.sock, method, url.partition("?")[0])
            finally:
                connection.close()
        except TimeoutError:
            return None
        except _FAILURES as failure:
            raise error_of_failure(failure, target.netloc, f"{method} {url.partition('?')[0]}") from failure

    def _url(self, address: str) -> str:
        """On this registry, whatever the path is: joined as a URL, `//other/v2/` would be another host."""
        return f"{self.base}/{address.removeprefix('/')}"

    def resolve(self, location: str, asked: str) -> str:
        """The address that a Location header gives, on this registry; another host is refused.

        A proxy that forgets X-Forwarded-Proto makes the registry announce http or an inner port: the path is what
        counts, and it is asked at the address that the person gave.
        """
        target = urlsplit(urljoin(self._url(asked), location))
        if target.hostname != urlsplit(self.base).hostname:
            cause = text(
                _("The registry %(host)s sends uploads to another host, %(other)s."),
                host=self.host,
                other=target.hostname or "-",
            )
            raise ForeignLocation(cause, value=target.hostname or "")
        return f"{target.path}?{target.query}" if target.query else target.path

    def abort(self) -> None:
        """End all requests now, also those stuck in sending; everything after raises Cancelled."""
        self._aborted.set()
        self._connections.shut()

    def revive(self) -> None:
        """After `abort` and when its threads have ended: requests are possible again."""
        self._connections.close()
        self._aborted.clear()

    def close(self) -> None:
        self._connections.close()

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        body: bytes | Body | None = None,
        seconds: float = STALL_SECONDS,
        limit: int = MAX_ANSWER,
    ) -> Answer:
        own = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity", **headers}
        if isinstance(body, bytes) and body:
            own["Content-Length"] = str(len(body))
        while True:
            if self._aborted.is_set():
                raise Cancelled
            used = False
            try:
                connection, used = self._connections.take(urlsplit(url), seconds)
                return self._exchange(connection, method, url, headers=own, body=body, seconds=seconds, limit=limit)
            except _FAILURES as failure:
                if self._aborted.is_set():
                    raise Cancelled from None
                # a connection that was kept alive may have been closed meanwhile: that says nothing
                if not (used and isinstance(failure, _STALE) and (body is None or isinstance(body, bytes))):
                    request = f"{method} {url.partition('?')[0]}"
                    raise error_of_failure(failure, urlsplit(url).netloc, request) from failure

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Body | None,
        seconds: float,
        limit: int,
    ) -> Answer:
        """One request on this connection, which is kept only when all of its answer was read."""
        target = urlsplit(url)
        keep = False
        try:
            if self._aborted.is_set():
                raise Cancelled
            response, whole = _answer(connection, method, target, headers=headers, body=body, seconds=seconds)
            with response:  # one that ends with its connection stays open otherwise
                data = response.read(limit)
                keep = whole and not response.will_close and (response.isclosed() or not response.read(1))
            pairs = Headers(response.getheaders())
            return Answer(method, url.partition("?")[0], response.status, pairs, data)
        finally:
            if keep:
                self._connections.give_back(target, connection)
            else:
                connection.close()

    def _followed(
        self, answer: Answer, url: str, *, scopes: Scopes, headers: Mapping[str, str], seconds: float, limit: int
    ) -> Answer:
        """Redirects of downloads: TLS stays TLS, and the registry's credentials stay with the registry."""
        for _hop in range(MAX_REDIRECTS):
            location = answer.headers.get("Location", "")
            if answer.status not in (301, 302, 303, 307, 308) or not location:
                break
            before, url = url, urljoin(url, location)
            if urlsplit(url).scheme not in ("https", urlsplit(before).scheme):
                cause = text(_("The registry %(host)s redirects to an address without TLS."), host=self.host)
                raise ForeignLocation(cause, value=url.partition("?")[0])
            own = urlsplit(url).netloc == urlsplit(self.base).netloc
            used = self._auth.header(scopes) if own else ""
            allowed = {**headers, "Authorization": used} if used else headers
            answer = self._send(answer.method, url, allowed, seconds=seconds, limit=limit)
            if not own and answer.status >= 400:  # nobody has named this system: its words are not for our pages
                answer = replace(answer, body=b"", headers=Headers([]))
        return answer


def early_answer(sock: socket.socket, method: str, url: str) -> Answer:
    """The head of the first answer on a connection, also of one that only asks to go on; ConnectionError at its end."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < BLOCK:
        data = sock.recv(BLOCK)
        if not data:
            raise ConnectionError("closed without an answer")
        head += data
    status, *lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    pairs = [(name, value.strip()) for name, _colon, value in (line.partition(":") for line in lines)]
    code = status.split(" ")[1:2]
    if not status.startswith("HTTP/") or not code or not code[0].isdigit():
        raise ConnectionError("no answer of HTTP")
    return Answer(method, url, int(code[0]), Headers(pairs), b"")


def _answer(
    connection: http.client.HTTPConnection,
    method: str,
    target: SplitResult,
    *,
    headers: Mapping[str, str],
    body: bytes | Body | None,
    seconds: float,
) -> tuple[http.client.HTTPResponse, bool]:
    """The response, and whether all of the body was taken; an early answer is read even where sending broke."""
    connection.sock.settimeout(STALL_SECONDS)
    whole = True
    send_body = send(connection, method, target, headers)
    try:
        send_body(body)
    except (BrokenPipeError, ConnectionResetError):
        whole = False
        with suppress(OSError, http.client.HTTPException):
            return connection.getresponse(), whole
        raise
    connection.sock.settimeout(seconds)
    return connection.getresponse(), whole
