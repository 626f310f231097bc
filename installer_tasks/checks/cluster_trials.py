"""Judging what was tried out in the cluster: see facts/trial_volume.py."""

from __future__ import annotations

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import mark as _
from installer_tasks.text import text

READS = ("cluster.kubeconfig", "cluster.context")


def _volume(facts: Facts) -> Verdict:
    trial = facts("cluster", "volume")
    if trial["bound"]:
        return passed(
            _("A trial claim of %(size)s got a volume of %(name)s in %(seconds)d s and was removed."),
            size=trial["size"],
            name=trial["name"],
            seconds=trial["seconds"],
            evidence=trial,
        )
    cause = text(_("Its provisioner %(provisioner)s made none and said nothing."), provisioner=trial["provisioner"])
    if trial["words"]:
        cause = text(_("The cluster says: %(words)s"), words=trial["words"])
    return Verdict(
        Level.FAIL,
        text(_("StorageClass %(name)s gave a trial claim no volume."), name=trial["name"]),
        value=trial["name"],
        cause=cause,
        remedy=text(
            _("Look whether the provisioner %(provisioner)s runs and has room; databases would wait for ever."),
            provisioner=trial["provisioner"],
        ),
        command=f"kubectl get csidrivers; kubectl get pods -A | grep -i csi; kubectl describe sc {trial['name']}",
        evidence=trial,
    )


CHECKS = (
    Check("cluster.volume-provisioned", _("The default StorageClass gives a volume"), Owner.PLATFORM, READS, _volume,
          needs=("cluster.default-storage-class", "cluster.storage-provisioner"),
          touches=_("Makes a claim of 1 GiB in a namespace of its own and removes both.")),
)  # fmt: skip
