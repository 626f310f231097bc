"""Judging the registry: access, project and a real trial push as facts/registry.py observes them."""

from __future__ import annotations

from typing import Any

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import mark as _
from installer_tasks.text import text

MIB = 1024**2
SERVER = ("registry.project", "registry.ca")
LOGIN = (*SERVER, "registry.username", "registry.password")


def _reachable(facts: Facts) -> Verdict:
    ping = facts("registry", "ping")
    return passed(_("%(host)s answers as a container registry over TLS."), host=ping["host"], evidence=ping)


def _credentials(facts: Facts) -> Verdict:
    login = facts("registry", "login")
    return passed(_("%(user)s is accepted."), user=login["user"], evidence=login)


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


def _push_allowed(facts: Facts) -> Verdict:
    if not facts("registry", "project")["exists"]:
        return Verdict(
            Level.WARN,
            text(_("No trial push was made, because the project does not exist yet.")),
            value=facts.answers["registry.project"],
            cause=text(_("A trial would need the project.")),
            remedy=text(_("Create the project and check again, or let the run create it.")),
        )
    trial = facts("registry", "trial")
    return passed(
        _("A tiny image was pushed to %(repository)s, pulled back and compared."),
        repository=trial["repository"],
        evidence=trial,
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


CHECKS = (
    Check("registry.reachable", _("The registry answers, with a trusted certificate"), Owner.REGISTRY, SERVER,
          _reachable, strict=True),
    Check("registry.credentials", _("User and password are accepted"), Owner.REGISTRY, LOGIN, _credentials,
          needs=("registry.reachable",)),
    Check("registry.project", _("The project exists and nodes may pull from it"), Owner.REGISTRY, LOGIN, _project,
          needs=("registry.credentials",)),
    Check("registry.push-allowed", _("A real image can be pushed and pulled"), Owner.REGISTRY, LOGIN, _push_allowed,
          needs=("registry.project",),
          touches=_("Pushes an image of a few hundred bytes into the project and deletes it where allowed.")),
    Check("registry.room", _("The bundle fits into the quota"), Owner.REGISTRY, (*LOGIN, "bundle.path"), _room,
          needs=("registry.project",)),
)  # fmt: skip
