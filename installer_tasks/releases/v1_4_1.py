"""TMC-SM 1.4.1, assembled from field guides and the pods they list; the vendor's pages could not be read.

Packages and versions: guides for 1.4.1. Workloads: the ones the guides name; services whose name they abbreviate
("the cluster-*-server family") are left out here, because the cluster says what really runs.
"""

from __future__ import annotations

from typing import Any

from installer_tasks.releases.model import Package, PublicCertificate, Release, Workload, WorkloadKind

GIB = 1024**3


def _workloads(kind: WorkloadKind, *names: str) -> tuple[Workload, ...]:
    return tuple(Workload(kind, name) for name in names)


_STACK = (
    *_workloads(
        "Deployment",
        "account-manager-server",
        "agent-gateway-server",
        "api-gateway-server",
        "audit-service-consumer",
        "audit-service-server",
        "auth-manager-server",
        "authentication-server",
        "landing-service-server",
        "tenancy-service-server",
        "ui-server",
        "wcm-server",
    ),
    Workload("Deployment", "inspection-server", containers=2),
    Workload("Deployment", "rate-limit-service-server", containers=3),
)

PACKAGES = (
    Package(
        "contour",
        "contour.bitnami.com",
        "18.2.19",
        1,
        (
            Workload("Job", "contour-contour-certgen"),
            Workload("Deployment", "contour-contour"),
            Workload("DaemonSet", "contour-envoy", replicas=3, containers=2),
        ),
    ),
    Package("tmc-local-stack-secrets", "tmc-local-stack-secrets.tmc.tanzu.vmware.com", "0.1.1865088", 1),
    Package("tmc-local-support", "tmc-local-support.tmc.tanzu.vmware.com", "0.1.1865088", 2),
    Package("pinniped", "pinniped.bitnami.com", "2.3.1", 2, _workloads("Deployment", "pinniped-supervisor")),
    Package(
        "kafka",
        "kafka.bitnami.com",
        "28.3.2",
        3,
        (
            Workload("StatefulSet", "kafka-controller"),
            Workload("StatefulSet", "kafka-zookeeper"),
            Workload("Deployment", "kafka-exporter"),
        ),
    ),
    Package(
        "kafka-topic-controller",
        "kafka-topic-controller.tmc.tanzu.vmware.com",
        "0.0.33",
        3,
        _workloads("Deployment", "kafka-topic-controller-manager"),
    ),
    Package(
        "postgres",
        "tmc-local-postgres.tmc.tanzu.vmware.com",
        "0.0.138",
        3,
        (Workload("StatefulSet", "postgres-postgresql", containers=2),),
    ),
    Package(
        "minio",
        "minio.bitnami.com",
        "14.6.8",
        3,
        (Workload("Deployment", "minio"), Workload("Job", "minio-provisioning")),
    ),
    Package("redis", "redis.bitnami.com", "19.5.15", 3, _workloads("StatefulSet", "redis-master")),
    Package(
        "reloader-reloader",
        "reloader.tmc.tanzu.vmware.com",
        "1.0.107",
        3,
        _workloads("Deployment", "reloader-reloader"),
    ),
    Package(
        "postgres-endpoint-controller",
        "postgres-endpoint-controller.tmc.tanzu.vmware.com",
        "0.1.72",
        4,
        _workloads("Deployment", "postgres-endpoint-controller"),
    ),
    Package(
        "s3-access-operator",
        "s3-access-operator.tmc.tanzu.vmware.com",
        "0.1.36",
        4,
        _workloads("Deployment", "s3-access-operator"),
    ),
    Package("tmc-local-stack", "tmc-local-stack.tmc.tanzu.vmware.com", "0.1.1865088", 5, _STACK),
    Package(
        "tmc-local-monitoring",
        "monitoring.tmc.tanzu.vmware.com",
        "0.0.22",
        6,
        (
            Workload("StatefulSet", "alertmanager-tmc-local-monitoring-tmc-local", containers=2),
            Workload("StatefulSet", "prometheus-server-tmc-local-monitoring-tmc-local", containers=2),
        ),
    ),
)


def _string(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _object(description: str, properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": properties,
    }
    return {**schema, "required": list(required)} if required else schema


def _free_object(description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "additionalProperties": True, "default": {}}


_BOOLEAN = {"type": "boolean", "default": False}
_STRINGS = {"type": "array", "items": {"type": "string"}, "default": []}

VALUES_SCHEMA = _object(
    "Values of tmc.tanzu.vmware.com 1.4.1, assembled from values that installed",
    {
        "harborProject": _string(
            "Registry host and project, without scheme and trailing slash", pattern=r"^[^/:]+(:\d+)?/.*[^/]$"
        ),
        "dnsZone": _string("Zone of all public names", minLength=1),
        "clusterIssuer": _string("Name of a ClusterIssuer"),
        "certificateImport": _BOOLEAN,
        "createNamespace": _BOOLEAN,
        "size": _string("Only small has been seen", default="small"),
        "supportFlags": _STRINGS,
        "authenticationType": _string("", enum=["federated", "ldap"], default="federated"),
        "idpGroupRoles": _object(
            "Groups of the identity provider",
            {
                "admin": _string("", default="tmc:admin"),
                "member": _string("", default="tmc:member"),
            },
        ),
        "oidc": _object(
            "OpenID Connect provider",
            {
                "issuerType": _string("", enum=["pinniped", "direct"]),
                "issuerURL": _string("", pattern="^https://"),
                "clientID": _string(""),
                "clientSecret": _string(""),
                "authorizationScopes": _STRINGS,
                "claimGroups": _string("", default="groups"),
            },
            ("issuerType", "issuerURL"),
        ),
        "ldap": _free_object("LDAP or Active Directory; needed when authenticationType is ldap"),
        "pinnipedExtraEnvVars": {"type": "array", "items": {"type": "object"}, "default": []},
        "postgres": _object(
            "PostgreSQL",
            {
                "userPassword": _string("", minLength=1),
                "maxConnections": {"type": "integer", "default": 300},
            },
            ("userPassword",),
        ),
        "minio": _object(
            "MinIO",
            {"username": _string("", minLength=3), "password": _string("", minLength=8)},
            ("username", "password"),
        ),
        "contourEnvoy": _object(
            "Ingress",
            {
                "serviceType": _string("", enum=["LoadBalancer", "NodePort", "ClusterIP"]),
                "loadBalancerIP": _string(""),
                "loadBalancerClass": _string(""),
                "serviceAnnotations": _free_object(""),
                "nodeSelector": _free_object(""),
                "nodeTolerations": {"type": "array", "items": {"type": "object"}, "default": []},
            },
            ("serviceType",),
        ),
        "alertmanager": _object(
            "Alert receivers",
            {"criticalAlertReceiver": _free_object(""), "warningAlertReceiver": _free_object("")},
        ),
        "prometheusVolumeSize": _string("", default=""),
        "trustedCAs": {
            "type": "object",
            "description": "File name to PEM",
            "additionalProperties": {"type": "string"},
            "default": {},
        },
        "tanzuStandard": _object(
            "Local Tanzu Standard repository", {"imageRegistry": _string(""), "relativePath": _string("")}
        ),
        "telemetry": _object(
            "Customer Experience Improvement Program",
            {"ceipOptIn": _BOOLEAN, "eanNumber": _string("", default=""), "ceipAgreement": _BOOLEAN},
        ),
    },
    ("harborProject", "dnsZone", "clusterIssuer", "oidc", "postgres", "minio", "contourEnvoy"),
)

RELEASE = Release(
    version="1.4.1",
    ref_name="tmc.tanzu.vmware.com",
    namespace="tmc-local",
    repository_name="tanzu-mission-control-packages",
    install_name="tanzu-mission-control",
    repository_path="package-repository",
    hosts=(
        "",
        "alertmanager",
        "auth",
        "blob",
        "console.s3",
        "gts-rest",
        "gts",
        "landing",
        "pinniped-supervisor",
        "prometheus",
        "s3",
        "tmc-local.s3",
    ),
    certificates=(
        PublicCertificate("auth-manager-server-tls", "server-tls", ("auth",)),
        PublicCertificate("landing-service-server-tls", "landing-service-tls", ("landing",)),
        PublicCertificate("minio-tls", "minio-tls", ("s3", "console.s3", "tmc-local.s3")),
        PublicCertificate("pinniped-supervisor-server-tls", "pinniped-supervisor-server-tls", ("pinniped-supervisor",)),
        PublicCertificate("stack-tls", "stack-tls", ("",)),
        PublicCertificate("tenancy-service-server-tls", "tenancy-service-tls", ("gts", "gts-rest")),
    ),
    packages=PACKAGES,
    values_schema=VALUES_SCHEMA,
    kubernetes=("1.24", "1.33"),
    cert_manager=("1.7.2", "1.12.10"),
    workers=3,
    worker_cpu=4,
    worker_memory=8 * GIB,
    worker_disk=40 * GIB,
)
