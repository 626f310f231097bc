"""The registry: is it one, does it take the user, may nodes pull, is there room, and a real trial push."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from installer_tasks.errors import Missing, Refused
from installer_tasks.preflight.facts import registry_trial
from installer_tasks.preflight.facts.authority import supplied
from installer_tasks.preflight.facts.base import Observations, Probe
from installer_tasks.preflight.facts.descriptions import described
from installer_tasks.preflight.facts.registry_trial import needed_bytes
from installer_tasks.preflight.shapes import registry as shapes
from installer_tasks.systems import certificates
from installer_tasks.systems.registry import Harbor, Reference, RegistryClient, auth
from installer_tasks.systems.registry.answers import Answer, error_of
from installer_tasks.systems.registry.errors import NotARegistry
from installer_tasks.systems.registry.probes import presented_chain
from installer_tasks.systems.registry.trial import TRIAL_NAME
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: For the first word of a registry; a server that accepts and says nothing must not hold the page up.
FIRST_ANSWER = 10.0
#: For all of the first answer, of a server that drips.
FIRST_WORD = 15.0
#: Bytes of the first answer: a registry says `{}` or a short error; a larger one is a page, or means no good.
FIRST_ANSWER_SIZE = 64 << 10
LOOKS = 2  #: at how long an answer takes


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    def ping() -> shapes.Ping:
        return _ping(Reference.parse(answers["registry.project"]).host, supplied(answers, "registry.ca"))

    if observations.observe(shapes.PING, ping, seconds=FIRST_WORD) is None:
        return
    target = Reference.parse(answers["registry.project"])
    ca = supplied(answers, "registry.ca")
    observations.observe(shapes.CERTIFICATE, lambda: _certificate(target.host, ca))
    client = RegistryClient(target.host, answers["registry.username"], answers["registry.password"], ca)
    try:
        _look(client, target, answers, observations)
    finally:
        client.close()


def _look(client: RegistryClient, target: Reference, answers: Mapping[str, str], observations: Observations) -> None:
    ca = supplied(answers, "registry.ca")
    if observations.observe(shapes.LOGIN, lambda: _login(client)) is None:
        return
    project = observations.observe(shapes.PROJECT, lambda: _project(client, target, ca))
    if project is None:
        return
    probes: list[Probe] = [Probe(shapes.ROOM, lambda: _room(client, target, project, answers))]
    if not project["exists"]:
        probes.append(Probe(shapes.CREATION, lambda: _creation(client)))
    observations.observe_together(*probes)
    if project["exists"] and observations.wants(*registry_trial.FACTS):
        registry_trial.collect(client, target, answers, observations)


def _ping(host: str, ca: str | None) -> shapes.Ping:
    """Asked without a user: a registry answers 200, or 401 with a challenge."""
    client = RegistryClient(host, ca_pem=ca)
    try:
        answer = client.transport.request("GET", "/v2/", seconds=FIRST_ANSWER, limit=FIRST_ANSWER_SIZE)
    except Refused:  # by its token service, to which only a registry sends people
        return {"host": host, "status": 401}
    finally:
        client.close()
    if answer.status == 403:
        raise _not_let_in(host, answer.detail)
    if answer.status == 429 or answer.status >= 500:
        raise error_of(answer)
    if answer.status not in (200, 401) or not _speaks_as_one(answer):
        raise NotARegistry(
            text(
                _("%(host)s is not a container registry: it returned HTTP %(status)d."), host=host, status=answer.status
            ),
            value=host,
            detail=answer.detail,
        )
    return {"host": host, "status": answer.status}


def _speaks_as_one(answer: Answer) -> bool:
    """Registries say `{}`, `true` or nothing here, or name the protocol; others show a page."""
    if "Docker-Distribution-Api-Version" in answer.headers or "WWW-Authenticate" in answer.headers:
        return True
    try:
        return not answer.body or json.loads(answer.body) in ({}, True)
    except (ValueError, RecursionError):
        return False


def _not_let_in(host: str, detail: str) -> Refused:
    return Refused(
        text(_("%(host)s rejects this machine before authentication: it returned HTTP 403."), host=host),
        value=host,
        remedy=text(_("Allow this machine's address in the access list or firewall in front of the registry.")),
        detail=detail,
        code="registry-access-list",
    )


def _certificate(host: str, ca: str | None) -> shapes.Certificate:
    """What is presented; `days` are those until the first of it ends."""
    chain = presented_chain(host, ca)
    first = min(chain, key=lambda item: item.not_valid_after_utc)
    return {
        "host": host,
        "chain": [described(item) for item in chain],
        "ends_first": certificates.describe(first)["subject"],
        "days": (first.not_valid_after_utc - datetime.now(UTC)).days,
    }


def _login(client: RegistryClient) -> shapes.Login:
    return {"user": client.username, "seconds": _quickest(client)}


def _quickest(client: RegistryClient) -> float:
    """Seconds for an answer: one late packet is no slow registry."""
    return round(min(client.ping() for _attempt in range(LOOKS)), 3)


def _project(client: RegistryClient, target: Reference, ca: str | None) -> shapes.Project:
    harbor = Harbor(client)
    info = harbor.system_info()
    if info is None:
        return {
            "harbor": False,
            "name": target.project,
            "exists": True,
            "policies": None,
            "public": _anybody_may_pull(target, ca),
            "read_only": False,
            "cache_of": "",
        }
    project = harbor.project(target.project)
    return {
        "harbor": True,
        "version": info.version,
        "name": target.project,
        "exists": project is not None or harbor.project_exists(target.project),
        # A robot account may push into a project that it may not look into.
        "public": project.public if project else _anybody_may_pull(target, ca),
        "read_only": info.read_only,
        "policies": sorted(project.policies) if project else None,
        "cache_of": harbor.cached_address(project) if project and project.cache_of else "",
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


def _creation(client: RegistryClient) -> shapes.Creation:
    """Who asks, and whom Harbor lets create projects."""
    harbor = Harbor(client)
    person, info = harbor.person(), harbor.system_info()
    return {
        "user": client.username,
        "is_person": person is not None,
        "is_admin": person is not None and person.is_admin,
        "allowed": info.project_creation if info else "",
    }


def _room(
    client: RegistryClient, target: Reference, project: shapes.Project, answers: Mapping[str, str]
) -> shapes.Room:
    """Bytes free in the project's quota and on the disk, as far as this user may see them; bytes that are needed."""
    free, disk = None, None
    if project["harbor"]:
        harbor = Harbor(client)
        found = harbor.project(target.project)
        quota = harbor.quota(found) if found else None
        info = harbor.system_info()
        free = quota.free if quota else None
        # Elsewhere the figure is that of a disk on which no image is kept.
        disk = harbor.free_bytes() if info and info.storage in ("", "filesystem") else None
    return {"free": free, "disk": disk, "needed": needed_bytes(answers)}
