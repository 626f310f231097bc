"""HTTP to one registry: connections, time-outs, authorization, redirects; answers and failures as values of ours."""

from __future__ import annotations

import socket
import ssl
import threading
import urllib.request
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from installer_tasks.certificates import ssl_context
from installer_tasks.errors import Cancelled, InputError
from installer_tasks.registry.answers import Answer, error_of_failure
from installer_tasks.registry.auth import Authorizer, Scopes
from installer_tasks.registry.errors import ForeignLocation
from installer_tasks.text import mark as _
from installer_tasks.text import text

BLOCK = 1 << 20
CONNECT_SECONDS = 10.0
STALL_SECONDS = 60.0  #: no byte accepted or received
MAX_ANSWER = 8 << 20
MAX_REDIRECTS = 5
_FAILURES = (urllib3.exceptions.HTTPError, OSError)


class Body(Protocol):
    """What is sent: read in blocks, and from the start again when a request is repeated."""

    def read(self, size: int = -1) -> bytes: ...

    def restart(self) -> None: ...


class Transport:
    """Requests to one registry. Safe to share between threads; `abort` ends all of them at once."""

    def __init__(self, host: str, username: str, password: str, ca_pem: str | None, *, plain_http: bool) -> None:
        name = urlsplit(f"//{host}").hostname or ""
        if plain_http and not is_loopback(host):
            raise InputError(text(_("Plain HTTP is only for tests on this machine, not for %(host)s."), host=host))
        self.host = host
        self.base = f"{'http' if plain_http else 'https'}://{host}"
        self._aborted = threading.Event()
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        context = None if plain_http else ssl_context(ca_pem, field="registry.ca")
        self._pools = _pools(name, self.base, context, self._opened)
        self._auth = Authorizer(self.base, username, password, lambda url, headers: self._send("GET", url, headers))

    def __repr__(self) -> str:
        return f"Transport({self.base!r})"

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
        url = urljoin(self.base, address)
        for _attempt in range(3):
            used = self._auth.header(scopes)
            own = {**(headers or {}), **({"Authorization": used} if used else {})}
            answer = self._send(method, url, own, body=body, seconds=seconds, limit=limit)
            if answer.status != 401 or not self._auth.learn(answer, used, scopes):
                break
            if body is not None and not isinstance(body, bytes):
                body.restart()
        if follow and method in ("GET", "HEAD"):
            return self._followed(answer, url, scopes=scopes, headers=headers or {}, seconds=seconds, limit=limit)
        return answer

    def resolve(self, location: str, asked: str) -> str:
        """The address that a Location header gives, on this registry; another host is refused.

        A proxy that forgets X-Forwarded-Proto makes the registry announce http or an inner port: the path is what
        counts, and it is asked at the address that the person gave.
        """
        target = urlsplit(urljoin(urljoin(self.base, asked), location))
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
        with self._lock:
            for sock in self._sockets:
                _shut(sock)

    def revive(self) -> None:
        """After `abort` and when its threads have ended: requests are possible again."""
        self._aborted.clear()

    def close(self) -> None:
        self._pools.clear()

    def _opened(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.add(sock)
        if self._aborted.is_set():
            _shut(sock)

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
        shown = url.partition("?")[0]
        own = {"User-Agent": "tmc-sm-installer", "Accept-Encoding": "identity", **headers}
        tries = 2 if body is None else 1  # a connection that was kept alive may have been closed meanwhile
        while True:
            tries -= 1
            if self._aborted.is_set():
                raise Cancelled
            try:
                return self._exchange(method, url, headers=own, body=body, seconds=seconds, limit=limit)
            except _FAILURES as failure:
                if self._aborted.is_set():
                    raise Cancelled from None
                if tries == 0 or not isinstance(failure, urllib3.exceptions.ProtocolError):
                    host = urlsplit(url).netloc
                    raise error_of_failure(failure, host, f"{method} {shown}") from failure

    def _exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Body | None,
        seconds: float,
        limit: int,
    ) -> Answer:
        response = self._pools.urlopen(
            method,
            url,
            headers=headers,
            body=body,
            redirect=False,
            retries=False,
            preload_content=False,
            assert_same_host=False,
            timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), read=seconds),
        )
        data = response.read(limit) or b""
        # a response read to its end gives its connection back; anything else must not be used again
        if (response.length_remaining or 0) > 0 or len(data) >= limit:
            response.close()
        else:
            response.read()
            response.release_conn()
        return Answer(method, url.partition("?")[0], response.status, response.headers, data)

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
        return answer


def is_loopback(host: str) -> bool:
    """Whether `host`, with or without port, is this machine."""
    name = urlsplit(f"//{host}").hostname or host
    return name in ("localhost", "::1") or name.startswith("127.")


def _shut(sock: socket.socket) -> None:
    try:
        # not the TLS socket's own method: that one drops its TLS state while another thread may be sending
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already


def _pools(name: str, base: str, context: ssl.SSLContext | None, opened: Callable[[socket.socket], None]) -> Any:
    """A pool manager with room for all lanes, through the environment's proxy where that applies."""
    options: dict[str, Any] = {"maxsize": 32, "block": False, "blocksize": BLOCK}
    if context is not None:
        options["ssl_context"] = context
    proxy = _proxy(name, base)
    pools = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
    pools.pool_classes_by_scheme = _pool_classes(opened)
    return pools


def _proxy(name: str, base: str) -> str:
    """The proxy that HTTPS_PROXY and NO_PROXY give for this registry; never one for this machine itself."""
    if is_loopback(name) or urllib.request.proxy_bypass(urlsplit(base).netloc):
        return ""
    return urllib.request.getproxies().get(urlsplit(base).scheme, "")


def _pool_classes(opened: Callable[[socket.socket], None]) -> dict[str, Any]:
    """Pools whose connections tell when they open, and give up sending only after a stall, not after a slow connect."""

    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            opened(self.sock)

        def request(self, *args: Any, **kwargs: Any) -> None:
            _send_patiently(self)
            super().request(*args, **kwargs)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            opened(self.sock)

        def request(self, *args: Any, **kwargs: Any) -> None:
            _send_patiently(self)
            super().request(*args, **kwargs)

    plain = type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain})
    secure = type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": Secure})
    return {"http": plain, "https": secure}


def _send_patiently(connection: HTTPConnection) -> None:
    """urllib3 sends with the connect time-out still set: connect first, then allow a longer stall."""
    if connection.sock is None:
        connection.connect()
    connection.timeout = STALL_SECONDS
