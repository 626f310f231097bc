"""Volume claims get a volume from the provisioner of their class; a volume goes with its claim, or is released."""

from __future__ import annotations

from typing import Any

from installer_tasks.rehearsal.controllers.events import tell
from installer_tasks.rehearsal.controllers.objects import Object
from installer_tasks.rehearsal.controllers.world import World

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
RETRY = 1.0  #: what keeps a claim waiting may be mended outside of the cluster
_NOBODY = (
    "Waiting for a volume to be created either by the external provisioner '%s' or manually by the system "
    "administrator. If volume creation is delayed, please verify that the provisioner is running and correctly "
    "registered."
)


class Claims:
    """A claim without a class gets the default one; without exactly one default it stays Pending."""

    kinds = ("PersistentVolumeClaim",)

    def __init__(self, world: World) -> None:
        self._world = world

    def reconcile(self, obj: Object) -> float | None:
        if (obj.get("status") or {}).get("phase") == "Bound":
            return None
        storage_class = self._class(obj)
        if storage_class is None:
            self._tell_no_class(obj)
        if storage_class is None or not self._may_bind(obj, storage_class) or not self._made(obj, storage_class):
            self._world.desk.status(obj, {"phase": "Pending"})
            return RETRY
        self._bind(obj, storage_class)
        return None

    def _class(self, claim: Object) -> Object | None:
        classes = self._world.desk.objects("StorageClass")
        wanted = claim["spec"].get("storageClassName")
        if wanted is not None:
            return next((found for found in classes if found["metadata"]["name"] == wanted), None)
        default = [
            found for found in classes if (found["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
        ]
        return default[0] if len(default) == 1 else None

    def _tell_no_class(self, claim: Object) -> None:
        wanted = claim["spec"].get("storageClassName")
        if wanted:
            words = f'storageclass.storage.k8s.io "{wanted}" not found'
            tell(self._world.desk, claim, "ProvisioningFailed", words)
            return
        words = "no persistent volumes available for this claim and no storage class is set"
        tell(self._world.desk, claim, "FailedBinding", words, kind="Normal")

    def _may_bind(self, claim: Object, storage_class: Object) -> bool:
        """At once, or where the class says so when a pod wants it."""
        if storage_class.get("volumeBindingMode") != "WaitForFirstConsumer":
            return True
        metadata = claim["metadata"]
        pods = self._world.desk.objects("Pod", metadata["namespace"])
        if any(metadata["name"] in claims_of(pod) for pod in pods):
            return True
        words = "waiting for first consumer to be created before binding"
        tell(self._world.desk, claim, "WaitForFirstConsumer", words, kind="Normal")
        return False

    def _made(self, claim: Object, storage_class: Object) -> bool:
        provisioner, name = str(storage_class.get("provisioner", "")), storage_class["metadata"]["name"]
        problem = self._world.hooks.provision(provisioner)
        if problem is None:
            tell(self._world.desk, claim, "ExternalProvisioning", _NOBODY % provisioner, kind="Normal")
        elif problem:
            words = f'failed to provision volume with StorageClass "{name}": {problem}'
            tell(self._world.desk, claim, "ProvisioningFailed", words)
        return problem == ""

    def _bind(self, claim: Object, storage_class: Object) -> None:
        volume = _volume(claim, storage_class)
        name = volume["metadata"]["name"]
        if self._world.desk.get("PersistentVolume", name) is None:
            self._world.desk.create(volume)
        spec = {**claim["spec"], "volumeName": name, "storageClassName": storage_class["metadata"]["name"]}
        claim = self._world.desk.replace({**claim, "spec": spec})
        modes = claim["spec"].get("accessModes", [])
        status = {"phase": "Bound", "accessModes": modes, "capacity": volume["spec"]["capacity"]}
        self._world.desk.status(claim, status)


class Volumes:
    """What happens to a volume whose claim has gone is what its policy says."""

    kinds = ("PersistentVolume",)

    def __init__(self, world: World) -> None:
        self._world = world

    def reconcile(self, obj: Object) -> float | None:
        wanted = obj["spec"].get("claimRef") or {}
        claim = self._world.desk.get("PersistentVolumeClaim", wanted.get("name", ""), wanted.get("namespace", ""))
        if claim is not None and claim["metadata"]["uid"] == wanted.get("uid"):
            return None
        if obj["spec"].get("persistentVolumeReclaimPolicy") == "Delete":
            self._world.desk.delete("PersistentVolume", obj["metadata"]["name"])
        else:
            self._world.desk.status(obj, {"phase": "Released"})
        return None


def claims_of(pod: Object) -> list[str]:
    """Names of the claims that a pod mounts."""
    volumes = pod["spec"].get("volumes") or []
    return [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume]


def _volume(claim: Object, storage_class: Object) -> dict[str, Any]:
    metadata, spec = claim["metadata"], claim["spec"]
    reference = {key: metadata[key] for key in ("namespace", "name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"pvc-{metadata['uid']}"},
        "spec": {
            "accessModes": spec.get("accessModes", []),
            "capacity": dict((spec.get("resources") or {}).get("requests") or {}),
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **reference},
            "csi": {"driver": storage_class.get("provisioner", ""), "volumeHandle": metadata["uid"]},
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
        },
        "status": {"phase": "Bound"},
    }
