"""The OCI Distribution API: routes, who may use them, and the switchable read-only mode."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from installer_tasks.rehearsal.registry.answers import Answer, Refusal, json_answer, page_not_found
from installer_tasks.rehearsal.registry.auth import Access, Gate
from installer_tasks.rehearsal.registry.blobs import Blobs
from installer_tasks.rehearsal.registry.faults import READ_ONLY, SHALLOW, Faults
from installer_tasks.rehearsal.registry.manifests import Manifests
from installer_tasks.rehearsal.registry.requests import Request
from installer_tasks.rehearsal.registry.storage import valid_name

Route = Callable[..., Answer]

_ACTIONS = {
    "GET": ("pull",),
    "HEAD": ("pull",),
    "POST": ("pull", "push"),
    "PUT": ("pull", "push"),
    "PATCH": ("pull", "push"),
    "DELETE": ("delete",),
}
_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


class Distribution:
    def __init__(self, gate: Gate, blobs: Blobs, manifests: Manifests, faults: Faults) -> None:
        self._gate = gate
        self._faults = faults
        self._manifests = manifests
        self._routes: tuple[tuple[re.Pattern[str], Mapping[str, Route]], ...] = (
            (_path(r"/blobs/uploads/?"), {"POST": blobs.open}),
            (
                _path(r"/blobs/uploads/([^/]+)"),
                {"GET": blobs.status, "PATCH": blobs.append, "PUT": blobs.finish, "DELETE": blobs.cancel},
            ),
            (_path(r"/blobs/([^/]+)"), {"GET": blobs.get, "HEAD": blobs.get, "DELETE": blobs.delete}),
            (
                _path(r"/manifests/([^/]+)"),
                {"GET": manifests.get, "HEAD": manifests.get, "PUT": manifests.put, "DELETE": manifests.delete},
            ),
            (_path(r"/tags/list"), {"GET": manifests.tags}),
            (_path(r"/referrers/([^/]+)"), {"GET": manifests.referrers}),
        )

    def answer(self, request: Request) -> Answer:
        try:
            answer = self._answer(request)
        except Refusal as refusal:
            answer = refusal.answer()
        return Answer(answer.status, answer.body, {**_VERSION, **answer.headers})

    def _answer(self, request: Request) -> Answer:
        if request.path in ("/v2", "/v2/"):
            self._gate.require_login(request)
            return json_answer(200, {})
        if request.path == "/v2/_catalog":
            self._gate.require_admin(request)
            return self._manifests.catalog(request)
        return self._in_repository(request)

    def _in_repository(self, request: Request) -> Answer:
        for pattern, methods in self._routes:
            match = pattern.fullmatch(request.path)
            if match and valid_name(match[1]):
                return self._call(request, methods, match.groups())
        return page_not_found()

    def _call(self, request: Request, methods: Mapping[str, Route], arguments: tuple[Any, ...]) -> Answer:
        route = methods.get(request.method)
        if route is None:
            allowed = {"Allow": ", ".join(sorted(methods))}
            raise Refusal(405, "UNSUPPORTED", "the operation is unsupported", headers=allowed)
        repository = str(arguments[0])
        self._gate.require(request, Access(repository, _ACTIONS[request.method]))
        self._check_writable(request)
        if repository.count("/") > 1 and self._faults.active(SHALLOW):
            raise Refusal(400, "NAME_INVALID", "invalid repository name: a project and a name, no more")
        if "/" not in repository:
            raise Refusal(400, "NAME_INVALID", f"repository {repository} is not in a project")
        return route(request, *arguments)

    def _check_writable(self, request: Request) -> None:
        if request.method not in ("GET", "HEAD") and self._faults.active(READ_ONLY):
            raise Refusal(403, "DENIED", "The system is in read only mode. Any modification is prohibited.")


def _path(rest: str) -> re.Pattern[str]:
    return re.compile(rf"/v2/(.+?){rest}")
