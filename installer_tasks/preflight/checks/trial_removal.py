"""What a trial that went well says of the namespace it was made in: gone, going, or unable to go."""

from __future__ import annotations

from shlex import quote

from installer_tasks.preflight.checks.base import Level, Verdict
from installer_tasks.preflight.shapes.trial import Tried
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _


def passed_trial(trial: Tried, said: Text) -> Verdict:
    """`said` is what the trial showed, as a whole sentence."""
    removal = trial.get("removal")
    if not removal or removal["gone"]:
        message = text(_("%(said)s The test objects were deleted."), said=said)
        return Verdict(Level.PASS, message, evidence=trial)
    namespace, words = removal["namespace"], removal["words"]
    if not words:
        message = text(_("%(said)s The test namespace %(name)s is being deleted."), said=said, name=namespace)
        return Verdict(Level.PASS, message, evidence=trial)
    return Verdict(
        Level.WARN,
        text(_("%(said)s But the cluster cannot delete the test namespace %(name)s."), said=said, name=namespace),
        value=namespace,
        cause=text(_("The cluster reports: %(words)s"), words=words),
        remedy=text(
            _(
                "Fix what the message names, often an aggregated API that does not respond. Until then, no namespace can be deleted completely."
            )
        ),
        command=f"kubectl get apiservices | grep -v True; kubectl get namespace {quote(namespace)} -o yaml",
        evidence=trial,
    )
