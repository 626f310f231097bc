"""The registry: is it one, does it take the user, may nodes pull, is there room, and a real trial push."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from installer_tasks.bundle.folder import read_release_bundle
from installer_tasks.errors import InstallerError, Missing, Refused
from installer_tasks.facts.authority import supplied
from installer_tasks.facts.base import Observations
from installer_tasks.facts.trial_images import prove_push
from installer_tasks.registry import Harbor, Reference, RegistryClient, auth
from installer_tasks.registry.errors import NotARegistry
from installer_tasks.registry.trial import TRIAL_NAME
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: For the first word of a registry; a server that accepts and says nothing must not hold the page up.
FIRST_ANSWER = 10.0


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    target: list[Reference] = []

    def ping() -> dict[str, Any]:
        parsed = Reference.parse(answers["registry.project"])
        found = _ping(parsed.host, supplied(answers, "registry.ca"))
        target.append(parsed)
        return found

    if observations.observe("ping", ping) is None:
        return
    ca = supplied(answers, "registry.ca")
    client = RegistryClient(target[0].host, answers["registry.username"], answers["registry.password"], ca)
    try:
        _look(client, target[0], answers, observations)
    finally:
        client.close()


def _look(client: RegistryClient, target: Reference, answers: Mapping[str, str], observations: Observations) -> None:
    login = observations.observe("login", lambda: {"user": client.username, "seconds": round(client.ping(), 3)})
    if login is None:
        return
    project = observations.observe("project", lambda: _project(client, target, supplied(answers, "registry.ca")))
    if project is None:
        return
    looks = {"room": partial(_room, client, target, project, answers)}
    if project["exists"]:
        looks["trial"] = partial(_trial, client, target)
    observations.observe_together(looks)


def _ping(host: str, ca: str | None) -> dict[str, Any]:
    """Asked without a user: a registry answers 200, or 401 with a challenge."""
    client = RegistryClient(host, ca_pem=ca)
    try:
        answer = client.transport.request("GET", "/v2/", seconds=FIRST_ANSWER)
    except Refused:  # by its token service, to which only a registry sends people
        return {"host": host, "status": 401}
    finally:
        client.close()
    if answer.status not in (200, 401) or b"<html" in answer.body[:1000].lower():
        raise NotARegistry(
            text(_("%(host)s is not a container registry: it answered %(status)d."), host=host, status=answer.status),
            value=host,
            detail=answer.detail,
        )
    return {"host": host, "status": answer.status}


def _project(client: RegistryClient, target: Reference, ca: str | None) -> dict[str, Any]:
    harbor = Harbor(client)
    info = harbor.system_info()
    if info is None:
        found = {"harbor": False, "name": target.project, "exists": True}
        return {**found, "public": _anybody_may_pull(target, ca), "read_only": False}
    project = harbor.project(target.project)
    return {
        "harbor": True,
        "version": info.version,
        "name": target.project,
        "exists": project is not None or harbor.project_exists(target.project),
        # A robot account may push into a project that it may not look into.
        "public": project.public if project else _anybody_may_pull(target, ca),
        "read_only": info.read_only,
    }


def _anybody_may_pull(target: Reference, ca: str | None) -> bool:
    """Asked without a user, as nodes do: that a repository is not there yet (404) is an answer, a refusal is none."""
    repository = target.repository(TRIAL_NAME)
    client = RegistryClient(target.host, ca_pem=ca)
    try:
        answer = client.transport.request("GET", f"/v2/{repository}/tags/list", scopes=(auth.pull(repository),))
    except (Refused, Missing):
        return False
    finally:
        client.close()
    return answer.status in (200, 404)


def _trial(client: RegistryClient, target: Reference) -> dict[str, Any]:
    trial = prove_push(client, target.path)
    return {
        "repository": trial.repository,
        "digest": trial.digest,
        "removed": trial.removed,
        "kept": trial.kept_because,
    }


def _room(
    client: RegistryClient, target: Reference, project: Mapping[str, Any], answers: Mapping[str, str]
) -> dict[str, Any]:
    """Bytes free in the project's quota, where it has one and this user may see it; bytes that the bundle needs."""
    free = None
    if project["harbor"] and project["exists"]:
        harbor = Harbor(client)
        found = harbor.project(target.project)
        quota = harbor.quota(found) if found else None
        free = quota.free if quota else None
    return {"free": free, "needed": _needed(answers) if free is not None else None}


def _needed(answers: Mapping[str, str]) -> int | None:
    try:
        return read_release_bundle(Path(answers["bundle.path"])).total_bytes
    except InstallerError:  # the bundle's own checks say what is wrong with it
        return None
