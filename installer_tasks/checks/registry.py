"""Judging the registry: access, certificate, project and room as facts/registry.py observes them."""

from __future__ import annotations

import json
from typing import Any

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import mark as _
from installer_tasks.text import text

MIB = 1024**2
#: Days before a certificate's end that are too few to begin an installation with.
SOON = 30
#: Seconds for an answer; a push asks some thousand questions.
SLOW = 0.5
SERVER = ("registry.project", "registry.ca")
LOGIN = (*SERVER, "registry.username", "registry.password")


def _reachable(facts: Facts) -> Verdict:
    ping = facts("registry", "ping")
    return passed(_("%(host)s answers as a container registry over TLS."), host=ping["host"], evidence=ping)


def _certificate(facts: Facts) -> Verdict:
    found = facts("registry", "certificate")
    own = found["chain"][0]
    if not own["sans"]:
        return _without_names(found)
    if found["days"] < SOON:
        return Verdict(
            Level.WARN,
            text(_("The registry's certificate ends in %(days)d days."), days=found["days"]),
            value=found["ends_first"] or found["host"],
            cause=text(_("Nodes pull images for as long as TMC-SM runs, and after that day they can not.")),
            remedy=text(_("Renew the certificate before the installation.")),
            command=f"openssl s_client -connect {_with_port(found['host'])} </dev/null | openssl x509 -noout -dates",
            evidence=found,
        )
    return passed(_("It names %(names)s and is valid for %(days)d more days."),
                  names=", ".join(own["sans"][:5]), days=found["days"], evidence=found)  # fmt: skip


def _without_names(found: dict[str, Any]) -> Verdict:
    name = found["host"].partition(":")[0]
    return Verdict(
        Level.FAIL,
        text(_("The registry's certificate has no subject alternative name.")),
        value=found["chain"][0]["subject"],
        cause=text(_("Nodes and kapp-controller refuse it: x509: certificate relies on legacy Common Name field.")),
        remedy=text(_("Have it reissued with the registry's name as a subject alternative name (SAN).")),
        command=f'openssl req -new -key registry.key -subj "/CN={name}" -addext "subjectAltName=DNS:{name}"',
        evidence=found,
    )


def _with_port(host: str) -> str:
    return host if host.rpartition(":")[2].isdigit() else f"{host}:443"


def _credentials(facts: Facts) -> Verdict:
    login = facts("registry", "login")
    return passed(_("%(user)s is accepted."), user=login["user"], evidence=login)


def _answers_quickly(facts: Facts) -> Verdict:
    login = facts("registry", "login")
    if login["seconds"] < SLOW:
        return passed(_("An answer takes %(ms)d ms."), ms=round(login["seconds"] * 1000), evidence=login)
    return Verdict(
        Level.WARN,
        text(_("The registry takes %(ms)d ms for an empty answer."), ms=round(login["seconds"] * 1000)),
        value=facts.answers["registry.project"].partition("/")[0],
        cause=text(_("A push asks some thousand questions, and every start of a pod asks some.")),
        remedy=text(_("Look at its load, at the directory that it asks for users, and at the way between.")),
        evidence=login,
    )


def _writable(facts: Facts) -> Verdict:
    project = facts("registry", "project")
    if project["read_only"]:
        return Verdict(
            Level.FAIL,
            text(_("The registry is in read-only mode.")),
            value=facts.answers["registry.project"].partition("/")[0],
            cause=text(_("Harbor takes no images in this mode: maintenance, or a garbage collection under way.")),
            remedy=text(_("Switch it off (Administration, Configuration, System Settings, Repository Read Only).")),
            evidence=project,
        )
    told = _("The registry is not in read-only mode.")
    return passed(told if project["harbor"] else _("This registry tells of no read-only mode."), evidence=project)


def _may_create(facts: Facts) -> Verdict:
    project = facts("registry", "project")
    if project["exists"]:
        return passed(_("It need not be created."), evidence=project)
    found = facts("registry", "creation")
    if found["is_admin"] or (found["is_person"] and found["allowed"] == "everyone"):
        return passed(_("%(user)s may create projects."), user=found["user"], evidence=found)
    certain = found["allowed"] == "adminonly" if found["is_person"] else "+" in found["user"]
    causes = {
        True: _("In this Harbor only administrators create projects."),
        False: _("A robot account of a project can not create another project."),
    }
    unsure = _("Harbor does not tell whether this user may create projects.")
    return Verdict(
        Level.FAIL if certain else Level.WARN,
        text(_("Project %(name)s does not exist, and %(user)s may not create it."),
             name=project["name"], user=found["user"]) if certain else text(unsure),
        value=project["name"],
        cause=text(causes[found["is_person"]] if certain else unsure),
        remedy=text(_("Have an administrator of Harbor create the project as public.")),
        command=_creating(facts.answers["registry.project"]),
        evidence=found,
    )  # fmt: skip


def _creating(answer: str) -> str:
    host, _slash, path = answer.partition("/")
    body = json.dumps({"project_name": path.partition("/")[0], "metadata": {"public": "true"}})
    return (
        f"curl --user admin --header 'Content-Type: application/json' --data '{body}' https://{host}/api/v2.0/projects"
    )


def _project(facts: Facts) -> Verdict:
    project = facts("registry", "project")
    if not project["exists"]:
        return Verdict(
            Level.WARN,
            text(_("Project %(name)s does not exist yet; the run will try to create it."), name=project["name"]),
            value=project["name"],
            cause=text(_("Harbor does not create a project when an image is pushed.")),
            remedy=text(_("Create the project as public beforehand, if this user may not create projects.")),
            evidence=project,
        )
    if not project["public"]:
        return _private(project)
    if not project["harbor"]:
        return passed(_("Repositories appear when pushed, and nodes may pull without a password."), evidence=project)
    return passed(_("Project %(name)s exists and is public."), name=project["name"], evidence=project)


def _private(project: dict[str, Any]) -> Verdict:
    make_public = _("Make the project public in Harbor (Projects, Configuration, Public).")
    allow = _("Allow anybody to pull from this registry, or use one that does.")
    return Verdict(
        Level.FAIL,
        text(_("Nodes may not pull from %(name)s without a password."), name=project["name"]),
        value=project["name"],
        cause=text(_("TMC-SM 1.x pulls its images without a password, from nodes and from kapp-controller.")),
        remedy=text(make_public if project["harbor"] else allow),
        evidence=project,
    )


def _room(facts: Facts) -> Verdict:
    room = facts("registry", "room")
    if room["free"] is None:
        return passed(_("The registry sets this user no limit that can be read."), evidence=room)
    if room["needed"] is None or room["free"] >= room["needed"]:
        return passed(_("%(free)d MiB are free in the project's quota."), free=room["free"] // MIB, evidence=room)
    return Verdict(
        Level.FAIL,
        text(_("The project's quota is too small for the bundle.")),
        value=f"{room['free'] // MIB} MiB",
        cause=text(_("%(needed)d MiB are needed, %(free)d MiB are free."), needed=room["needed"] // MIB,
                   free=room["free"] // MIB),
        remedy=text(_("Raise the project's quota, or set it to unlimited.")),
        evidence=room,
    )  # fmt: skip


def _storage_room(facts: Facts) -> Verdict:
    room = facts("registry", "room")
    if room["disk"] is None:
        return passed(_("The registry does not tell this user how much of its disk is free."), evidence=room)
    free = room["disk"] // MIB
    if room["needed"] is None or room["disk"] >= room["needed"]:
        return passed(_("%(free)d MiB are free on the registry's disk."), free=free, evidence=room)
    return Verdict(
        Level.WARN,
        text(_("The registry's disk has less room than the bundle needs.")),
        value=f"{free} MiB",
        cause=text(_("%(needed)d MiB are needed, %(free)d MiB are free."), needed=room["needed"] // MIB, free=free),
        remedy=text(_("Enlarge the disk, or delete images and run Harbor's garbage collection.")),
        evidence=room,
    )


CHECKS = (
    Check("registry.reachable", _("The registry answers, with a trusted certificate"), Owner.REGISTRY, SERVER,
          _reachable, strict=True),
    Check("registry.certificate", _("Its certificate names the registry and does not end soon"), Owner.SECURITY, SERVER,
          _certificate, needs=("registry.reachable",)),
    Check("registry.credentials", _("User and password are accepted"), Owner.REGISTRY, LOGIN, _credentials,
          needs=("registry.reachable",)),
    Check("registry.answers-quickly", _("It answers without delay"), Owner.REGISTRY, LOGIN, _answers_quickly,
          needs=("registry.credentials",)),
    Check("registry.project", _("The project exists and nodes may pull from it"), Owner.REGISTRY, LOGIN, _project,
          needs=("registry.credentials",)),
    Check("registry.writable", _("The registry is not in read-only mode"), Owner.REGISTRY, LOGIN, _writable,
          needs=("registry.project",)),
    Check("registry.may-create-project", _("A project that is missing may be created"), Owner.REGISTRY, LOGIN,
          _may_create, needs=("registry.project",)),
    Check("registry.room", _("The bundle fits into the quota"), Owner.REGISTRY, (*LOGIN, "bundle.path"), _room,
          needs=("registry.project",)),
    Check("registry.storage-room", _("The bundle fits on the registry's disk"), Owner.REGISTRY,
          (*LOGIN, "bundle.path"), _storage_room, needs=("registry.project",)),
)  # fmt: skip
