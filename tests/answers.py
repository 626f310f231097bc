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
    "services.redis_password": "canary-redis-password",
}

#: The same where people sign in with a directory.
WITH_DIRECTORY = {key: value for key, value in ANSWERS.items() if not key.startswith("identity.")} | {
    "identity.kind": "ldap",
    "identity.ldap_type": "activedirectory",
    "identity.ldap_host": "dc1.corp.example:636",
    "identity.ldap_ca": CA,
    "identity.ldap_username": "CN=svc-tmc,OU=services,DC=corp,DC=example",
    "identity.ldap_password": "canary-directory-password",
    "identity.ldap_domain": "corp.example",
    "identity.ldap_user_base": "OU=users,DC=corp,DC=example",
    "identity.ldap_group_base": "OU=groups,DC=corp,DC=example",
    "identity.ldap_test_user": "ada",
    "identity.ldap_test_password": "canary-test-password",
    "identity.admin_group": "tmc-administrators",
    "identity.member_group": "tmc-users",
}

CANARIES = [
    "canary-kube-token",
    "canary-client-secret",
    "canary-registry-password",
    "canary-postgres-password",
    "canary-minio-password",
    "canary-redis-password",
]
OF_THE_DIRECTORY = ["canary-directory-password", "canary-test-password"]
