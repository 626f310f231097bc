"""Parts of a page that refresh by themselves. One that did not change is not sent again, and not swapped."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.template.loader import render_to_string

#: Differs each time it is rendered, and says nothing.
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"')


def etag_of(html: str) -> str:
    return hashlib.sha256(CSRF.sub("", html).encode()).hexdigest()[:20]


def answer(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """The fragment, or 304 when the browser shows this already."""
    html = render_to_string(template, dict(context), request=request)
    etag = f'"{etag_of(html)}"'
    response = HttpResponseNotModified() if request.headers.get("If-None-Match") == etag else HttpResponse(html)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "HX-Request, Cookie"
    return response
