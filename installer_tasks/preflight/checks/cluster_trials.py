"""Judging what was tried out in the cluster: see facts/trial_volume.py."""

from __future__ import annotations

from shlex import quote

from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict
from installer_tasks.preflight.checks.trial_removal import passed_trial
from installer_tasks.preflight.shapes import cluster as shapes
from installer_tasks.text import mark as _
from installer_tasks.text import text

READS = ("cluster.kubeconfig", "cluster.context")


def _volume(facts: Facts) -> Verdict:
    trial = facts(shapes.VOLUME)
    if trial["bound"] and trial["seconds"] is not None:
        template = _("A test PVC of %(size)s got a volume from %(name)s in %(seconds)d s.")
        said = text(template, size=trial["size"], name=trial["name"], seconds=trial["seconds"])
        return passed_trial(trial, said)
    cause = text(
        _("Its provisioner %(provisioner)s created no volume and reported nothing."), provisioner=trial["provisioner"]
    )
    if trial["words"]:
        cause = text(_("The cluster reports: %(words)s"), words=trial["words"])
    return Verdict(
        Level.FAIL,
        text(_("StorageClass %(name)s provided no volume for a test PVC."), name=trial["name"]),
        value=trial["name"],
        cause=cause,
        remedy=text(
            _(
                "Check that the provisioner %(provisioner)s is running and has space; otherwise the databases stay Pending."
            ),
            provisioner=trial["provisioner"],
        ),
        command=f"kubectl get csidrivers; kubectl get pods -A | grep -i csi; kubectl describe sc {quote(trial['name'])}",
        evidence=trial,
    )


CHECKS = (
    Check("cluster.volume-provisioned", _("The default StorageClass provides a volume"), Owner.PLATFORM, READS, _volume,
          needs=("cluster.default-storage-class", "cluster.storage-provisioner"),
          touches=_("Creates a PVC of 1 GiB in a temporary namespace, then deletes both.")),
)  # fmt: skip
