"""The practice cluster as a customer would hand it over: nodes, storage, kapp-controller, cert-manager, people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from installer_tasks.rehearsal.kube.errors import unknown_path
from installer_tasks.rehearsal.kube.seed_addons import CERT_MANAGER_VERSION, addons
from installer_tasks.rehearsal.kube.seed_cluster import VERSION, cluster
from installer_tasks.rehearsal.kube.seed_definitions import definitions
from installer_tasks.rehearsal.kube.seed_dns import coredns
from installer_tasks.rehearsal.kube.store import GVR, Store

Object = dict[str, Any]
MANAGER = "practice"


def seed(store: Store, *, kubernetes: str = VERSION, cert_manager: str = CERT_MANAGER_VERSION) -> None:
    """Furnish an empty cluster, of these versions."""
    made: dict[tuple[str, str], str] = {}
    for manifest in (*cluster(kubernetes), *definitions(), *addons(cert_manager), *coredns()):
        for owner in manifest["metadata"].get("ownerReferences", ()):
            owner["uid"] = made[owner["kind"], owner["name"]]
        kept = store.create(_gvr(store, manifest), manifest, manager=MANAGER)
        made[kept["kind"], kept["metadata"]["name"]] = kept["metadata"]["uid"]


def apply_manifests(store: Store, manifests: Iterable[Object], *, manager: str = MANAGER) -> None:
    """Server-side apply of manifests by their kind, each in its own namespace; what others own is taken over."""
    for manifest in manifests:
        store.apply(_gvr(store, manifest), manifest, manager=manager, force=True)


def _gvr(store: Store, manifest: Object) -> GVR:
    for resource in store.served.all():
        if (resource.gvr.api_version, resource.kind) == (manifest["apiVersion"], manifest["kind"]):
            return resource.gvr
    raise unknown_path(f"{manifest['apiVersion']} {manifest['kind']}")
