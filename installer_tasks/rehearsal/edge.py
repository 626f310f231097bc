"""The practice load balancer: answers over TLS on every public name, once the installation has put it there.

It listens on a loopback address of its own, as a load balancer has an address of its own. A name that was not published
gets no handshake, as from a Contour without a route.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import logging
import secrets
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from installer_tasks.rehearsal.fault_switch import FaultSwitch, NoFaults

log = logging.getLogger(__name__)

HTTPS = 443
UNAVAILABLE = "edge.unavailable"  #: every name answers 503
REQUEST_SECONDS = 15
_TRIES = 20
_HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """What a path answers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[str], Reply]  #: query string to reply
Routes = Mapping[str, Route]  #: path to route; "" is any other path


class Edge:
    """One TLS server for all public names, told apart by SNI. `publish` makes a name answer."""

    def __init__(self, *, host: str = "", port: int | None = None, faults: FaultSwitch | None = None) -> None:
        """Without `host` a random address of 127/8; without `port` 443, and where that is denied a free one."""
        self._wanted = (host, port)
        self._faults = faults or NoFaults()
        self._lock = threading.Lock()
        self._sites: dict[str, tuple[ssl.SSLContext, Routes]] = {}
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Edge:
        self._server = self._bound()
        self._wanted = (self.address, self.port)  # the same when started again
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="practice-edge", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> Edge:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """What the public names resolve to."""
        return str(self._server.server_address[0]) if self._server else self._wanted[0]

    @property
    def port(self) -> int:
        return int(self._server.server_address[1]) if self._server else self._wanted[1] or 0

    def origin(self, name: str) -> str:
        """`https://name`, with the port where it is not 443."""
        return f"https://{name}" if self.port == HTTPS else f"https://{name}:{self.port}"

    def publish(self, name: str, cert_chain_pem: str, key_pem: str, routes: Routes | None = None) -> None:
        """Answer for `name` from now on; published again, with the new certificate."""
        context = _server_context(cert_chain_pem, key_pem)
        with self._lock:
            self._sites[name.lower()] = (context, routes or {"": page(name)})

    def withdraw(self, name: str) -> None:
        with self._lock:
            self._sites.pop(name.lower(), None)

    @property
    def published(self) -> tuple[str, ...]:
        with self._lock:
            return tuple(sorted(self._sites))

    def context_of(self, name: str) -> ssl.SSLContext | None:
        with self._lock:
            found = self._sites.get(name.lower())
        return found[0] if found else None

    def reply(self, host: str, target: str) -> Reply:
        """What this request gets: 421 for a name that is not published, as Envoy does."""
        if self._faults.active(UNAVAILABLE):
            return Reply(503, b"upstream connect error or disconnect/reset before headers")
        with self._lock:
            found = self._sites.get(host.partition(":")[0].lower())
        if found is None:
            return Reply(421)
        parts = urlsplit(target)
        route = found[1].get(parts.path) or found[1].get("")
        return route(parts.query) if route else Reply(404)

    def _bound(self) -> _Server:
        host, port = self._wanted
        failure: OSError | None = None
        for _attempt in range(_TRIES):
            address = host or f"127.{_part()}.{_part()}.{_part()}"
            for candidate in (HTTPS, 0) if port is None else (port,):
                try:
                    return _Server((address, candidate), self)
                except OSError as error:
                    failure = error
        raise failure or OSError("no address is free")


def page(title: str) -> Route:
    """A small page that says which service answers."""
    body = f'<!doctype html><html lang="en"><head><title>{title}</title></head><body><h1>{title}</h1></body></html>'
    return lambda _query: Reply(200, body.encode(), {"Content-Type": _HTML})


def redirect(location: str, status: int = 302) -> Route:
    return lambda _query: Reply(status, headers={"Location": location})


def document(content: Mapping[str, Any]) -> Route:
    body = json.dumps(content).encode()
    return lambda _query: Reply(200, body, {"Content-Type": "application/json"})


def tmc_routes(
    edge: Edge, zone: str, *, authorize_url: str, client_id: str, directory: bool = False
) -> dict[str, Routes]:
    """What TMC-SM's own services answer, by public name; names that are not here answer a page.

    The way to sign in: landing, auth (307), the supervisor (302), the customer's provider, and back to the callback;
    with a `directory` the supervisor's own page in place of the provider.
    """
    pinniped = edge.origin(f"pinniped-supervisor.{zone}")
    issuer = f"{pinniped}/provider/pinniped"
    auth_callback = f"{edge.origin(f'auth.{zone}')}/api/v1/callback"
    to_provider = _to_provider(authorize_url, client_id, f"{issuer}/callback")
    login = {"response_type": "code", "client_id": "auth-manager", "redirect_uri": auth_callback, "scope": "openid"}
    return {
        zone: {"": page("Tanzu Mission Control")},
        f"landing.{zone}": {"/landing": _landing(f"{edge.origin(f'auth.{zone}')}/api/v1/login"), "": page("landing")},
        f"auth.{zone}": {
            "/api/v1/login": redirect(f"{issuer}/oauth2/authorize?{urlencode(login)}", 307),
            "/api/v1/callback": redirect(edge.origin(zone)),
            "": page("auth"),
        },
        f"pinniped-supervisor.{zone}": {
            "/provider/pinniped/.well-known/openid-configuration": document(_pinniped_discovery(issuer)),
            "/provider/pinniped/oauth2/authorize": _to_own_page(f"{issuer}/login") if directory else to_provider,
            **({"/provider/pinniped/login": _own_page()} if directory else {}),
            "/provider/pinniped/callback": _back(auth_callback),
            "": page("pinniped-supervisor"),
        },
    }


def _landing(login: str) -> Route:
    body = (
        '<!doctype html><html lang="en"><head><title>Tanzu Mission Control</title></head>'
        f'<body><h1>Tanzu Mission Control</h1><a href="{login}">Sign in</a></body></html>'
    )
    return lambda _query: Reply(200, body.encode(), {"Content-Type": _HTML})


def _pinniped_discovery(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth2/authorize",
        "token_endpoint": f"{issuer}/oauth2/token",
        "jwks_uri": f"{issuer}/jwks.json",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "offline_access", "pinniped:request-audience", "username", "groups"],
        "code_challenge_methods_supported": ["S256"],
    }


def _to_provider(authorize_url: str, client_id: str, callback: str) -> Route:
    """Each sign-in with its own state and nonce, as Pinniped sends people on."""

    def route(_query: str) -> Reply:
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": callback,
            "scope": "openid offline_access email profile",
            "state": secrets.token_urlsafe(16),
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": secrets.token_urlsafe(32),
            "code_challenge_method": "S256",
        }
        return Reply(302, headers={"Location": f"{authorize_url}?{urlencode(asked)}"})

    return route


def _to_own_page(login: str) -> Route:
    return lambda _query: Reply(303, headers={"Location": f"{login}?state={secrets.token_urlsafe(16)}"})


def _own_page() -> Route:
    """As Pinniped asks for the account of a directory."""
    body = (
        '<!doctype html><html lang="en"><head><title>Pinniped</title></head><body><h1>Log in to ldap</h1>'
        '<form method="post"><input name="username" aria-label="Username" autocomplete="username">'
        '<input name="password" type="password" aria-label="Password" autocomplete="current-password">'
        "<button>Log in</button></form></body></html>"
    )
    return lambda _query: Reply(200, body.encode(), {"Content-Type": _HTML})


def _back(target: str) -> Route:
    return lambda query: Reply(303, headers={"Location": f"{target}?{query}"} if query else {"Location": target})


def _part() -> int:
    return secrets.randbelow(254) + 1


def _server_context(cert_chain_pem: str, key_pem: str) -> ssl.SSLContext:
    """ssl reads certificates from files only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="edge-") as folder:
        cert_file, key_file = Path(folder, "tls.crt"), Path(folder, "tls.key")
        cert_file.write_text(cert_chain_pem, encoding="ascii")
        key_file.touch(mode=0o600)
        key_file.write_text(key_pem, encoding="ascii")
        context.load_cert_chain(cert_file, key_file)
    return context


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], edge: Edge) -> None:
        self.edge = edge
        self._default = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._default.sni_callback = self._choose
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without the base class's look-up of the host's full name, which asks a name server."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "edge", self.server_address[1]

    def get_request(self) -> tuple[socket.socket, Any]:
        """The handshake is left to the connection's own thread."""
        connection, address = super().get_request()
        connection.settimeout(REQUEST_SECONDS)
        return self._default.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, _request: Any, client_address: Any) -> None:
        log.debug("connection of %s to the practice edge ended", client_address, exc_info=True)

    def _choose(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> int | None:
        context = self.edge.context_of(name or "")
        if context is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = context
        return None


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        reply = self.server.edge.reply(self.headers.get("Host", ""), self.path)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if with_body:
            with contextlib.suppress(OSError):
                self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)
