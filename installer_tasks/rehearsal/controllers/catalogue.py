"""What a release's packages put into the cluster, as objects. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from installer_tasks.rehearsal.controllers.contour import HTTP_PROXY
from installer_tasks.releases import Package, Release, Workload

Object = dict[str, Any]
PACKAGING = "packaging.carvel.dev/v1alpha1"
DATA_PACKAGING = "data.packaging.carvel.dev/v1alpha1"
PACKAGE_LABEL = "kapp.k14s.io/app"
#: The authority inside TMC-SM: an issuer signs itself a CA, with which another issuer signs (facts §5.2).
_INTERNAL, _INTERNAL_ROOT, _INTERNAL_CA = "dev", "dev-root", "dev-ca"
#: HTTPProxies and the host they serve, by package.
_PROXIES = {
    "tmc-local-stack": (
        ("stack-http-proxy", "", "stack-tls"),
        ("auth-manager-server", "auth", "server-tls"),
        ("tenancy-service-http-proxy", "gts", "tenancy-service-tls"),
        ("tenancy-service-http-proxy-rest", "gts-rest", "tenancy-service-tls"),
    ),
    "pinniped": (("pinniped-supervisor", "pinniped-supervisor", "pinniped-supervisor-server-tls"),),
    "minio": (
        ("minio-console-proxy", "console.s3", "minio-tls"),
        ("minio-api-proxy", "s3", "minio-tls"),
        ("minio-bucket-proxy", "tmc-local.s3", "minio-tls"),
    ),
}
#: How much of an installation's time each package takes; measured by those who wrote of it (facts §8.4).
_SHARES = {
    "contour": 0.07,
    "tmc-local-stack-secrets": 0.02,
    "tmc-local-support": 0.02,
    "pinniped": 0.05,
    "kafka": 0.18,
    "postgres": 0.15,
    "minio": 0.1,
    "tmc-local-stack": 0.5,
    "tmc-local-monitoring": 0.1,
}


def share(package: Package) -> float:
    return _SHARES.get(package.name, 0.05)


def package_objects(release: Release, namespace: str) -> list[Object]:
    """What the repository holds: the parent and every child, with its metadata."""
    parent = _package(release.ref_name, release.version, namespace, release.values_schema)
    children = [_package(package.ref_name, package.version, namespace, {}) for package in release.packages]
    names = [release.ref_name, *(package.ref_name for package in release.packages)]
    return [parent, *children, *(_package_metadata(name, namespace) for name in names)]


def _package(ref_name: str, version: str, namespace: str, schema: Mapping[str, Any]) -> Object:
    return {
        "apiVersion": DATA_PACKAGING,
        "kind": "Package",
        "metadata": {"name": f"{ref_name}.{version}", "namespace": namespace},
        "spec": {
            "refName": ref_name,
            "version": version,
            "valuesSchema": {"openAPIv3": dict(schema)},
            "template": {"spec": {"fetch": [], "template": [{"ytt": {}}, {"kbld": {}}], "deploy": [{"kapp": {}}]}},
        },
    }


def _package_metadata(ref_name: str, namespace: str) -> Object:
    return {
        "apiVersion": DATA_PACKAGING,
        "kind": "PackageMetadata",
        "metadata": {"name": ref_name, "namespace": namespace},
        "spec": {"displayName": ref_name.partition(".")[0], "providerName": "VMware"},
    }


def install_rights(namespace: str) -> list[Object]:
    """Under which account the children are installed."""
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    role, group = "tmc-install-cluster-admin-role", "rbac.authorization.k8s.io"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tmc-install-sa", "namespace": namespace}},
        {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": role}, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{role}-binding"},
            "subjects": [{"kind": "ServiceAccount", "name": "tmc-install-sa", "namespace": namespace}],
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        },
    ]


def has_values(package: Package) -> bool:
    return package.name != "tmc-local-stack-secrets"


def values_name(package: Package) -> str:
    short = {"tmc-local-monitoring": "monitoring", "reloader-reloader": "reloader"}.get(package.name, package.name)
    return f"{short}-values-ver-1"


def child_install(package: Package, namespace: str) -> list[Object]:
    """The PackageInstall of a child and its values."""
    install: Object = {
        "apiVersion": PACKAGING,
        "kind": "PackageInstall",
        "metadata": {"name": package.name, "namespace": namespace},
        "spec": {
            "serviceAccountName": "tmc-install-sa",
            "packageRef": {"refName": package.ref_name, "versionSelection": {"constraints": package.version}},
        },
    }
    if not has_values(package):
        return [install]
    install["spec"]["values"] = [{"secretRef": {"name": values_name(package)}}]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": values_name(package), "namespace": namespace},
        "data": {"values.yaml": base64.b64encode(b"{}\n").decode()},
    }
    return [secret, install]


def child_objects(release: Release, package: Package, namespace: str, values: Mapping[str, Any]) -> list[Object]:
    """What a child package deploys, apart from pods: those follow from the workloads."""
    zone, issuer = str(values.get("dnsZone", "")), _issuer(values)
    project = str(values.get("harborProject", ""))
    objects = [] if values.get("certificateImport") else _certificates(release, package, namespace, zone, issuer)
    if package.name == "tmc-local-stack-secrets" and release.certificates != release.operator_certificates:
        objects += _internal_authority(namespace)
    if package.name == "contour":
        objects.append(HTTP_PROXY)
        objects.append(_envoy_service(namespace, values.get("contourEnvoy") or {}))
    objects += [_proxy(namespace, zone, *proxy) for proxy in _PROXIES.get(package.name, ())]
    return objects + [workload(item, package, namespace, project) for item in package.workloads]


def _issuer(values: Mapping[str, Any]) -> str:
    """The operator's, by the values of every generation."""
    nested = (values.get("serverTLS") or {}).get("clusterIssuer") or {}
    return str(values.get("clusterIssuer") or nested.get("name") or "")


def _certificates(release: Release, package: Package, namespace: str, zone: str, issuer: str) -> list[Object]:
    return [
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": {"name": wanted.name, "namespace": namespace},
            "spec": {
                "secretName": wanted.secret,
                "dnsNames": [f"{host}.{zone}" if host else zone for host in wanted.hosts],
                "duration": "8780h",
                "renewBefore": "780h",
                "issuerRef": _reference(_INTERNAL, "Issuer") if wanted.internal else _reference(issuer),
            },
        }
        for wanted in release.certificates
        if wanted.package == package.name
    ]


def _reference(name: str, kind: str = "ClusterIssuer") -> Object:
    return {"name": name, "kind": kind, "group": "cert-manager.io"}


def _internal_authority(namespace: str) -> list[Object]:
    issuer = {"apiVersion": "cert-manager.io/v1", "kind": "Issuer"}
    spec = {"isCA": True, "commonName": "Practice Development CA", "secretName": f"{_INTERNAL_CA}-key",
            "duration": "87600h", "issuerRef": _reference(_INTERNAL_ROOT, "Issuer")}  # fmt: skip
    certificate = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate"}
    return [
        {**issuer, "metadata": {"name": _INTERNAL_ROOT, "namespace": namespace}, "spec": {"selfSigned": {}}},
        {**certificate, "metadata": {"name": _INTERNAL_CA, "namespace": namespace}, "spec": spec},
        {
            **issuer,
            "metadata": {"name": _INTERNAL, "namespace": namespace},
            "spec": {"ca": {"secretName": f"{_INTERNAL_CA}-key"}},
        },
    ]


def _envoy_service(namespace: str, settings: Mapping[str, Any]) -> Object:
    spec: Object = {
        "type": settings.get("serviceType", "LoadBalancer"),
        "selector": {"app.kubernetes.io/name": "contour-envoy"},
        "ports": [
            {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"},
            {"name": "https", "port": 443, "targetPort": "https", "protocol": "TCP"},
        ],
    }
    if settings.get("loadBalancerIP"):
        spec["loadBalancerIP"] = settings["loadBalancerIP"]
    if settings.get("loadBalancerClass"):
        spec["loadBalancerClass"] = settings["loadBalancerClass"]
    metadata = {"name": "contour-envoy", "namespace": namespace}
    if settings.get("serviceAnnotations"):
        metadata["annotations"] = settings["serviceAnnotations"]
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _proxy(namespace: str, zone: str, name: str, host: str, secret: str) -> Object:
    return {
        "apiVersion": "projectcontour.io/v1",
        "kind": "HTTPProxy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "ingressClassName": "tmc-local",
            "virtualhost": {"fqdn": f"{host}.{zone}" if host else zone, "tls": {"secretName": secret}},
        },
    }


def workload(item: Workload, package: Package, namespace: str, project: str) -> Object:
    labels = {"app.kubernetes.io/name": item.name, PACKAGE_LABEL: package.name}
    names = [item.name, *(f"sidecar-{number}" for number in range(1, item.containers))]
    image = f"{project}/{package.name}/{item.name}:{package.version}"
    pod: Object = {"containers": [{"name": name, "image": image} for name in names]}
    spec: Object = {"template": {"metadata": {"labels": labels}, "spec": pod}}
    if item.kind == "Job":
        pod["restartPolicy"] = "OnFailure"
        spec["completions"] = item.replicas
    else:
        spec["selector"] = {"matchLabels": {"app.kubernetes.io/name": item.name}}
    if item.kind in ("Deployment", "StatefulSet"):
        spec["replicas"] = item.replicas
    if item.kind == "StatefulSet":
        spec["serviceName"] = item.name
        spec["volumeClaimTemplates"] = [_claim_template(package)]
    return {
        "apiVersion": "batch/v1" if item.kind == "Job" else "apps/v1",
        "kind": item.kind,
        "metadata": {"name": item.name, "namespace": namespace, "labels": labels},
        "spec": spec,
    }


def _claim_template(package: Package) -> Object:
    """kapp labels a template's claims too: they count as its own, and it never made them."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Gi"}}}
    return {"metadata": {"name": "data", "labels": {PACKAGE_LABEL: package.name}}, "spec": spec}
