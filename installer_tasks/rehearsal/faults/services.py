"""Faults of what this customer answers for the services."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from installer_tasks.rehearsal.faults.base import Answering, Fault
from installer_tasks.rehearsal.kube.resources import GVR
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

POSTGRES, MINIO, USER = "services.postgres_password", "services.minio_password", "services.minio_username"
LOAD_BALANCER = "services.load_balancer_ip"
SERVICES = GVR("", "v1", "services")
LONG = "correct-horse-battery"


def _typed(key: str, value: str) -> Answering:
    return lambda _estate: {key: value}


def _equal(_estate: Estate) -> dict[str, str]:
    return {POSTGRES: LONG, MINIO: LONG}


def _a_nodes_address(estate: Estate) -> dict[str, str]:
    """The free range was copied from the wrong line of a table."""
    node = next(iter(estate.store.list(GVR("", "v1", "nodes"))))
    addresses = node["status"]["addresses"]
    return {LOAD_BALANCER: next(item["address"] for item in addresses if item["type"] == "InternalIP")}


def _other_service(estate: Estate) -> Callable[[], None]:
    """Somebody's web shop has the address that was set aside."""
    metadata = {"name": "web-shop", "namespace": "default"}
    spec = {"type": "ClusterIP", "externalIPs": [estate.edge.address], "ports": [{"port": 443, "protocol": "TCP"}]}
    estate.store.create(SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})

    def undo() -> None:
        estate.store.delete(SERVICES, "default", "web-shop")

    return undo


FAULTS = (
    Fault("services.minio-password-short", _("MinIO's password is too short"), "services.passwords", "at least 8",
          answers=_typed(MINIO, "s3cret!")),
    Fault("services.minio-user-short", _("MinIO's user name has only two letters"), "services.passwords", "at least 3",
          answers=_typed(USER, "me")),
    Fault("services.password-blank", _("PostgreSQL's password contains a space"), "services.passwords", "contains spaces",
          answers=_typed(POSTGRES, "correct horse battery")),
    Fault("services.password-quote", _("PostgreSQL's password contains a quote"), "services.passwords-survive", "quotes",
          answers=_typed(POSTGRES, "o'reilly-battery-horse")),
    Fault("services.password-dollar", _("MinIO's password contains a dollar sign"), "services.passwords-survive", "dollar",
          answers=_typed(MINIO, "correct$horse-battery")),
    Fault("services.password-address", _("PostgreSQL's password contains an at sign"), "services.passwords-survive",
          "database URL", answers=_typed(POSTGRES, "correct@horse-battery")),
    Fault("services.postgres-password-short", _("PostgreSQL's password is short"), "services.passwords-strong",
          "fewer than twelve", answers=_typed(POSTGRES, "postgres1")),
    Fault("services.passwords-equal", _("PostgreSQL and MinIO have the same password"), "services.passwords-strong",
          "the same password", answers=_equal),
    Fault("services.address-of-node", _("The load balancer's address belongs to a node"), "services.address-free",
          "Node ", answers=_a_nodes_address),
    Fault("services.address-taken", _("Another Service uses the load balancer's address"), "services.address-free",
          "web-shop", _other_service),
    Fault("services.address-malformed", _("The load balancer's address is a range"), "services.address-free",
          "not an IP address", answers=_typed(LOAD_BALANCER, "10.0.0.20-10.0.0.29")),
    Fault("services.address-of-group", _("The load balancer's address is a multicast address"), "services.address-free",
          "multicast", answers=_typed(LOAD_BALANCER, "239.0.0.20")),
)  # fmt: skip
