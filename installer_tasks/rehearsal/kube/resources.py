"""Which resources there are: the built-in ones, and those that a CustomResourceDefinition adds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Kinds that `kubectl scale` knows.
SCALABLE = frozenset({("apps", "deployments"), ("apps", "statefulsets"), ("apps", "replicasets")})
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
    """One resource as discovery tells it. `columns` are those that a CustomResourceDefinition asks for in tables."""

    gvr: GVR
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    status: bool = True
    columns: tuple[Mapping[str, Any], ...] = ()
    categories: tuple[str, ...] = ()
    custom: bool = False
    singular: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def subresources(self) -> dict[str, tuple[str, ...]]:
        """Name of each subresource and its verbs."""
        found: dict[str, tuple[str, ...]] = {"status": ("get", "patch", "update")} if self.status else {}
        if self.gvr == GVR("", "v1", "pods"):
            found["log"] = ("get",)
        if self.gvr == SERVICE_ACCOUNTS:
            found["token"] = ("create",)
        if self.gvr.key in SCALABLE:
            found["scale"] = ("get", "patch", "update")
        return found

    def discovery(self) -> list[dict[str, Any]]:
        entry = {
            "name": self.gvr.resource,
            "singularName": self.singular or self.kind.lower(),
            "namespaced": self.namespaced,
            "kind": self.kind,
            "verbs": list(VERBS),
            "shortNames": list(self.short),
            "categories": list(self.categories),
        }
        parts = [
            {"name": f"{self.gvr.resource}/{name}", "singularName": "", "namespaced": self.namespaced,
             "kind": "Scale" if name == "scale" else self.kind, "verbs": list(verbs)}
            | ({"group": "autoscaling", "version": "v1"} if name == "scale" else {})
            for name, verbs in self.subresources.items()
        ]  # fmt: skip
        return [entry, *parts]


def _core(resource: str, kind: str, short: str = "", **more: Any) -> Resource:
    return Resource(GVR("", "v1", resource), kind, short=tuple(filter(None, short.split(","))), **more)


def _group(group: str, resource: str, kind: str, short: str = "", version: str = "v1", **more: Any) -> Resource:
    return Resource(GVR(group, version, resource), kind, short=tuple(filter(None, short.split(","))), **more)


CLUSTER_WIDE: dict[str, Any] = {"namespaced": False}
PLAIN: dict[str, Any] = {"status": False}
PLAIN_CLUSTER_WIDE: dict[str, Any] = {**CLUSTER_WIDE, **PLAIN}
ALL: dict[str, Any] = {"categories": ("all",)}
RBAC, NET, ADMISSION = "rbac.authorization.k8s.io", "networking.k8s.io", "admissionregistration.k8s.io"
DATA = "data.packaging.carvel.dev"

BUILT_IN: tuple[Resource, ...] = (
    _core("namespaces", "Namespace", "ns", **CLUSTER_WIDE),
    _core("nodes", "Node", "no", **CLUSTER_WIDE),
    _core("pods", "Pod", "po", **ALL),
    _core("services", "Service", "svc", **ALL),
    _core("secrets", "Secret", **PLAIN),
    _core("configmaps", "ConfigMap", "cm", **PLAIN),
    _core("serviceaccounts", "ServiceAccount", "sa", **PLAIN),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", "pvc"),
    _core("persistentvolumes", "PersistentVolume", "pv", **CLUSTER_WIDE),
    _core("events", "Event", "ev", **PLAIN),
    _core("endpoints", "Endpoints", "ep", **PLAIN),
    _core("resourcequotas", "ResourceQuota", "quota"),
    _core("limitranges", "LimitRange", "limits", **PLAIN),
    _core("replicationcontrollers", "ReplicationController", "rc", **ALL),
    _group("apps", "deployments", "Deployment", "deploy", **ALL),
    _group("apps", "statefulsets", "StatefulSet", "sts", **ALL),
    _group("apps", "daemonsets", "DaemonSet", "ds", **ALL),
    _group("apps", "replicasets", "ReplicaSet", "rs", **ALL),
    _group("batch", "jobs", "Job", **ALL),
    _group("batch", "cronjobs", "CronJob", "cj", **ALL),
    _group(NET, "ingresses", "Ingress", "ing"),
    _group(NET, "ingressclasses", "IngressClass", **PLAIN_CLUSTER_WIDE),
    _group(NET, "networkpolicies", "NetworkPolicy", "netpol", **PLAIN),
    _group("storage.k8s.io", "storageclasses", "StorageClass", "sc", **PLAIN_CLUSTER_WIDE),
    _group(RBAC, "clusterroles", "ClusterRole", **PLAIN_CLUSTER_WIDE),
    _group(RBAC, "clusterrolebindings", "ClusterRoleBinding", **PLAIN_CLUSTER_WIDE),
    _group(RBAC, "roles", "Role", **PLAIN),
    _group(RBAC, "rolebindings", "RoleBinding", **PLAIN),
    _group("apiextensions.k8s.io", "customresourcedefinitions", "CustomResourceDefinition", "crd,crds", **CLUSTER_WIDE),
    _group("coordination.k8s.io", "leases", "Lease", **PLAIN),
    _group("policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb"),
    _group(ADMISSION, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", **PLAIN_CLUSTER_WIDE),
    _group(ADMISSION, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", **PLAIN_CLUSTER_WIDE),
    # On a real cluster an aggregated API of kapp-controller, not a CRD.
    _group(DATA, "packages", "Package", "pkg", version="v1alpha1", **PLAIN),
    _group(DATA, "packagemetadatas", "PackageMetadata", "pkgm", version="v1alpha1", **PLAIN),
)

#: Kinds that are created to ask a question and never kept.
REVIEWS = {
    ("authorization.k8s.io", "selfsubjectaccessreviews"): "SelfSubjectAccessReview",
    ("authorization.k8s.io", "selfsubjectrulesreviews"): "SelfSubjectRulesReview",
    ("authorization.k8s.io", "subjectaccessreviews"): "SubjectAccessReview",
    ("authentication.k8s.io", "selfsubjectreviews"): "SelfSubjectReview",
    ("authentication.k8s.io", "tokenreviews"): "TokenReview",
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
            columns=tuple(version.get("additionalPrinterColumns", ())),
            custom=True,
            singular=names.get("singular", ""),
            schema=(version.get("schema") or {}).get("openAPIV3Schema") or {},
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
