"""The part of Harbor's own API (`/api/v2.0`) that an installer uses: health, system information, projects, quotas."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installer_tasks.rehearsal.registry.answers import Answer, Refusal, json_answer
from installer_tasks.rehearsal.registry.auth import Gate
from installer_tasks.rehearsal.registry.faults import DISK_NEARLY_FULL, READ_ONLY, Faults
from installer_tasks.rehearsal.registry.projects import NAME, Project, Projects
from installer_tasks.rehearsal.registry.requests import Request
from installer_tasks.rehearsal.registry.storage import Storage

VERSION = "v2.11.2-practice"
_LIMIT = 64 * 1024
_COMPONENTS = ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl")

Route = Callable[..., Answer]


@dataclass(frozen=True)
class Harbor:
    gate: Gate
    projects: Projects
    storage: Storage
    faults: Faults
    ca_file: Path | None

    def answer(self, request: Request) -> Answer:
        method = "GET" if request.method == "HEAD" and request.path != "/api/v2.0/projects" else request.method
        for allowed, pattern, route in self._routes():
            match = re.fullmatch(pattern, request.path)
            if match and allowed == method:
                return route(request, *match.groups())
        raise Refusal(404, "NOT_FOUND", "The path was not found")

    def _routes(self) -> tuple[tuple[str, str, Route], ...]:
        return (
            ("GET", "/api/version", lambda _: json_answer(200, {"version": "v2.0"})),
            ("GET", "/api/v2.0/ping", lambda _: Answer(200, b"Pong", {"Content-Type": "text/plain"})),
            ("GET", "/api/v2.0/health", self._health),
            ("GET", "/api/v2.0/systeminfo", self._system),
            ("GET", "/api/v2.0/systeminfo/getcert", self._certificate),
            ("GET", "/api/v2.0/systeminfo/volumes", self._volumes),
            ("GET", "/api/v2.0/users/current", self._current_user),
            ("GET", "/api/v2.0/quotas", self._quotas),
            ("GET", "/api/v2.0/projects", self._list),
            ("HEAD", "/api/v2.0/projects", self._head),
            ("POST", "/api/v2.0/projects", self._create),
            ("GET", "/api/v2.0/projects/([^/]+)", self._show),
            ("GET", "/api/v2.0/projects/([^/]+)/summary", self._summary),
        )

    def _health(self, request: Request) -> Answer:  # noqa: ARG002 - a route's shape
        components = [{"name": name, "status": "healthy"} for name in _COMPONENTS]
        return json_answer(200, {"status": "healthy", "components": components})

    def _system(self, request: Request) -> Answer:
        content: dict[str, Any] = {"auth_mode": "db_auth", "self_registration": False, "harbor_version": VERSION}
        if request.caller.user:
            content |= {
                "registry_url": request.base_url.removeprefix("https://"),
                "external_url": request.base_url,
                "has_ca_root": self.ca_file is not None,
                "project_creation_restriction": "adminonly",
                "read_only": self.faults.active(READ_ONLY),
                "registry_storage_provider_name": "filesystem",
            }
        return json_answer(200, content)

    def _certificate(self, request: Request) -> Answer:  # noqa: ARG002 - a route's shape
        if self.ca_file is None:
            raise Refusal(404, "NOT_FOUND", "certificate not found")
        headers = {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment; filename=ca.crt"}
        return Answer(200, self.ca_file.read_bytes(), headers)

    def _volumes(self, request: Request) -> Answer:
        _require_admin(request)
        usage = shutil.disk_usage(self.storage.folder)
        free = 1024**2 if self.faults.active(DISK_NEARLY_FULL) else usage.free
        return json_answer(200, {"storage": [{"total": usage.total, "free": free}]})

    def _current_user(self, request: Request) -> Answer:
        user = request.caller.user
        if user is None or user.role == "robot":
            raise _unauthorized()
        return json_answer(200, {"username": user.name, "sysadmin_flag": user.is_admin})

    def _quotas(self, request: Request) -> Answer:
        _require_admin(request)
        wanted = request.parameter("reference_id")
        projects = [project for project in self.projects.all() if wanted in ("", str(project.identifier))]
        return json_answer(200, [self._quota(project) for project in projects])

    def _list(self, request: Request) -> Answer:
        """By part of the name, as Harbor does: whoever asks for `tmc` gets `tmc-old` too."""
        part, public = request.parameter("name"), request.parameter("public")
        found = [project for project in self.projects.all() if self.gate.may_see(request.caller, project.name)]
        found = [project for project in found if part in project.name]
        found = [project for project in found if not public or project.public == (public == "true")]
        page, size = max(request.number("page", 1), 1), request.number("page_size", 10) or len(found)
        rows = [self._project(project) for project in found[(page - 1) * size : page * size]]
        return json_answer(200, rows, **{"X-Total-Count": str(len(found))})

    def _head(self, request: Request) -> Answer:
        name = request.parameter("project_name")
        self._visible(request, self.projects.get(name), name)
        return Answer(200)

    def _show(self, request: Request, name_or_id: str) -> Answer:
        return json_answer(200, self._project(self._named(request, name_or_id)))

    def _summary(self, request: Request, name_or_id: str) -> Answer:
        project = self._named(request, name_or_id)
        content: dict[str, Any] = {"repo_count": len(self.storage.repositories(project.name))}
        user = request.caller.user
        if user and user.role != "robot" and user.is_member(project.name):
            quota = self._quota(project)
            content["quota"] = {"hard": quota["hard"], "used": quota["used"]}
        return json_answer(200, content)

    def _create(self, request: Request) -> Answer:
        _require_user(request)
        if not request.caller.is_admin:
            raise Refusal(403, "FORBIDDEN", "Only system admin can create project")
        if self.faults.active(READ_ONLY):
            raise Refusal(403, "DENIED", "The system is in read only mode. Any modification is prohibited.")
        wanted = _wanted_project(request)
        project = self.projects.create(
            wanted.name, public=wanted.public, storage_limit=wanted.storage_limit, owner=request.caller.name
        )
        if project is None:
            raise Refusal(409, "CONFLICT", f"The project named {wanted.name} already exists")
        return Answer(201, headers={"Location": f"{request.path}/{project.identifier}"})

    def _named(self, request: Request, name_or_id: str) -> Project:
        by_name = request.headers.get("X-Is-Resource-Name", "").lower() == "true" or not name_or_id.isdigit()
        found = self.projects.get(name_or_id) if by_name else self.projects.by_identifier(int(name_or_id))
        return self._visible(request, found, name_or_id)

    def _visible(self, request: Request, project: Project | None, name: str) -> Project:
        if project and self.gate.may_see(request.caller, project.name):
            return project
        _require_user(request)
        if project is None:
            raise Refusal(404, "NOT_FOUND", f"project {name} not found")
        raise Refusal(403, "FORBIDDEN", "forbidden")

    def _project(self, project: Project) -> dict[str, Any]:
        return {
            "project_id": project.identifier,
            "name": project.name,
            "owner_name": project.owner,
            "registry_id": project.registry_id,
            "metadata": {"public": "true" if project.public else "false"} | dict.fromkeys(project.policies, "true"),
            "repo_count": len(self.storage.repositories(project.name)),
            "creation_time": project.created,
            "update_time": project.created,
        }

    def _quota(self, project: Project) -> dict[str, Any]:
        return {
            "id": project.identifier,
            "ref": {"id": project.identifier, "name": project.name, "owner_name": project.owner},
            "hard": {"storage": project.storage_limit},
            "used": {"storage": self.storage.project_bytes(project.name)},
            "creation_time": project.created,
            "update_time": project.created,
        }


@dataclass(frozen=True)
class _Wanted:
    name: str
    public: bool
    storage_limit: int


def _wanted_project(request: Request) -> _Wanted:
    try:
        content = json.loads(request.body.read(_LIMIT))
        name, metadata = str(content["project_name"]), content.get("metadata") or {}
        # Old clients say `public: true` beside the name, current ones "true" in the metadata.
        public = str(metadata.get("public") or content.get("public") or "false").lower()
        limit = int(content.get("storage_limit") or -1)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refusal(422, "UNPROCESSABLE_ENTITY", "the body is not a project") from error
    if not NAME.fullmatch(name) or len(name) > 255:
        message = f"project name {name} is not in correct format, it must be lower case"
        raise Refusal(400, "BAD_REQUEST", message)
    if public not in ("true", "false"):
        raise Refusal(400, "BAD_REQUEST", "metadata.public should only be 'true' or 'false'")
    return _Wanted(name, public == "true", limit)


def _require_user(request: Request) -> None:
    if request.caller.user is None:
        raise _unauthorized()


def _require_admin(request: Request) -> None:
    _require_user(request)
    if not request.caller.is_admin:
        raise Refusal(403, "FORBIDDEN", "forbidden")


def _unauthorized() -> Refusal:
    return Refusal(401, "UNAUTHORIZED", "unauthorized")
