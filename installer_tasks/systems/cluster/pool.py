"""The connections to one API server: an answer is read up to a size and within a time, whoever is on the other side."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3

from installer_tasks.errors import Invalid, Stalled
from installer_tasks.text import Text
from installer_tasks.text import mark as _

#: A page of 500 large objects stays below it.
LARGEST = 32 << 20
#: For one whole answer; each wait for bytes has its own, shorter one.
WHOLE = 60.0
PIECE = 1 << 16

_TOO_LARGE = Text(_("The server's response exceeds 32 MiB, more than a Kubernetes API returns."))
_TOO_SLOW = Text(_("The server's response was not complete within 60 seconds."))
_REMEDY = Text(_("Check the host, port and path of the server in the kubeconfig, and the proxies in between."))


class LimitedPool(urllib3.PoolManager):
    """As its base, but every answer except a watch is read at once, and within its limits.

    The library asks for answers that are not read yet, and then reads them to the end, whatever comes.
    """

    def urlopen(self, method: str, url: str, redirect: bool = True, **options: Any) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        options["preload_content"] = False
        answer = super().urlopen(method, url, redirect, **options)
        if "watch" not in parse_qs(urlsplit(url).query):
            answer._body = _whole(answer, url)  # type: ignore[attr-defined]
            answer.release_conn()
        return answer


def _whole(answer: urllib3.BaseHTTPResponse, url: str) -> bytes:
    deadline = time.monotonic() + WHOLE
    pieces: list[bytes] = []
    size = 0
    while piece := answer.read1(PIECE, decode_content=True):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST:
            answer.close()
            raise Invalid(_TOO_LARGE, value=_place(url), remedy=_REMEDY, code="kubernetes-flood")
        if time.monotonic() > deadline:
            answer.close()
            raise Stalled(_TOO_SLOW, value=_place(url), remedy=_REMEDY, code="kubernetes-drips")
    return b"".join(pieces)


def _place(url: str) -> str:
    target = urlsplit(url)
    return f"{target.scheme}://{target.netloc}"
