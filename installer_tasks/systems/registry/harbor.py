"""The few questions to Harbor's own API: is it one, is there a project, may it be created, how much room is left.

A robot account may see less than a person. What may not be seen is None, never a guess and never a failure of the push.
No cookies are kept, so Harbor asks for no CSRF token.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from installer_tasks.local.outside import shortened
from installer_tasks.systems.registry.answers import Answer, error_of
from installer_tasks.systems.registry.client import RegistryClient
from installer_tasks.systems.registry.errors import UnexpectedAnswer
from installer_tasks.text import mark as _
from installer_tasks.text import text

API = "/api/v2.0"
#: Metadata of a project that keep images from being pulled which nobody has scanned or signed.
POLICIES = frozenset({"prevent_vul", "enable_content_trust", "enable_content_trust_cosign"})
_BY_NAME = {"X-Is-Resource-Name": "true"}  # else a project called 2024 is looked up by number


@dataclass(frozen=True)
class SystemInfo:
    """What Harbor says of itself."""

    version: str  #: empty when it is told to known users only
    read_only: bool
    auth_mode: str  #: db_auth, ldap_auth, oidc_auth
    project_creation: str = ""  #: everyone, adminonly; empty when not told
    storage: str = ""  #: filesystem, s3, ...; empty when not told


@dataclass(frozen=True)
class Project:
    """A project as far as this user may see it."""

    id: int
    name: str
    public: bool
    policies: frozenset[str] = frozenset()  #: of POLICIES, those that are on
    cache_of: int = 0  #: number of the registry that the project is a proxy cache of


@dataclass(frozen=True)
class Person:
    """Who asks, where it is a person: robot accounts are told nothing of themselves."""

    name: str
    is_admin: bool


@dataclass(frozen=True)
class Quota:
    """Bytes. `limit` is None where there is none."""

    used: int
    limit: int | None

    @property
    def free(self) -> int | None:
        return None if self.limit is None else max(self.limit - self.used, 0)


class Harbor:
    """Harbor's API at the address of a registry, asked with the registry client's user."""

    def __init__(self, client: RegistryClient) -> None:
        self._client = client

    def system_info(self) -> SystemInfo | None:
        """None: this registry is not a Harbor."""
        answer = self._get(f"{API}/systeminfo")
        document = _object(answer) if answer.status == 200 else None
        if document is None or "auth_mode" not in document:
            return None
        return SystemInfo(
            str(document.get("harbor_version", "")),
            document.get("read_only") is True,
            str(document["auth_mode"]),
            str(document.get("project_creation_restriction", "")),
            str(document.get("registry_storage_provider_name", "")),
        )

    def person(self) -> Person | None:
        """None: a robot account, or somebody who is told nothing."""
        answer = self._get(f"{API}/users/current")
        document = _object(answer) if answer.status == 200 else None
        if document is None or "username" not in document:
            return None
        return Person(str(document["username"]), document.get("sysadmin_flag") is True)

    def free_bytes(self) -> int | None:
        """Free on the registry's disk; None where that is not told, as it is to administrators alone."""
        answer = self._get(f"{API}/systeminfo/volumes")
        document = _object(answer) if answer.status == 200 else None
        volumes = document.get("storage") if document else None
        known = volumes if isinstance(volumes, list) else []
        found = [volume.get("free") for volume in known if isinstance(volume, dict)]
        return next((free for free in found if isinstance(free, int)), None)

    def project(self, name: str) -> Project | None:
        """None: no such project, or none that this user may see."""
        answer = self._get(f"{API}/projects/{name}", _BY_NAME)
        if answer.status in (401, 403, 404):
            return None
        document = _expect_object(answer)
        metadata = document.get("metadata")
        if not isinstance(metadata, dict):
            metadata = {}
        on = {key for key, value in metadata.items() if str(value).lower() == "true"}
        identifier = document.get("project_id")
        if not isinstance(identifier, int):
            raise _unlike_harbor(answer)
        source = document.get("registry_id")
        cache_of = source if isinstance(source, int) and not isinstance(source, bool) else 0
        return Project(identifier, name, "public" in on, POLICIES & on, cache_of)

    def cached_address(self, project: Project) -> str:
        """Of the registry that a proxy cache fetches from; its number where this user may not see more."""
        answer = self._get(f"{API}/registries/{project.cache_of}")
        document = _object(answer) if answer.status == 200 else None
        return shortened(str((document or {}).get("url") or f"#{project.cache_of}"), 200)

    def project_exists(self, name: str) -> bool:
        """Whether there is such a project, also for those who may not look into it."""
        answer = self._client.transport.request("HEAD", f"{API}/projects?{urlencode({'project_name': name})}")
        if answer.status in (200, 404):
            return answer.status == 200
        raise error_of(answer)

    def create_project(self, name: str, *, public: bool = True, storage_limit: int | None = None) -> bool:
        """Create the project; False when it exists already. Denied when this user may not.

        `storage_limit` is for administrators only, so it is sent only when asked for.
        """
        wanted: dict[str, Any] = {"project_name": name, "metadata": {"public": "true" if public else "false"}}
        if storage_limit is not None:
            wanted["storage_limit"] = storage_limit
        body, headers = json.dumps(wanted).encode(), {"Content-Type": "application/json"}
        answer = self._client.transport.request("POST", f"{API}/projects", headers=headers, body=body)
        if answer.status in (200, 201, 409):
            return answer.status != 409
        raise error_of(answer)

    def quota(self, project: Project) -> Quota | None:
        """None: this user may not see it."""
        query = urlencode({"reference": "project", "reference_id": project.id})
        answer = self._get(f"{API}/quotas?{query}")
        found = _quota(answer, project.id)
        return found or self._summary_quota(project)

    def _summary_quota(self, project: Project) -> Quota | None:
        """Members of a project see its quota in its summary."""
        answer = self._get(f"{API}/projects/{project.id}/summary")
        document = _object(answer) if answer.status == 200 else None
        quota = document.get("quota") if document else None
        return _as_quota(quota) if isinstance(quota, dict) else None

    def _get(self, address: str, headers: dict[str, str] | None = None) -> Answer:
        return self._client.transport.request("GET", address, headers=headers)


def _quota(answer: Answer, project: int) -> Quota | None:
    if answer.status != 200:
        return None
    try:
        entries = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    for entry in entries if isinstance(entries, list) else []:
        reference = entry.get("ref") if isinstance(entry, dict) else None
        if isinstance(reference, dict) and reference.get("id") == project:
            return _as_quota(entry)
    return None


def _as_quota(entry: dict[str, Any]) -> Quota | None:
    hard, taken = entry.get("hard"), entry.get("used")
    if not isinstance(hard, dict) or not isinstance(taken, dict):
        return None
    limit, used = hard.get("storage"), taken.get("storage")
    if not isinstance(limit, int) or not isinstance(used, int):
        return None
    return Quota(used, None if limit < 0 else limit)


def _object(answer: Answer) -> dict[str, Any] | None:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _expect_object(answer: Answer) -> dict[str, Any]:
    if answer.status != 200:
        raise error_of(answer)
    document = _object(answer)
    if document is None:
        raise _unlike_harbor(answer)
    return document


def _unlike_harbor(answer: Answer) -> UnexpectedAnswer:
    cause = text(_("%(request)s did not respond like Harbor."), request=answer.request)
    return UnexpectedAnswer(cause, value=answer.url, detail=answer.detail)
