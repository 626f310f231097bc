"""A registry that costs next to nothing: takes every body, keeps only digests. `python -m tests.bench.sink PORT MS`.

What a push takes against it is the pusher's own cost. Bodies are thrown away inside the kernel (MSG_TRUNC), so that it
does not compete with the pusher for the processors; MS is how long each answer is held back.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import socket
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

MIB = 1 << 20
_state: dict[str, set[tuple[str, str]]] = {"blobs": set()}
_manifests: dict[tuple[str, str], tuple[str, int]] = {}
_numbers = itertools.count()


class Connection(threading.Thread):
    """One connection, request after request."""

    def __init__(self, sock: socket.socket, delay: float) -> None:
        super().__init__(daemon=True)
        self._sock = sock
        self._delay = delay
        self._held = b""
        self._scrap = bytearray(MIB)

    def run(self) -> None:
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while self._serve():
                pass
        except OSError:
            return
        finally:
            self._sock.close()

    def _serve(self) -> bool:
        while b"\r\n\r\n" not in self._held:
            if not self._more() or self._held.startswith(b"\x16"):
                return False  # a client that tries TLS first must not wait for it in vain
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _version = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("expect", "").lower() == "100-continue":
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._body(method, target, headers)
        if self._delay:
            time.sleep(self._delay)  # the latency that is measured
        status, more = answer(method, target, body)
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in more.items())]
        if "Content-Length" not in more:
            lines.append("Content-Length: 0")
        self._sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return headers.get("connection", "").lower() != "close"

    def _body(self, method: str, target: str, headers: dict[str, str]) -> bytes:
        keep = "/manifests/" in target and method == "PUT"
        if headers.get("transfer-encoding") == "chunked":
            return self._chunks(keep=keep)
        return self._take(int(headers.get("content-length") or 0), keep=keep)

    def _chunks(self, *, keep: bool) -> bytes:
        kept = b""
        while True:
            while b"\r\n" not in self._held:
                self._more()
            line, _, self._held = self._held.partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            kept += self._take(size, keep=keep)
            self._take(2, keep=False)
            if not size:
                return kept

    def _take(self, size: int, *, keep: bool) -> bytes:
        first, self._held = self._held[:size], self._held[size:]
        left = size - len(first)
        if keep:
            while left:
                part = self._sock.recv(left)
                if not part:
                    raise ConnectionError
                first, left = first + part, left - len(part)
            return first
        while left:
            taken = self._sock.recv_into(self._scrap, min(left, MIB), socket.MSG_TRUNC)
            if not taken:
                raise ConnectionError
            left -= taken
        return b""

    def _more(self) -> bool:
        part = self._sock.recv(65536)
        self._held += part
        return bool(part)


def answer(method: str, target: str, body: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers; a registry's as far as pushers look at them."""
    path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
    if path == "/v2/":
        return 200, {"Docker-Distribution-Api-Version": "registry/2.0"}
    place = re.match(r"/v2/(.+)/(manifests|blobs/uploads|blobs)/(.*)$", path)
    if place is None:
        return 404, {}
    repository, kind, reference = place.groups()
    if kind == "manifests":
        return _manifest(method, repository, reference, body)
    if kind == "blobs":
        return (200, {"Content-Length": "1"}) if (repository, reference) in _state["blobs"] else (404, {})
    return _upload(method, repository, query)


def _manifest(method: str, repository: str, reference: str, body: bytes) -> tuple[int, dict[str, str]]:
    if method == "PUT":
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        _manifests[repository, reference] = _manifests[repository, digest] = (digest, len(body))
        return 201, {"Docker-Content-Digest": digest, "Location": f"/v2/{repository}/manifests/{digest}"}
    found = _manifests.get((repository, reference))
    if found is None or method != "HEAD":
        return 404, {}
    return 200, {"Docker-Content-Digest": found[0], "Content-Length": str(found[1])}


def _upload(method: str, repository: str, query: dict[str, list[str]]) -> tuple[int, dict[str, str]]:
    blobs, location = _state["blobs"], f"/v2/{repository}/blobs/uploads/{next(_numbers)}"
    if method == "POST" and "mount" in query and (query["from"][0], query["mount"][0]) in blobs:
        blobs.add((repository, query["mount"][0]))
        return 201, {"Location": f"/v2/{repository}/blobs/{query['mount'][0]}"}
    if method == "PUT":
        digest = query["digest"][0]
        blobs.add((repository, digest))
        return 201, {"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest}
    return 202, {"Location": location, "Range": "0-0", "Docker-Upload-UUID": location}


def main() -> None:
    port, milliseconds = int(sys.argv[1]), float(sys.argv[2])
    with socket.create_server(("127.0.0.1", port), backlog=256) as server:
        while True:
            sock, _address = server.accept()
            Connection(sock, milliseconds / 1000).start()


if __name__ == "__main__":
    main()
