"""The namespace, whose pods are privileged; and kapp-controller's trust in the registry's authority."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from installer_tasks.errors import Conflict, Missing
from installer_tasks.runs.stages import removal
from installer_tasks.runs.stages.base import Context, Progress
from installer_tasks.runs.stages.systems import cluster_of
from installer_tasks.systems.cluster import carvel
from installer_tasks.systems.cluster.inventory import kapp_controller
from installer_tasks.systems.cluster.values import KappController
from installer_tasks.systems.cluster.waiting import wait_for
from installer_tasks.text import mark as _
from installer_tasks.text import text

if TYPE_CHECKING:
    from installer_tasks.systems.cluster.interface import Cluster

ROLLOUT = 300.0
REMOVAL = 600.0


class NamespaceAndTrust:
    slug = "namespace-and-trust"
    title = _("Prepare the namespace and trust")
    doing = _("Preparing the namespace and trust in the registry")
    systems: tuple[str, ...] = ("bundle", "cluster")
    shows = Progress.NONE
    undo_title = _("Delete the namespace and its volumes")
    undo_doing = _("Removing the namespace and its volumes")
    reads: tuple[str, ...] = (
        "bundle.release",
        "cluster.kubeconfig",
        "cluster.context",
        "registry.ca",
    )

    def is_done(self, context: Context) -> bool:
        cluster = cluster_of(context)
        labels = _labels(cluster.find("v1", "Namespace", context.plan.known.namespace))
        if labels.get(carvel.POD_SECURITY) != "privileged":
            return False
        place = _kapp_controller(cluster)
        return _wanted_trust(context, cluster, place["namespace"]) is None and _is_rolled_out(
            _deployment(cluster, place)
        )

    def run(self, context: Context) -> None:
        cluster = cluster_of(context)
        namespace = context.plan.known.namespace
        cluster.apply(carvel.namespace(namespace), force=True)
        context.report.event("namespace.ready", namespace=namespace)
        context.check_cancelled()
        self._trust(context, cluster)

    def _trust(self, context: Context, cluster: Cluster) -> None:
        place = _kapp_controller(cluster)
        trust = _wanted_trust(context, cluster, place["namespace"])
        if trust is not None:
            cluster.apply(trust, force=True)
            context.report.event("trust.added", namespace=place["namespace"])
            now = datetime.now(UTC).isoformat(timespec="seconds")
            cluster.apply(carvel.restarted(place["name"], place["namespace"], now), force=True)
        wait_for(
            lambda: _deployment(cluster, place),
            _is_rolled_out,
            deadline=ROLLOUT,
            describe=lambda _state: text(_("kapp-controller to restart with the new CA certificate")),
            cancelled=context.cancelled,
            on_wait=context.report.waiting_for,
        )

    def is_undone(self, context: Context) -> bool:
        return cluster_of(context).find("v1", "Namespace", context.plan.known.namespace) is None

    def undo(self, context: Context) -> None:
        """The namespace with all that is in it. The authority stays trusted: it is the customer's own."""
        name = context.plan.known.namespace
        _require_no_packages(context, name)
        removal.remove(context, carvel.namespace(name), deadline=REMOVAL, said=_remaining)


def _require_no_packages(context: Context, namespace: str) -> None:
    """Packages that are left are another's; without the namespace's accounts they could never be removed."""
    found = cluster_of(context).list(carvel.PACKAGING, "PackageInstall", namespace)
    names = ", ".join(sorted(str(each["metadata"]["name"]) for each in found))
    if names:
        raise Conflict(
            text(_("Namespace %(namespace)s contains other packages: %(names)s."), namespace=namespace, names=names),
            value=names,
            remedy=text(_("Remove them first, then resume; or keep the namespace.")),
            code="undo-others-packages",
            retry=False,
        )


def _remaining(namespace: dict[str, Any]) -> str:
    """What a namespace that is being deleted still waits for, in the cluster's words."""
    conditions = (namespace.get("status") or {}).get("conditions") or []
    waits = (each for each in conditions if each.get("status") == "True")
    return " ".join(str(each.get("message", "")) for each in waits)


def _labels(obj: dict[str, Any] | None) -> dict[str, str]:
    return (obj or {}).get("metadata", {}).get("labels") or {}


def _kapp_controller(cluster: Cluster) -> KappController:
    found = kapp_controller(cluster)
    if not found["name"]:
        raise Missing(
            text(_("kapp-controller is not installed in the cluster.")),
            value="kapp-controller",
            remedy=text(_("Install kapp-controller, then resume.")),
            code="kapp-controller-missing",
        )
    return found


def _wanted_trust(context: Context, cluster: Cluster, namespace: str) -> dict[str, Any] | None:
    authorities = tuple(context.plan[key] for key in ("registry.ca",) if context.plan[key].strip())
    if not authorities:
        return None
    return carvel.trust_secret(
        namespace,
        authorities,
        secret=cluster.find("v1", "Secret", carvel.KAPP_CONFIG, namespace),
        config_map=cluster.find("v1", "ConfigMap", carvel.KAPP_CONFIG, namespace),
    )


def _deployment(cluster: Cluster, place: KappController) -> dict[str, Any]:
    return cluster.get("apps/v1", "Deployment", place["name"], place["namespace"])


def _is_rolled_out(deployment: dict[str, Any]) -> bool:
    """As `kubectl rollout status` judges it; figures that are zero are left out by the server."""
    status = deployment.get("status") or {}
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return False
    wanted = (deployment.get("spec") or {}).get("replicas", 1)
    current = status.get("updatedReplicas", 0)
    return bool(
        current >= wanted and status.get("replicas", 0) <= current and status.get("availableReplicas", 0) >= current
    )
