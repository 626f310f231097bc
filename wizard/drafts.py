"""What somebody typed into a step's form and the server could not save: given back in the form, once it can be.

For people without JavaScript; with it the page stays open and sends its form again (static/session.js). A draft has no
secret and no file: those have to be given again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve, reverse

from wizard import steps
from wizard.steps.base import SECRETS, Step

KEY = "draft"
#: A draft travels through the sign-in page and lies in the session; a CA bundle has a few kilobytes.
LARGEST = 200_000
#: Addresses to which a step's form is sent.
SENT_TO = ("step", "generate")


@dataclass(frozen=True)
class Draft:
    """The values by the names of the fields, and the page of the step."""

    path: str
    fields: dict[str, str]

    def dump(self) -> str:
        return json.dumps({"path": self.path, "fields": self.fields})


def sent_with(request: HttpRequest) -> Draft | None:
    """The draft in a form that a page of ours has sent; none in what another site made the browser send."""
    match = request.resolver_match
    if request.method != "POST" or match is None or match.url_name not in SENT_TO or not _sent_by_us(request):
        return None
    step = steps.BY_SLUG[match.kwargs["slug"]]
    fields = {name: value for name, value in _typed(step, request.POST) if value}
    return _fitting(Draft(reverse("step", args=[match.kwargs["pk"], step.slug]), fields)) if fields else None


def carried(request: HttpRequest) -> Draft | None:
    """The draft that a sign-in page carries along, if it is one."""
    given = request.POST.get(KEY, "")
    try:
        return _read(given) if len(given) <= LARGEST else None
    except (ValueError, KeyError, TypeError, AttributeError, Resolver404):
        return None


def _read(given: str) -> Draft | None:
    found = json.loads(given)
    names = _open_fields(_step_of(found["path"]))
    fields = {name: value for name, value in found["fields"].items() if name in names and isinstance(value, str)}
    return Draft(found["path"], fields) if fields else None


def keep(request: HttpRequest, draft: Draft) -> str:
    """For the page of the step, which is returned."""
    request.session[KEY] = {"path": draft.path, "fields": draft.fields}
    return draft.path


def take(request: HttpRequest) -> Mapping[str, str]:
    """What this page's form had, once."""
    found = request.session.get(KEY)
    if not found or found["path"] != request.path:
        return {}
    del request.session[KEY]
    fields: dict[str, str] = found["fields"]
    return fields


def _typed(step: Step, data: Any) -> list[tuple[str, str]]:
    fields = step.form.base_fields
    sent = [(name, fields[name].widget.value_from_datadict(data, {}, name)) for name in _open_fields(step)]
    return [(name, value) for name, value in sent if isinstance(value, str) and "PRIVATE KEY" not in value]


def _open_fields(step: Step) -> list[str]:
    return [name for name, field in step.form.base_fields.items() if not isinstance(field, SECRETS)]


def _fitting(draft: Draft) -> Draft | None:
    return draft if len(draft.dump()) <= LARGEST else None


def _step_of(path: str) -> Step:
    match = resolve(path)
    if match.url_name != "step":
        raise Resolver404
    return steps.BY_SLUG[match.kwargs["slug"]]


def _sent_by_us(request: HttpRequest) -> bool:
    ours = f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Origin") in (ours, *settings.CSRF_TRUSTED_ORIGINS)
