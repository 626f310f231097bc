"""Every answer there is: its key, the step that asks it, whether it is secret, and its default.

One line here and one form field make a new answer; plan, values, review, export and redaction follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from installer_tasks.text import mark as _

STEPS = ("bundle", "cluster", "dns", "identity", "registry", "certificates", "services")


@dataclass(frozen=True)
class Key:
    """One answer of the wizard; `name` is `<step>.<field>`."""

    name: str
    label: str
    default: str = ""
    secret: bool = False
    required: bool = True

    @property
    def step(self) -> str:
        return self.name.partition(".")[0]

    @property
    def field(self) -> str:
        return self.name.partition(".")[2]


KEYS: tuple[Key, ...] = (
    Key("bundle.path", _("Bundle folder")),
    Key("bundle.release", _("Release")),
    Key("cluster.kubeconfig", _("Kubeconfig"), secret=True),
    Key("cluster.context", _("Context")),
    Key("dns.zone", _("DNS zone")),
    Key("dns.server", _("DNS server to ask"), required=False),
    Key("identity.issuer_url", _("Issuer URL")),
    Key("identity.client_id", _("Client ID")),
    Key("identity.client_secret", _("Client secret"), secret=True),
    Key("identity.ca", _("Certificate authority of the provider"), required=False),
    Key("identity.groups_claim", _("Groups claim"), default="groups"),
    Key("identity.scopes", _("Scopes"), required=False),
    Key("identity.admin_group", _("Group of administrators"), default="tmc:admin"),
    Key("identity.member_group", _("Group of members"), default="tmc:member"),
    Key("registry.project", _("Registry project")),
    Key("registry.username", _("Registry user")),
    Key("registry.password", _("Registry password"), secret=True),
    Key("registry.ca", _("Certificate authority of the registry"), required=False),
    Key("certificates.cluster_issuer", _("ClusterIssuer")),
    Key("certificates.ca", _("Certificate authority of the issuer")),
    Key("services.size", _("Size"), default="small"),
    Key("services.postgres_password", _("PostgreSQL password"), secret=True),
    Key("services.postgres_max_connections", _("PostgreSQL connections"), default="300"),
    Key("services.minio_username", _("MinIO user"), default="root"),
    Key("services.minio_password", _("MinIO password"), secret=True),
    Key("services.service_type", _("Service type"), default="LoadBalancer"),
    Key("services.load_balancer_ip", _("Load balancer address"), required=False),
    Key("services.load_balancer_class", _("Load balancer class"), required=False),
    Key("services.telemetry", _("Send usage data to VMware"), default="false"),
)

BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}
SECRETS = frozenset(key.name for key in KEYS if key.secret)


def of_step(step: str) -> tuple[Key, ...]:
    return tuple(key for key in KEYS if key.step == step)


def with_defaults(answers: Mapping[str, str]) -> dict[str, str]:
    """Every key with its answer, else its default."""
    return {key.name: answers.get(key.name) or key.default for key in KEYS}


def missing(answers: Mapping[str, str]) -> tuple[Key, ...]:
    """Required keys that have neither an answer nor a default."""
    effective = with_defaults(answers)
    return tuple(key for key in KEYS if key.required and not effective[key.name])
