"""The practice provider as one value: start it, sign in at it, stop it."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from installer_tasks.rehearsal.fault_switch import FaultSwitch, NoFaults
from installer_tasks.rehearsal.identity.app import REALM, make_app
from installer_tasks.rehearsal.identity.grants import Provider
from installer_tasks.rehearsal.identity.people import Client, Person

log = logging.getLogger(__name__)

REQUEST_SECONDS = 30


class IdentityServer:
    """An OpenID Connect provider on loopback, over TLS."""

    def __init__(
        self,
        cert_file: Path,
        key_file: Path,
        *,
        clients: Sequence[Client],
        users: Sequence[Person],
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "localhost",
        faults: FaultSwitch | None = None,
    ) -> None:
        """`name` is what the issuer calls this machine; the certificate must hold it."""
        self._address = (host, port)
        self._name = name
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(cert_file, key_file)
        self._files = (cert_file, key_file)
        self.clients = {client.client_id: client for client in clients}
        self._odd: set[str] = set()
        on = (faults or NoFaults()).active

        def active(name: str) -> bool:
            return name in self._odd or on(name)

        self._provider = Provider({person.name: person for person in users}, self.clients, active)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> IdentityServer:
        self._server = _Server(self._address, make_app(self._provider), self._context)
        self._address = (self._address[0], self._server.port)  # the same port when started again
        self._provider.issuer = self.issuer
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="practice-identity", daemon=True
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

    def __enter__(self) -> IdentityServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return self._address[1]

    @property
    def issuer(self) -> str:
        return f"https://{self._name}:{self.port}{REALM}"

    @property
    def authorization_endpoint(self) -> str:
        return f"{self.issuer}/authorize"

    def register_redirect(self, client_id: str, redirect_uri: str) -> None:
        """As the owner of the provider does when told the callback."""
        redirects = self.clients[client_id].redirect_uris
        if redirect_uri not in redirects:
            redirects.append(redirect_uri)

    def unregister_redirects(self, client_id: str) -> list[str]:
        """What was registered; from now on nothing is."""
        redirects = self.clients[client_id].redirect_uris
        found = list(redirects)
        redirects.clear()
        return found

    def called(self, name: str) -> Callable[[], None]:
        """The issuer under another name of this machine; what is returned takes it back."""
        before, self._name = self._name, name
        self._provider.issuer = self.issuer

        def back() -> None:
            self._name = before
            self._provider.issuer = self.issuer

        return back

    def behave(self, manner: str) -> Callable[[], None]:
        """In an unusual way that is healthy (see faulty.py); what is returned ends it."""
        self._odd.add(manner)
        return lambda: self._odd.discard(manner)

    def present(self, cert_file: Path | None = None, key_file: Path | None = None) -> None:
        """Another certificate for the connections that come; without one, the first again."""
        self._context.load_cert_chain(cert_file or self._files[0], key_file or self._files[1])


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.0"  # a connection a request: nothing is left open when the server stops
    timeout = REQUEST_SECONDS

    def log(self, _type: str, message: str, *args: Any) -> None:
        log.debug(message, *args)


class _Server(ThreadedWSGIServer):
    """With the TLS handshake in the connection's own thread: a client that says nothing holds up nobody else."""

    def __init__(self, address: tuple[str, int], app: Any, context: ssl.SSLContext) -> None:
        super().__init__(*address, app, handler=_Handler)
        self.ssl_context = context

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        assert self.ssl_context is not None  # noqa: S101
        return self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, _request: Any, client_address: Any) -> None:
        log.debug("connection of %s to the practice provider ended", client_address, exc_info=True)
