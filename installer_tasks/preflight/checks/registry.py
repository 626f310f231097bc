"""Judging the registry: access, certificate, project and room as facts/registry.py observes them."""

from __future__ import annotations

import json
from shlex import quote

from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.shapes import registry as shapes
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

MIB = 1024**2
#: Days before a certificate's end that are too few to begin an installation with.
SOON = 30
#: Seconds for an answer; a push asks some thousand questions.
SLOW = 0.5
SERVER = ("registry.project", "registry.ca")
LOGIN = (*SERVER, "registry.username", "registry.password")


def _reachable(facts: Facts) -> Verdict:
    ping = facts(shapes.PING)
    return passed(_("%(host)s responds as a container registry over TLS."), host=ping["host"], evidence=ping)


def _certificate(facts: Facts) -> Verdict:
    found = facts(shapes.CERTIFICATE)
    own = found["chain"][0]
    if not own["sans"]:
        return _without_names(found)
    if found["days"] < SOON:
        return Verdict(
            Level.WARN,
            text(
                ngettext(
                    "The registry's certificate expires in %(days)d day.",
                    "The registry's certificate expires in %(days)d days.",
                ),
                days=found["days"],
            ),
            value=found["ends_first"] or found["host"],
            cause=text(_("Nodes pull images for as long as TMC-SM runs; after the expiry they cannot.")),
            remedy=text(_("Renew the certificate before the installation.")),
            command=f"openssl s_client -connect {quote(_with_port(found['host']))} </dev/null "
            "| openssl x509 -noout -dates",
            evidence=found,
        )
    return passed(ngettext("Its names are %(names)s; it is valid for %(days)d more day.", "Its names are %(names)s; it is valid for %(days)d more days."),
                  names=", ".join(own["sans"][:5]), days=found["days"], evidence=found)  # fmt: skip


def _without_names(found: shapes.Certificate) -> Verdict:
    name = found["host"].partition(":")[0]
    return Verdict(
        Level.FAIL,
        text(_("The registry's certificate has no subject alternative name.")),
        value=found["chain"][0]["subject"],
        cause=text(_("Nodes and kapp-controller reject it: x509: certificate relies on legacy Common Name field.")),
        remedy=text(_("Have it reissued with the registry's name as a subject alternative name (SAN).")),
        command=f"openssl req -new -key registry.key -subj {quote(f'/CN={name}')} "
        f"-addext {quote(f'subjectAltName=DNS:{name}')}",
        evidence=found,
    )


def _with_port(host: str) -> str:
    return host if host.rpartition(":")[2].isdigit() else f"{host}:443"


def _credentials(facts: Facts) -> Verdict:
    login = facts(shapes.LOGIN)
    return passed(_("The registry accepts user %(user)s."), user=login["user"], evidence=login)


def _answers_quickly(facts: Facts) -> Verdict:
    login = facts(shapes.LOGIN)
    if login["seconds"] < SLOW:
        return passed(_("The registry responds in %(ms)d ms."), ms=round(login["seconds"] * 1000), evidence=login)
    return Verdict(
        Level.WARN,
        text(_("The registry takes %(ms)d ms for an empty response."), ms=round(login["seconds"] * 1000)),
        value=facts.answers["registry.project"].partition("/")[0],
        cause=text(_("A push sends several thousand requests, and every pod start sends some more.")),
        remedy=text(
            _("Check the registry's load, the directory it uses to authenticate users, and the network in between.")
        ),
        evidence=login,
    )


def _writable(facts: Facts) -> Verdict:
    project = facts(shapes.PROJECT)
    if project["read_only"]:
        return Verdict(
            Level.FAIL,
            text(_("The registry is in read-only mode.")),
            value=facts.answers["registry.project"].partition("/")[0],
            cause=text(
                _("Harbor accepts no images in this mode, which is set for maintenance or during garbage collection.")
            ),
            remedy=text(_("Turn it off (Administration, Configuration, System Settings, Repository Read Only).")),
            evidence=project,
        )
    told = _("The registry is not in read-only mode.")
    return passed(told if project["harbor"] else _("This registry does not report a read-only mode."), evidence=project)


def _may_create(facts: Facts) -> Verdict:
    project = facts(shapes.PROJECT)
    if project["exists"]:
        return passed(_("The project already exists."), evidence=project)
    found = facts(shapes.CREATION)
    if found["is_admin"] or (found["is_person"] and found["allowed"] == "everyone"):
        return passed(_("User %(user)s can create projects."), user=found["user"], evidence=found)
    certain = found["allowed"] == "adminonly" if found["is_person"] else "+" in found["user"]
    causes = {
        True: _("Only administrators can create projects in this Harbor."),
        False: _("A project's robot account cannot create another project."),
    }
    unsure = _("Harbor does not report whether this user can create projects.")
    return Verdict(
        Level.FAIL if certain else Level.WARN,
        text(_("Project %(name)s does not exist, and %(user)s cannot create it."),
             name=project["name"], user=found["user"]) if certain else text(unsure),
        value=project["name"],
        cause=text(causes[found["is_person"]] if certain else unsure),
        remedy=text(_("Ask a Harbor administrator to create the project as public.")),
        command=_creating(facts.answers["registry.project"]),
        evidence=found,
    )  # fmt: skip


def _creating(answer: str) -> str:
    host, _slash, path = answer.partition("/")
    body = json.dumps({"project_name": path.partition("/")[0], "metadata": {"public": "true"}})
    header = "--header 'Content-Type: application/json'"
    return f"curl --user admin {header} --data {quote(body)} https://{quote(host)}/api/v2.0/projects"


def _project(facts: Facts) -> Verdict:
    project = facts(shapes.PROJECT)
    if not project["exists"]:
        return Verdict(
            Level.WARN,
            text(_("Project %(name)s does not exist yet; the run will try to create it."), name=project["name"]),
            value=project["name"],
            cause=text(_("Harbor does not create a project when an image is pushed.")),
            remedy=text(_("If this user cannot create projects, create it as public beforehand.")),
            evidence=project,
        )
    if project.get("cache_of"):
        return _cache(project)
    if not project["public"]:
        return _private(project)
    if not project["harbor"]:
        return passed(
            _("The registry creates repositories on push, and nodes can pull without a password."), evidence=project
        )
    return passed(_("Project %(name)s exists and is public."), name=project["name"], evidence=project)


def _cache(project: shapes.Project) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("Project %(name)s is a proxy cache; nothing can be pushed into it."), name=project["name"]),
        value=project["name"],
        cause=text(_("It only fetches images from the registry %(source)s."), source=project["cache_of"]),
        remedy=text(_("Use an ordinary project, created without Proxy Cache. A cache cannot be turned into one.")),
        evidence=project,
    )


def _private(project: shapes.Project) -> Verdict:
    make_public = _("Make the project public in Harbor (Projects, Configuration, Public).")
    allow = _("Allow anonymous pulls from this registry, or use another registry that does.")
    return Verdict(
        Level.FAIL,
        text(_("Nodes cannot pull from %(name)s without a password."), name=project["name"]),
        value=project["name"],
        cause=text(_("TMC-SM 1.x pulls its images without a password, both from nodes and from kapp-controller.")),
        remedy=text(make_public if project["harbor"] else allow),
        evidence=project,
    )


def _room(facts: Facts) -> Verdict:
    room = facts(shapes.ROOM)
    if room["free"] is None:
        return passed(_("No readable quota applies to this user."), evidence=room)
    if room["needed"] is None or room["free"] >= room["needed"]:
        return passed(_("%(free)d MiB of the project's quota are free."), free=room["free"] // MIB, evidence=room)
    return Verdict(
        Level.FAIL,
        text(_("The project's quota is too small for the bundle.")),
        value=f"{room['free'] // MIB} MiB",
        cause=text(_("%(needed)d MiB are required, %(free)d MiB are free."), needed=room["needed"] // MIB,
                   free=room["free"] // MIB),
        remedy=text(_("Increase the project's quota, or set it to unlimited.")),
        evidence=room,
    )  # fmt: skip


def _storage_room(facts: Facts) -> Verdict:
    room = facts(shapes.ROOM)
    if room["disk"] is None:
        return passed(_("The registry does not report its free disk space to this user."), evidence=room)
    free = room["disk"] // MIB
    if room["needed"] is None or room["disk"] >= room["needed"]:
        return passed(_("%(free)d MiB are free on the registry's disk."), free=free, evidence=room)
    return Verdict(
        Level.WARN,
        text(_("The registry's disk has less free space than the bundle needs.")),
        value=f"{free} MiB",
        cause=text(_("%(needed)d MiB are required, %(free)d MiB are free."), needed=room["needed"] // MIB, free=free),
        remedy=text(_("Enlarge the disk, or delete images and run Harbor's garbage collection.")),
        evidence=room,
    )


CHECKS = (
    Check("registry.reachable", _("The registry is reachable, with a trusted certificate"), Owner.REGISTRY, SERVER,
          _reachable, strict=True),
    Check("registry.certificate", _("Its certificate contains the registry's name and does not expire soon"), Owner.SECURITY, SERVER,
          _certificate, needs=("registry.reachable",)),
    Check("registry.credentials", _("The registry accepts the user and password"), Owner.REGISTRY, LOGIN, _credentials,
          needs=("registry.reachable",)),
    Check("registry.answers-quickly", _("The registry responds quickly"), Owner.REGISTRY, LOGIN, _answers_quickly,
          needs=("registry.credentials",)),
    Check("registry.project", _("The project exists, and nodes can pull from it"), Owner.REGISTRY, LOGIN, _project,
          needs=("registry.credentials",)),
    Check("registry.writable", _("The registry is not in read-only mode"), Owner.REGISTRY, LOGIN, _writable,
          needs=("registry.project",)),
    Check("registry.may-create-project", _("A missing project can be created"), Owner.REGISTRY, LOGIN,
          _may_create, needs=("registry.project",)),
    Check("registry.room", _("The bundle fits into the quota"), Owner.REGISTRY, (*LOGIN, "bundle.path"), _room,
          needs=("registry.project",)),
    Check("registry.storage-room", _("The bundle fits on the registry's disk"), Owner.REGISTRY,
          (*LOGIN, "bundle.path"), _storage_room, needs=("registry.project",)),
)  # fmt: skip
