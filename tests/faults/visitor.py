"""A person at the installer's pages with an HTTP client, who keeps every answer that was ever served."""

from __future__ import annotations

import re
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from itertools import takewhile
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.urls import Resolver404, resolve

from tests.waiting import PATIENCE


class _Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are answers to keep, too."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Answer:
    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def name(self) -> str:
        """Of the URL pattern; empty where there is none."""
        try:
            return str(resolve(urlsplit(self.path).path).url_name)
        except Resolver404:
            return ""

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def whole(self) -> bytes:
        return "\n".join(f"{key}: {value}" for key, value in self.headers.items()).encode() + b"\n\n" + self.body


@dataclass
class Person:
    """A browser's manners without a browser; keeps every answer."""

    origin: str
    served: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()), _Stay()).open
        self._token = ""

    def look(self, path: str, **headers: str) -> Answer:
        """At this one answer."""
        return self._ask("GET", path, None, headers)

    def get(self, path: str, **headers: str) -> Answer:
        """And on to where it leads."""
        return self._follow(self.look(path, **headers))

    def post(self, path: str, **fields: str) -> Answer:
        sent = urlencode({"csrfmiddlewaretoken": self._token, **fields}).encode()
        return self._follow(self._ask("POST", path, sent, {"Origin": self.origin}))

    def send(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """As a form with files is sent; a name that ends with `_file` is one."""
        boundary = secrets.token_hex(16)
        parts = [_part(boundary, name, value) for name, value in {"csrfmiddlewaretoken": self._token, **fields}.items()]
        sent = b"".join(parts) + f"--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Origin": self.origin}
        return self._follow(self._ask("POST", path, sent, {**kind, **headers}))

    def _follow(self, answer: Answer) -> Answer:
        while answer.status == 302:
            answer = self._ask("GET", answer.headers["Location"], None, {})
        return answer

    def _ask(self, method: str, path: str, sent: bytes | None, headers: Mapping[str, str]) -> Answer:
        request = urllib.request.Request(self.origin + path, data=sent, headers=dict(headers), method=method)
        try:
            with self._open(request, timeout=PATIENCE) as response:
                return self._keep(method, path, response, _body(response))
        except urllib.error.HTTPError as error:
            with error:
                return self._keep(method, path, error, error.read())

    def _keep(self, method: str, path: str, response: HTTPResponse | urllib.error.HTTPError, body: bytes) -> Answer:
        answer = Answer(method, path, int(response.status or 0), response.headers, body)
        assert answer.status < 500, f"{answer.status} of {method} {path}: {body[:500]!r}"
        if found := re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', body):
            self._token = found[1].decode()
        self.served.append(answer)
        return answer


def _body(response: HTTPResponse) -> bytes:
    """Of an event stream, which has no end, what comes up to its first change."""
    if response.headers.get_content_type() != "text/event-stream":
        return response.read()
    return b"".join(takewhile(lambda line: not re.match(rb"data: \d", line), response))


def _part(boundary: str, name: str, value: str) -> bytes:
    file = f'; filename="{name}.txt"\r\nContent-Type: text/plain' if name.endswith("_file") else ""
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{value}\r\n'.encode()
