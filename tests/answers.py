"""A complete set of answers for tests that need no system behind them."""

from __future__ import annotations

CA = "-----BEGIN CERTIFICATE-----\nMIIBqTCCAU+gAwIBAgIU\n-----END CERTIFICATE-----\n"

ANSWERS = {
    "bundle.path": "/srv/tmc",
    "bundle.release": "1.4.1",
    "cluster.kubeconfig": "apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user: {token: canary-kube-token}\n",
    "cluster.context": "practice",
    "dns.zone": "tmc.example.com",
    "identity.issuer_url": "https://idp.example.com/realms/tmc",
    "identity.client_id": "tmc",
    "identity.client_secret": "canary-client-secret",
    "registry.project": "harbor.example.com/tmc",
    "registry.username": "robot$tmc",
    "registry.password": "canary-registry-password",
    "registry.ca": CA,
    "certificates.cluster_issuer": "local-issuer",
    "certificates.ca": CA,
    "services.postgres_password": "canary-postgres-password",
    "services.minio_password": "canary-minio-password",
}

CANARIES = [
    "canary-kube-token",
    "canary-client-secret",
    "canary-registry-password",
    "canary-postgres-password",
    "canary-minio-password",
]
