"""One small HTTPS request with a deadline for all of it and a limit on what is read; redirects only where asked for."""

from __future__ import annotations

import codecs
import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

import urllib3
from urllib3.connection import HTTPSConnection

from installer_tasks.errors import InputError, InstallerError, Invalid
from installer_tasks.local.outside import shortened
from installer_tasks.systems.certificates.handshake import explained
from installer_tasks.systems.certificates.tls import classify_ssl_error, ssl_context
from installer_tasks.systems.net import connect, connect_https, shown, unreachable
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

TIMEOUT = 10.0
MAX_BYTES = 1 << 20
MAX_URL = 4096
MAX_REDIRECTS = 10  #: as Go's client
_BLOCK = 64 * 1024
_ADDRESS = Text(_("Enter the full URL, for example https://login.example.com/realms/tmc."))


@dataclass(frozen=True)
class Response:
    """What came back, whatever its status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400 and "location" in self.headers

    @property
    def is_html(self) -> bool:
        start = self.body[:200].lstrip().lower()
        return "html" in self.headers.get("content-type", "") or start.startswith((b"<!doctype html", b"<html"))

    def text(self) -> str:
        """For people and for looking into error pages: never fails."""
        return self.body.decode("utf-8", "replace")


def fetch(
    url: str,
    *,
    ca_pem: str | None = None,
    timeout: float = TIMEOUT,
    max_bytes: int = MAX_BYTES,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    address_override: str = "",
) -> Response:
    """GET `url`, or POST `form` to it; Unreachable, TlsFailure or Invalid when no whole answer comes in time.

    With `address_override` the connection goes to that IP address, while TLS and Host still name the URL's host: public
    names may be known to one DNS server only.
    """
    target = parse_url(url)
    host, port = target.hostname or "", target.port or 443
    context = ssl_context(ca_pem, sockets=_Deadlined)
    connection = _Connection(host, port, address_override or host, time.monotonic() + timeout, context)
    try:
        return _exchange(connection, target, headers or {}, form, max_bytes)
    except (TimeoutError, urllib3.exceptions.TimeoutError) as error:
        raise unreachable(TimeoutError(), host, port) from error
    except (ssl.SSLError, urllib3.exceptions.SSLError) as error:
        failure = classify_ssl_error(error, shown(host, port))
        raise explained(failure, address_override or host, port, host, web=not address_override) from error
    except OSError as error:
        raise unreachable(error, host, port) from error
    except (http.client.HTTPException, urllib3.exceptions.HTTPError, ValueError) as error:
        raise _not_http(url, error) from error
    finally:
        connection.close()


def follow(url: str, *, ca_pem: str | None = None, timeout: float = TIMEOUT) -> Response:
    """GET `url` and go where it is sent on to, on the same host and port alone: nobody has named another one.

    Nothing of ours goes along: no credentials, no cookies. The answer's `url` is where it came from at last.
    """
    deadline = time.monotonic() + timeout
    response = fetch(url, ca_pem=ca_pem, timeout=timeout)
    for _hop in range(MAX_REDIRECTS):
        if not response.is_redirect or response.status in (300, 304):
            return response
        onward = urljoin(response.url, response.headers["location"])
        if not _same_place(onward, url):
            return response
        try:
            response = fetch(onward, ca_pem=ca_pem, timeout=max(deadline - time.monotonic(), 0.001))
        except InstallerError as error:
            error.value = f"{without_secrets(url)} → {error.value}"
            raise
    return response


def _same_place(onward: str, url: str) -> bool:
    try:
        there, here = urlsplit(onward), urlsplit(url)
        same = (there.hostname, there.port or 443) == (here.hostname, here.port or 443)
    except ValueError:
        return False
    return same and there.scheme == "https"


def parse_url(url: str, *, field: str = "") -> SplitResult:
    """The parts of an https address; InputError says what is wrong with any other."""
    problem = ""
    target = urlsplit("")
    try:
        target = urlsplit(url)
        problem = _url_problem(url, target)
    except ValueError:
        problem = _("Its host or port is malformed.")
    if problem:
        raise InputError(Text(problem), value=without_secrets(url), remedy=_ADDRESS, field=field, code="url-malformed")
    return target


def without_secrets(url: str) -> str:
    """The address as it may be shown: without user, password and query."""
    head, separator, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return shortened(f"{head}{separator}{place.rpartition('@')[2]}{slash}{path.partition('?')[0]}", 300)


def json_object(response: Response) -> dict[str, Any]:
    """The JSON object in an answer, whatever its content type; Invalid says what it is instead.

    Read as Go reads it: bytes that are no UTF-8 are replaced, while a byte order mark and NaN are refused.
    """
    shown_url = without_secrets(response.url)
    if response.body.startswith(codecs.BOM_UTF8):
        raise _not_json(
            shown_url, "bom", _("The response from %(url)s begins with a byte order mark, which is not JSON.")
        )
    try:
        found = json.loads(response.text(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        if response.is_html:
            raise _not_json(shown_url, "html", _("%(url)s returned a web page instead of JSON.")) from error
        raise _not_json(shown_url, "not-json", _("The response from %(url)s is not JSON.")) from error
    if not isinstance(found, dict):
        raise _not_json(shown_url, "not-object", _("The response from %(url)s is JSON, but not an object."))
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


class _Deadlined(ssl.SSLSocket):
    """A TLS socket on which no call, and so no row of calls, lasts beyond the deadline: a server may send by drips."""

    deadline = 0.0

    def recv_into(self, *args: Any, **options: Any) -> int:
        self._hurry()
        return super().recv_into(*args, **options)

    def sendall(self, *args: Any, **options: Any) -> None:
        self._hurry()
        super().sendall(*args, **options)

    def _hurry(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)


class _Connection(HTTPSConnection):
    """Connects to `address`, speaks TLS and HTTP as to `host`; one deadline for everything."""

    def __init__(self, host: str, port: int, address: str, deadline: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, ssl_context=context)
        self._address = address
        self._deadline = deadline

    def _new_conn(self) -> socket.socket:
        if self._address != self.host:  # an address that a person gave for this name
            return connect(self._address, self.port, self._deadline)
        return connect_https(self.host, self.port, self._deadline)

    def connect(self) -> None:
        self.timeout = max(self._deadline - time.monotonic(), 0.001)
        super().connect()
        if isinstance(self.sock, _Deadlined):
            self.sock.deadline = self._deadline


def _exchange(
    connection: _Connection,
    target: SplitResult,
    headers: Mapping[str, str],
    form: Mapping[str, str] | None,
    max_bytes: int,
) -> Response:
    own = {"Accept-Encoding": "identity", "User-Agent": "tmc-sm-installer", "Connection": "close", **headers}
    body = None
    if form is not None:
        body = urlencode(form).encode()
        own["Content-Type"] = "application/x-www-form-urlencoded"
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    method = "GET" if form is None else "POST"
    connection.request(method, path, body=body, headers=own, preload_content=False, decode_content=False)
    answer = connection.getresponse()
    try:
        content = _limited(answer, max_bytes, target)
    finally:
        answer.close()
    return Response(
        answer.status, {name.lower(): value for name, value in answer.headers.items()}, content, target.geturl()
    )


def _limited(answer: urllib3.BaseHTTPResponse, max_bytes: int, target: SplitResult) -> bytes:
    content = bytearray()
    while block := answer.read(min(_BLOCK, max_bytes + 1 - len(content))):
        content += block
        if len(content) > max_bytes:
            url = without_secrets(target.geturl())
            raise Invalid(
                text(_("The response from %(url)s is larger than %(limit)d KiB."), url=url, limit=max_bytes // 1024),
                value=url,
                remedy=Text(_("Check that this is the address of the correct system.")),
                code="http-too-large",
            )
    return bytes(content)


def _url_problem(url: str, target: SplitResult) -> str:
    findings = (
        (len(url) > MAX_URL, _("It is too long for a URL.")),
        (
            any(sign.isspace() or not sign.isprintable() for sign in url),
            _("It contains a space or a control character."),
        ),
        (target.scheme == "http", _("It begins with http://; https:// is required.")),
        (target.scheme != "https", _("It does not begin with https://.")),
        (target.username is not None, _("It contains a user name or a password.")),
        (not target.hostname or target.port == 0, _("It has no host, or its port is 0.")),
        (not url.isascii(), _("It contains non-ASCII characters; write the host in its xn-- form.")),
    )
    return next((problem for found, problem in findings if found), "")


def _not_http(url: str, error: Exception) -> InstallerError:
    shown_url = without_secrets(url)
    return Invalid(
        text(
            _(
                "The system at %(url)s is not a web server, or it closed the connection before the "
                "response was complete."
            ),
            url=shown_url,
        ),
        value=shown_url,
        remedy=Text(_("Check the host and the port.")),
        detail=type(error).__name__,
        code="http-nonsense",
    )


def _not_json(url: str, kind: str, template: str) -> Invalid:
    return Invalid(
        text(template, url=url),
        value=url,
        remedy=Text(_("Check the address; a proxy or a sign-in page may have responded instead.")),
        code=f"http-{kind}",
    )
