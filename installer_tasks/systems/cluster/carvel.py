"""The objects an installation consists of, as `tanzu package install` makes them, and what their status says. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from installer_tasks.systems.certificates import armor

Object = dict[str, Any]
PACKAGING = "packaging.carvel.dev/v1alpha1"
KAPPCTRL = "kappctrl.k14s.io/v1alpha1"
DATA_PACKAGING = "data.packaging.carvel.dev/v1alpha1"
KAPP_CONFIG = "kapp-controller-config"
#: kapp's label on all that belongs to one of its applications, and what it puts in its place when it lets go of one.
APP_LABEL, ORPHANED_LABEL = "kapp.k14s.io/app", "kapp.k14s.io/orphaned"
POD_SECURITY = "pod-security.kubernetes.io/enforce"
#: Both generations of the annotation; `tanzu package installed list` and the vendor's support look for either.
ANNOTATIONS = ("packaging.carvel.dev/package", "tkg.tanzu.vmware.com/tanzu-package")


@dataclass(frozen=True)
class Names:
    """What the objects around one PackageInstall are called, by the vendor's rule."""

    install: str
    namespace: str

    @property
    def _stem(self) -> str:
        return f"{self.install}-{self.namespace}"

    @property
    def service_account(self) -> str:
        return f"{self._stem}-sa"

    @property
    def role(self) -> str:
        return f"{self._stem}-cluster-role"

    @property
    def binding(self) -> str:
        return f"{self._stem}-cluster-rolebinding"

    @property
    def values(self) -> str:
        return f"{self._stem}-values"

    def annotations(self) -> dict[str, str]:
        """On everything that belongs to the install."""
        return dict.fromkeys(ANNOTATIONS, self._stem)

    def references(self) -> dict[str, str]:
        """On the PackageInstall itself, so that deleting it by CLI deletes the rest."""
        owned = {
            "ClusterRole": self.role,
            "ClusterRoleBinding": self.binding,
            "Secret": self.values,
            "ServiceAccount": self.service_account,
        }
        return {f"{prefix}-{kind}": name for prefix in ANNOTATIONS for kind, name in owned.items()}


def namespace(name: str) -> Object:
    """Its pods are privileged, and newer clusters refuse them without the label."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {POD_SECURITY: "privileged"}}}


def service_account(names: Names) -> Object:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(names, names.service_account)}


def cluster_role(names: Names) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": names.role, "annotations": names.annotations()},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }


def cluster_role_binding(names: Names) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": names.binding, "annotations": names.annotations()},
        "subjects": [{"kind": "ServiceAccount", "name": names.service_account, "namespace": names.namespace}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": names.role},
    }


def values_secret(names: Names, values_yaml: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": _metadata(names, names.values),
        "data": {"values.yaml": _encode(values_yaml)},
    }


def package_install(names: Names, ref_name: str, version: str) -> Object:
    metadata = {"name": names.install, "namespace": names.namespace, "annotations": names.references()}
    return {
        "apiVersion": PACKAGING,
        "kind": "PackageInstall",
        "metadata": metadata,
        "spec": {
            "serviceAccountName": names.service_account,
            "packageRef": {
                "refName": ref_name,
                "versionSelection": {"constraints": version, "prereleases": {}},
            },
            "values": [{"secretRef": {"name": names.values}}],
        },
    }


def install_objects(names: Names, ref_name: str, version: str, values_yaml: str) -> tuple[Object, ...]:
    """In the order in which the vendor's CLI creates them."""
    return (
        service_account(names),
        cluster_role(names),
        cluster_role_binding(names),
        values_secret(names, values_yaml),
        package_install(names, ref_name, version),
    )


def package_repository(name: str, namespace: str, image: str) -> Object:
    return {
        "apiVersion": PACKAGING,
        "kind": "PackageRepository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"fetch": {"imgpkgBundle": {"image": image}}},
    }


def repository_image(repository: Mapping[str, Any]) -> str:
    """The bundle that a PackageRepository names."""
    fetch = (repository.get("spec") or {}).get("fetch") or {}
    return str((fetch.get("imgpkgBundle") or {}).get("image", ""))


def trust_secret(
    namespace: str, authorities: tuple[str, ...], *, secret: Object | None, config_map: Object | None
) -> Object | None:
    """kapp-controller's configuration with these CAs (PEM) added to what is there; None when it trusts them already.

    A Secret of this name hides a ConfigMap of the same name, so what the ConfigMap says is taken over.
    """
    current = _decoded(secret) if secret else dict((config_map or {}).get("data") or {})
    merged = merge_pems(current.get("caCerts", ""), *authorities)
    if secret and merged == merge_pems(current.get("caCerts", "")):
        return None
    wanted = {"caCerts": merged} if secret else {**current, "caCerts": merged}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": (secret or {}).get("type") or "Opaque",
        "metadata": {"name": KAPP_CONFIG, "namespace": namespace},
        "data": {key: _encode(value) for key, value in sorted(wanted.items())},
    }


def merge_pems(there: str, *more: str) -> str:
    """What is there, to the letter, and the certificates that it lacks: others wrote it, and none of it is lost."""
    lines = [there.rstrip("\n")] if there.strip() else []
    known = {block.der() for block in armor.blocks_as_go(there)}
    for content in more:
        for block in armor.blocks_as_go(content):
            if block.der() not in known:
                known.add(block.der())
                lines.append(block.pem().rstrip("\n"))
    return "".join(f"{line}\n" for line in lines)


def restarted(deployment: str, namespace: str, at: str) -> Object:
    """What `kubectl rollout restart` writes, to apply; kapp-controller then reads its configuration anew."""
    annotations = {"kubectl.kubernetes.io/restartedAt": at}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": deployment, "namespace": namespace},
        "spec": {"template": {"metadata": {"annotations": annotations}}},
    }


State = Literal["pending", "reconciling", "succeeded", "failed"]


@dataclass(frozen=True)
class PackageStatus:
    """Where a PackageInstall, PackageRepository or App stands.

    `failed` is not an end: kapp-controller tries again until somebody gives up on it.
    """

    name: str
    state: State
    message: str = ""  #: what the controller says that is useful to a person
    version: str = ""

    @property
    def done(self) -> bool:
        return self.state == "succeeded"


def package_status(obj: Mapping[str, Any]) -> PackageStatus:
    status = obj.get("status") or {}
    return PackageStatus(
        name=obj["metadata"]["name"],
        state=_state(obj, status),
        message=str(
            status.get("usefulErrorMessage") or _condition_message(status) or status.get("friendlyDescription", "")
        ),
        version=str(status.get("version") or status.get("lastAttemptedVersion") or ""),
    )


def _state(obj: Mapping[str, Any], status: Mapping[str, Any]) -> State:
    generation = obj["metadata"].get("generation")
    # An old success says nothing about what was applied since.
    if generation is not None and status.get("observedGeneration", generation) != generation:
        return "pending"
    true = {condition["type"] for condition in status.get("conditions") or [] if condition.get("status") == "True"}
    if "ReconcileSucceeded" in true:
        return "succeeded"
    if true & {"ReconcileFailed", "DeleteFailed"}:
        return "failed"
    return "reconciling" if true & {"Reconciling", "Deleting"} else "pending"


def _condition_message(status: Mapping[str, Any]) -> str:
    messages = (str(condition.get("message", "")) for condition in status.get("conditions") or [])
    return next(filter(None, messages), "")


def deploy_output(app: Mapping[str, Any]) -> str:
    """kapp's output so far, which grows while the App is deployed."""
    deploy = (app.get("status") or {}).get("deploy") or {}
    return str(deploy.get("stdout", ""))


def deletions(app: Mapping[str, Any]) -> tuple[str, ...]:
    """What kapp waits for while it deletes this App: `persistentvolumeclaim/data-kafka-0`, as its output ends."""
    last = deploy_output(app).rpartition(" waiting on ")[2]
    found = re.findall(r"ongoing: delete ([^ \n]+)", last)
    return tuple(dict.fromkeys(found))


def _metadata(names: Names, name: str) -> Object:
    return {"name": name, "namespace": names.namespace, "annotations": names.annotations()}


def _encode(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def _decoded(secret: Object) -> dict[str, str]:
    data = secret.get("data") or {}
    return {key: base64.b64decode(value).decode("utf-8", "replace") for key, value in data.items()}
