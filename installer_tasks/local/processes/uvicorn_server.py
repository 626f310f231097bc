"""The web server, run as a program: `uvicorn_server APPLICATION HOST PORT [CERTIFICATE KEY]`.

With TLS, whoever speaks plain HTTP is sent to the same address with https: uvicorn alone hangs up on a browser that was
given an address without it, and the person learns nothing.
"""

from __future__ import annotations

import re
import ssl
import sys
from typing import Any, cast

import uvicorn

OPTIONS: dict[str, Any] = {
    # Event streams never end by themselves: without the time limit a stop would wait for every open page.
    "timeout_graceful_shutdown": 3,
    "lifespan": "off",
    "ws": "none",
    "server_header": False,
    "access_log": False,
    # Whose X-Forwarded-For counts is for TMC_INSTALLER_PROXIES to say: uvicorn would believe everyone on this machine.
    "proxy_headers": False,
}
#: The first byte of TLS, in which nothing else that is asked here begins.
HANDSHAKE = 0x16
LONGEST = 8192
_REQUEST = re.compile(rb"([A-Z]{3,10}) (/[\x21-\x7e]{0,2000}|\*) HTTP/1\.[01]\r\n")
_HOST = re.compile(rb"\r\nhost:[ \t]{0,9}([A-Za-z0-9._:\[\]-]{1,255})[ \t]{0,9}\r\n", re.IGNORECASE)
HINT = b"This port serves HTTPS. Open the address with https:// instead of http://.\n"


def answer_to(received: bytes) -> bytes | None:
    """To what came first on a connection; None when it is not plain HTTP."""
    request = _REQUEST.match(received[:LONGEST])
    if not request:
        return None
    host = _HOST.search(received[:LONGEST])
    if host is None or request[1] not in (b"GET", b"HEAD"):
        return _response(b"400 Bad Request")
    return _response(b"307 Temporary Redirect", b"Location: https://" + host[1] + request[2] + b"\r\n")


def _response(status: bytes, headers: bytes = b"") -> bytes:
    return (
        b"HTTP/1.1 " + status + b"\r\n" + headers + b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: %d\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n%s" % (len(HINT), HINT)
    )


class Sniffing(ssl.SSLObject):
    """Looks at the first bytes before OpenSSL does, and answers in clear what is in clear."""

    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO
    _looked = _answered = False

    def do_handshake(self) -> None:
        if self._answered:  # whatever else comes is not read
            raise ssl.SSLError("plain HTTP")
        if not self._looked and self.incoming.pending:
            self._look()
        super().do_handshake()

    def _look(self) -> None:
        self._looked, received = True, self.incoming.read()
        self.incoming.write(received)
        if received[0] != HANDSHAKE and (answer := answer_to(received)):
            self._answered = True
            self.outgoing.write(answer)
            raise ssl.SSLWantReadError  # asyncio sends what is in `outgoing`


class SniffingContext(ssl.SSLContext):
    sslobject_class = Sniffing

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **more: Any) -> ssl.SSLObject:
        made = cast(Sniffing, super().wrap_bio(incoming, outgoing, *args, **more))
        made.incoming, made.outgoing = incoming, outgoing
        return made


def context(certificate: str, key: str) -> ssl.SSLContext:
    made = SniffingContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made


def main(application: str, host: str, port: str, *files: str) -> None:
    tls: dict[str, Any] = {}
    if files:
        made = context(*files)
        tls = {"ssl_context_factory": lambda _config, _default: made}
    uvicorn.run(application, host=host, port=int(port), **OPTIONS, **tls)


if __name__ == "__main__":
    main(*sys.argv[1:])
