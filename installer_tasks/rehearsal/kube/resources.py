"""Which resources there are: the built-in ones, and those that a CustomResourceDefinition adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class GVR:
    """Group, version and plural of a resource; the group of core resources is ""."""

    group: str
    version: str
    resource: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> tuple[str, str]:
        """Under which objects are kept: every version of a resource shows the same ones."""
        return self.group, self.resource


@dataclass(frozen=True)
class Resource:
    """One resource as discovery tells it. `columns` are (title, path) pairs of its table."""

    gvr: GVR
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    status: bool = True
    columns: tuple[tuple[str, str], ...] = ()
    categories: tuple[str, ...] = ()

    def discovery(self) -> list[dict[str, Any]]:
        entry = {
            "name": self.gvr.resource,
            "singularName": self.kind.lower(),
            "namespaced": self.namespaced,
            "kind": self.kind,
            "verbs": list(VERBS),
            "shortNames": list(self.short),
            "categories": list(self.categories),
        }
        if not self.status:
            return [entry]
        part = {**entry, "name": f"{self.gvr.resource}/status", "verbs": ["get", "patch", "update"], "shortNames": []}
        return [entry, part]


def _core(resource: str, kind: str, short: str = "", **more: Any) -> Resource:
    return Resource(GVR("", "v1", resource), kind, short=tuple(filter(None, short.split(","))), **more)


def _group(group: str, resource: str, kind: str, short: str = "", version: str = "v1", **more: Any) -> Resource:
    return Resource(GVR(group, version, resource), kind, short=tuple(filter(None, short.split(","))), **more)


READY = '.status.conditions[?(@.type=="Ready")].status'

BUILT_IN: tuple[Resource, ...] = (
    _core("namespaces", "Namespace", "ns", namespaced=False, columns=(("Status", ".status.phase"),)),
    _core(
        "nodes",
        "Node",
        "no",
        namespaced=False,
        columns=(("Status", "node-status"), ("Roles", "node-roles"), ("Version", ".status.nodeInfo.kubeletVersion")),
    ),
    _core("pods", "Pod", "po", columns=(("Ready", "pod-ready"), ("Status", ".status.phase"), ("Node", ".spec.nodeName"))),
    _core(
        "services",
        "Service",
        "svc",
        columns=(
            ("Type", ".spec.type"),
            ("Cluster-IP", ".spec.clusterIP"),
            ("External-IP", ".status.loadBalancer.ingress[0].ip"),
        ),
    ),
    _core("secrets", "Secret", status=False, columns=(("Type", ".type"),)),
    _core("configmaps", "ConfigMap", "cm", status=False),
    _core("serviceaccounts", "ServiceAccount", "sa", status=False),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", "pvc", columns=(("Status", ".status.phase"),)),
    _core("persistentvolumes", "PersistentVolume", "pv", namespaced=False, columns=(("Status", ".status.phase"),)),
    _core("events", "Event", "ev", status=False, columns=(("Reason", ".reason"), ("Message", ".message"))),
    _core("endpoints", "Endpoints", "ep", status=False),
    _core("resourcequotas", "ResourceQuota", "quota"),
    _core("limitranges", "LimitRange", "limits", status=False),
    _group("apps", "deployments", "Deployment", "deploy", columns=(("Available", ".status.availableReplicas"),)),
    _group("apps", "statefulsets", "StatefulSet", "sts", columns=(("Ready", ".status.readyReplicas"),)),
    _group("apps", "daemonsets", "DaemonSet", "ds", columns=(("Ready", ".status.numberReady"),)),
    _group("apps", "replicasets", "ReplicaSet", "rs", columns=(("Ready", ".status.readyReplicas"),)),
    _group("batch", "jobs", "Job", columns=(("Succeeded", ".status.succeeded"),)),
    _group("batch", "cronjobs", "CronJob", "cj"),
    _group("networking.k8s.io", "ingresses", "Ingress", "ing", columns=(("Class", ".spec.ingressClassName"),)),
    _group("networking.k8s.io", "ingressclasses", "IngressClass", namespaced=False, status=False),
    _group("networking.k8s.io", "networkpolicies", "NetworkPolicy", "netpol", status=False),
    _group(
        "storage.k8s.io",
        "storageclasses",
        "StorageClass",
        "sc",
        namespaced=False,
        status=False,
        columns=(("Provisioner", ".provisioner"), ("Default", "default-class")),
    ),
    _group("rbac.authorization.k8s.io", "clusterroles", "ClusterRole", namespaced=False, status=False),
    _group("rbac.authorization.k8s.io", "clusterrolebindings", "ClusterRoleBinding", namespaced=False, status=False),
    _group("rbac.authorization.k8s.io", "roles", "Role", status=False),
    _group("rbac.authorization.k8s.io", "rolebindings", "RoleBinding", status=False),
    _group(
        "apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", "crd,crds", namespaced=False
    ),
    _group("coordination.k8s.io", "leases", "Lease", status=False),
    _group("policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb"),
    _group("admissionregistration.k8s.io", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration",
           namespaced=False, status=False),
    _group("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration",
           namespaced=False, status=False),
    # On a real cluster an aggregated API of kapp-controller, not a CRD.
    _group("data.packaging.carvel.dev", "packages", "Package", "pkg", version="v1alpha1", status=False,
           columns=(("Packagemetadata Name", ".spec.refName"), ("Version", ".spec.version"))),
    _group("data.packaging.carvel.dev", "packagemetadatas", "PackageMetadata", "pkgm", version="v1alpha1", status=False,
           columns=(("Display Name", ".spec.displayName"),)),
)  # fmt: skip

#: Kinds that are created to ask a question and never kept.
REVIEWS = {
    ("authorization.k8s.io", "selfsubjectaccessreviews"): "SelfSubjectAccessReview",
    ("authorization.k8s.io", "selfsubjectrulesreviews"): "SelfSubjectRulesReview",
    ("authentication.k8s.io", "selfsubjectreviews"): "SelfSubjectReview",
}


def review_discovery(group: str) -> list[dict[str, Any]]:
    return [
        {"name": plural, "singularName": kind.lower(), "namespaced": False, "kind": kind, "verbs": ["create"]}
        for (owner, plural), kind in REVIEWS.items()
        if owner == group
    ]


def of_definition(definition: Mapping[str, Any]) -> list[Resource]:
    """The resources that a CustomResourceDefinition adds, one a served version."""
    spec = definition["spec"]
    names = spec["names"]
    return [
        Resource(
            GVR(spec["group"], version["name"], names["plural"]),
            names["kind"],
            namespaced=spec.get("scope", "Namespaced") == "Namespaced",
            short=tuple(names.get("shortNames", ())),
            status="status" in version.get("subresources", {}),
            columns=tuple((c["name"], c["jsonPath"]) for c in version.get("additionalPrinterColumns", ())),
            categories=tuple(names.get("categories", ())),
        )
        for version in spec["versions"]
        if version.get("served", True)
    ]


NAMESPACES = GVR("", "v1", "namespaces")
PODS = GVR("", "v1", "pods")
SERVICE_ACCOUNTS = GVR("", "v1", "serviceaccounts")
DEFINITIONS = GVR("apiextensions.k8s.io", "v1", "customresourcedefinitions")


class Served:
    """The resources served at the moment. Used under the store's lock for writing; reading needs none."""

    def __init__(self) -> None:
        self._resources: dict[GVR, Resource] = {resource.gvr: resource for resource in BUILT_IN}

    def all(self) -> list[Resource]:
        return list(self._resources.values())

    def find(self, gvr: GVR) -> Resource | None:
        return self._resources.get(gvr)

    def of_key(self, key: tuple[str, str]) -> Resource | None:
        return next((resource for resource in self.all() if resource.gvr.key == key), None)

    def define(self, definition: Mapping[str, Any]) -> None:
        self._replace(definition, of_definition(definition))

    def undefine(self, definition: Mapping[str, Any]) -> None:
        self._replace(definition, [])

    def _replace(self, definition: Mapping[str, Any], resources: list[Resource]) -> None:
        key = (definition["spec"]["group"], definition["spec"]["names"]["plural"])
        kept = {gvr: resource for gvr, resource in self._resources.items() if gvr.key != key}
        self._resources = {**kept, **{resource.gvr: resource for resource in resources}}
