"""The sentences of the journal: events store a code and parameters, and are read in each viewer's language.

A new event is one line here. Parameters may be texts themselves (an error's cause); raw tool output is no sentence
and stands in the event's `text`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from installer_tasks.text import mark as _

EVENTS: Mapping[str, str] = {
    # The run
    "run.started": _("Attempt %(attempt)s begins: release %(release)s."),
    "run.resumed": _("Another worker goes on where the last one stopped."),
    "run.handed-over": _("This worker was asked to stop and hands the run over."),
    "run.cancelled": _("Stopped, because a person asked for it."),
    "run.failed": _("Failed: %(cause)s"),
    "run.succeeded": _("Everything is done: %(url)s"),
    # Any stage
    "stage.started": _("%(title)s"),
    "stage.kept": _("%(title)s: was already done."),
    "stage.succeeded": _("%(title)s: done."),
    "stage.failed": _("%(title)s: failed. %(cause)s"),
    "stage.cancelled": _("%(title)s: stopped."),
    "stage.retry": _("%(cause)s Trying again in %(seconds)s seconds."),
    # Preflight
    "preflight.passed": _("Every check is made again; nothing keeps the run from going on."),
    "preflight.blocked": _("These checks fail now: %(checks)s."),
    # Registry and images
    "registry.project-created": _("Project %(project)s is created in the registry."),
    "registry.project-there": _("Project %(project)s is there already."),
    "push.started": _("%(images)s images, %(size)s, go to %(target)s."),
    "push.vendor": _("The vendor's program pushes: %(program)s."),
    "push.vendor-says": _("It says:"),
    "push.stalled": _("%(cause)s"),
    "push.done": _("All %(images)s images are in the registry: %(sent)s sent, %(present)s were there; %(seconds)s s."),
    # Cluster
    "namespace.ready": _("Namespace %(namespace)s is ready, and may run privileged pods."),
    "trust.added": _("kapp-controller in %(namespace)s trusts the registry's authority now."),
    "issuer.proven": _("ClusterIssuer %(issuer)s has signed a trial certificate."),
    "repository.added": _("The cluster is told of the package repository %(image)s."),
    "repository.reconciled": _("The cluster knows the packages of %(image)s."),
    "install.applied": _("%(kind)s %(name)s is applied."),
    "package.reconciled": _("Package %(name)s %(version)s has reconciled."),
    "package.failed": _("Package %(name)s failed; kapp-controller tries again."),
    "packages.done": _("All packages have reconciled."),
    # The way back
    "run.undo-started": _("Attempt %(attempt)s begins: what was installed is removed."),
    "run.undone": _("What was installed is removed."),
    "undo.removed": _("%(kind)s %(name)s is gone."),
    # Acceptance
    "acceptance.finding": _("%(name)s: %(message)s"),
    "acceptance.passed": _("All %(count)s proofs are given: %(url)s"),
}

Translate = Callable[[str], str]


def same(template: str) -> str:
    """English."""
    return template


def render(code: str, params: Mapping[str, Any], gettext: Translate = same) -> str:
    """The sentence of an event; a code of a later version shows as itself."""
    template = EVENTS.get(code)
    return fill(template, params, gettext) if template else code


def fill(template: str, params: Mapping[str, Any], gettext: Translate = same) -> str:
    """A template with its parameters, each of which may be a sentence too."""
    return gettext(template) % _Params({key: _shown(value, gettext) for key, value in params.items()})


def _shown(value: Any, gettext: Translate) -> Any:
    if isinstance(value, Mapping) and "template" in value:
        return fill(value["template"], value.get("params", {}), gettext)
    return value


class _Params(dict[str, Any]):
    """A parameter that an older version did not store shows as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"
