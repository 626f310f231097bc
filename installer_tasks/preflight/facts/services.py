"""The load balancer by a trial Service, and the kinds of the passwords (never the passwords)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from installer_tasks import releases
from installer_tasks.errors import Stalled
from installer_tasks.preflight.facts import services_values
from installer_tasks.preflight.facts.base import DEADLINE, Observations, Probe
from installer_tasks.preflight.facts.trials import patience, trial_namespace, wait_until, words_about
from installer_tasks.preflight.shapes import services as shapes
from installer_tasks.systems.cluster.access import connect
from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.kubeconfig import parse_kubeconfig
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

#: Cloud load balancers take up to two minutes; a page must not wait longer for one finding.
ADDRESS_DEADLINE = 120.0
PASSWORDS = (*services_values.PASSWORDS, "services.minio_username")


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    observations.observe_together(
        Probe(shapes.PASSWORDS, lambda: _passwords(answers)),
        Probe(shapes.SECRETS, lambda: services_values.secrets_kinds(answers)),
        Probe(shapes.ADDRESS_USE, lambda: services_values.address_use(answers)),
    )
    observations.observe(
        shapes.LOAD_BALANCER, lambda: _load_balancer(answers), seconds=patience(ADDRESS_DEADLINE) + DEADLINE
    )


def _passwords(answers: Mapping[str, str]) -> dict[str, shapes.Password]:
    return {key: _kind(answers[key]) for key in PASSWORDS if services_values.asked(key, answers)}


def _kind(password: str) -> shapes.Password:
    return {"length": len(password), "printable": password.isprintable() and " " not in password}


def _load_balancer(answers: Mapping[str, str]) -> shapes.NoLoadBalancer | shapes.LoadBalancer:
    kind = answers["services.service_type"]
    if kind != "LoadBalancer":
        return {"skipped": True, "kind": kind}
    kubeconfig = parse_kubeconfig(answers["cluster.kubeconfig"], context=answers["cluster.context"])
    cluster = connect(kubeconfig)
    try:
        address, seconds, removal = _own_address(cluster, answers), 0, None
        if not address:
            with trial_namespace(cluster) as namespace:
                cluster.apply(_service(namespace, answers))
                address, seconds = _address(cluster, namespace, _wanted(answers), patience(ADDRESS_DEADLINE))
            removal = namespace.removal()
    finally:
        cluster.close()
    return {"skipped": False, "address": address, "seconds": seconds, "removal": removal}


def _own_address(cluster: Cluster, answers: Mapping[str, str]) -> str:
    """Once the release's own load balancer has the asked address, a trial for the same one can only fail."""
    release = releases.chosen(answers)
    return _ingress(cluster.find("v1", "Service", release.ingress, release.namespace))


def _wanted(answers: Mapping[str, str]) -> str:
    """What was asked of the load balancer: its class and address where they are given."""
    asked = (answers["services.load_balancer_class"], answers["services.load_balancer_ip"])
    return " ".join(filter(None, asked)) or answers["services.service_type"]


def _service(namespace: str, answers: Mapping[str, str]) -> dict[str, Any]:
    optional = {
        "loadBalancerIP": answers["services.load_balancer_ip"],
        "loadBalancerClass": answers["services.load_balancer_class"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "trial", "namespace": namespace},
        "spec": {
            "type": "LoadBalancer",
            "selector": {"app": "none"},
            "ports": [{"name": "https", "port": 443, "protocol": "TCP"}],
            **{key: value for key, value in optional.items() if value},
        },
    }


def _address(cluster: Cluster, namespace: str, load_balancer: str, seconds: float) -> tuple[str, int]:
    def look() -> str:
        return _ingress(cluster.get("v1", "Service", "trial", namespace))

    stalled = Stalled(
        text(
            ngettext(
                "The load balancer assigned no address to a test Service within %(seconds)d second.",
                "The load balancer assigned no address to a test Service within %(seconds)d seconds.",
            ),
            seconds=int(seconds),
        ),
        value=load_balancer,
        remedy=text(_("Check that this cluster has a load balancer, and that its pool has free addresses.")),
    )
    try:
        return wait_until(look, stalled, seconds=seconds)
    except Stalled:
        if words := words_about(cluster, namespace, "trial"):
            stalled.cause = text(_("The load balancer assigned no address to a test Service: %(words)s"), words=words)
        raise


def _ingress(service: Mapping[str, Any] | None) -> str:
    """The address, or name, that a load balancer has given a Service; "" for none."""
    ingress = ((service or {}).get("status") or {}).get("loadBalancer", {}).get("ingress") or [{}]
    return str(ingress[0].get("ip") or ingress[0].get("hostname") or "")
