"""The sentences of the journal: events store a code and parameters, and are read in each viewer's language.

A new event is one line here. Parameters may be texts themselves (an error's cause); raw tool output is no sentence
and stands in the event's `text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from installer_tasks.text import Text, plural_of
from installer_tasks.text import mark as _

EVENTS: Mapping[str, str] = {
    # The run
    "run.started": _("Attempt %(attempt)s started: release %(release)s."),
    "run.resumed": _("Another worker continues where the previous one stopped."),
    "run.handed-over": _("This worker was asked to stop and hands over the run."),
    "run.cancelled": _("Stopped at a user's request."),
    "run.failed": _("Failed: %(cause)s"),
    "run.succeeded": _("Completed: %(url)s"),
    # Any stage
    "stage.started": _("%(title)s"),
    "stage.kept": _("%(title)s: already done."),
    "stage.succeeded": _("%(title)s: done."),
    "stage.failed": _("%(title)s: failed. %(cause)s"),
    "stage.cancelled": _("%(title)s: stopped."),
    "diagnosis.chain": _("Where it fails: %(chain)s"),
    "diagnosis.cause": _("Cause: %(cause)s"),
    "diagnosis.fix": _("Fix: %(fix)s"),
    "diagnosis.proof": _("Verify: %(proof)s"),
    "diagnosis.unknown": _("The cause is unknown. Look here first: %(places)s"),
    "diagnosis.stands": _("Stands still: %(cause)s"),
    "diagnosis.moves": _("Goes on: what stood still is resolved."),
    "stage.retry": _("%(cause)s Retrying in %(seconds)s s."),
    # Preflight
    "preflight.passed": _("All checks ran again; nothing blocks the run."),
    "preflight.blocked": _("These checks now fail: %(checks)s."),
    # Registry and images
    "registry.project-created": _("Created project %(project)s in the registry."),
    "registry.project-there": _("Project %(project)s already exists."),
    "push.started": _("Pushing %(images)s images (%(size)s) to %(target)s."),
    "push.vendor": _("The vendor's program pushes the images: %(program)s."),
    "push.vendor-confined": _(
        "It cannot reach the installer's own files and writes only to the bundle folder (Landlock %(version)s)."
    ),
    "push.vendor-not-confined": _(
        "This kernel has no Landlock, so nothing keeps the program from the installer's own files."
    ),
    "push.vendor-says": _("Its output:"),
    "push.stalled": _("%(cause)s"),
    "push.done": _(
        "All %(images)s images are in the registry: %(sent)s sent, %(present)s already present, in %(seconds)s s."
    ),
    # Cluster
    "namespace.ready": _("Namespace %(namespace)s is ready and allows privileged pods."),
    "trust.added": _("kapp-controller in %(namespace)s now trusts the registry's CA certificate."),
    "issuer.proven": _("ClusterIssuer %(issuer)s issued a test certificate."),
    "repository.added": _("Added the package repository %(image)s to the cluster."),
    "repository.reconciled": _("The packages of %(image)s are available in the cluster."),
    "install.applied": _("Applied %(kind)s %(name)s."),
    "package.reconciled": _("Package %(name)s %(version)s reconciled."),
    "package.failed": _("Package %(name)s failed; kapp-controller retries."),
    "packages.done": _("All packages reconciled."),
    # The way back
    "run.undo-started": _("Attempt %(attempt)s started: removing what was installed."),
    "run.undone": _("Everything that was installed is removed."),
    "undo.removed": _("Removed %(kind)s %(name)s."),
    "undo.released": _("Volume claim %(name)s no longer belongs to a package."),
    # Acceptance
    "acceptance.finding": _("%(name)s: %(message)s"),
    "acceptance.passed": _("All %(count)s acceptance checks passed: %(url)s"),
}


def sentence(code: str, params: Mapping[str, Any]) -> Text:
    """The sentence of an event, with its parameters as they are stored; a code of a later version shows as itself."""
    template = EVENTS.get(code, "")
    if not template:
        return Text(code)
    return Text.from_json({"template": template, "params": params, "plural": plural_of(template)})
