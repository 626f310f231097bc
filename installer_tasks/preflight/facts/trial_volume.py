"""A trial claim of the default StorageClass: whether a volume really comes, and what the cluster says if none does."""

from __future__ import annotations

from installer_tasks.errors import Missing, Stalled
from installer_tasks.preflight.facts.trial_pods import quiet_pod, wait_for_account
from installer_tasks.preflight.facts.trials import free_volumes, patience, trial_namespace, wait_until, words_about
from installer_tasks.preflight.shapes.cluster import Volume
from installer_tasks.systems.cluster import inventory
from installer_tasks.systems.cluster.interface import Cluster, Object
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

#: A volume of a cloud or of vSphere takes half a minute.
DEADLINE = 90.0
SIZE = "1Gi"  #: some provisioners make none smaller
#: In no registry, and never asked for: scheduling the pod is enough to have its volume made.
NO_IMAGE = "tmc-sm-installer.invalid/none:none"


def volume(cluster: Cluster) -> Volume:
    """The volume is removed with the namespace; `words` is what the cluster said when none came."""
    default = [item for item in inventory.storage_classes(cluster) if item["default"]]
    if len(default) != 1:
        raise _no_default(len(default))
    with trial_namespace(cluster) as namespace:
        cluster.apply(_claim(namespace))
        if default[0]["binding"] == "WaitForFirstConsumer":
            wait_for_account(cluster, namespace)
            cluster.apply(_consumer(namespace))
        seconds, words = _bound(cluster, namespace)
        free_volumes(cluster, namespace)
    return {
        **default[0],
        "size": SIZE,
        "bound": seconds is not None,
        "seconds": seconds,
        "words": words,
        "removal": namespace.removal(),
    }


def _bound(cluster: Cluster, namespace: str) -> tuple[int | None, str]:
    def look() -> bool:
        claim = cluster.get("v1", "PersistentVolumeClaim", "trial", namespace)
        return (claim.get("status") or {}).get("phase") == "Bound"

    try:
        return wait_until(look, Stalled(text(_("No volume was provisioned."))), seconds=patience(DEADLINE))[1], ""
    except Stalled:
        return None, words_about(cluster, namespace, "trial")


def _no_default(count: int) -> Missing:
    return Missing(
        text(
            ngettext(
                "%(count)d StorageClass is marked as default; exactly one is required.",
                "%(count)d StorageClasses are marked as default; exactly one is required.",
            ),
            count=count,
        ),
        value="storageclasses.storage.k8s.io",
        remedy=text(_("Mark exactly one StorageClass as default.")),
        code="no-default-class",
    )


def _claim(namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "trial", "namespace": namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": SIZE}}},
    }


def _consumer(namespace: str) -> Object:
    pod = quiet_pod("consumer", namespace, NO_IMAGE, pull="Never")
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "trial", "mountPath": "/trial"}]
    pod["spec"]["volumes"] = [{"name": "trial", "persistentVolumeClaim": {"claimName": "trial"}}]
    return pod
