"""The kubeconfig of the practice cluster, as a person would upload it."""

from __future__ import annotations

import base64

import yaml

CONTEXT = "practice"


def kubeconfig(
    server_url: str,
    ca_pem: str,
    *,
    token: str = "",
    client_certificate: str = "",
    client_key: str = "",
    context: str = CONTEXT,
    cluster: str = "practice",
    user: str = "practice-admin",
    namespace: str = "",
) -> str:
    """YAML; everything is inside, nothing refers to a file. PEMs are given as text."""
    person: dict[str, str] = {}
    if token:
        person["token"] = token
    if client_certificate:
        person |= {
            "client-certificate-data": _encoded(client_certificate),
            "client-key-data": _encoded(client_key),
        }
    place = {"cluster": cluster, "user": user} | ({"namespace": namespace} if namespace else {})
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster, "cluster": {"server": server_url, "certificate-authority-data": _encoded(ca_pem)}}
        ],
        "users": [{"name": user, "user": person}],
        "contexts": [{"name": context, "context": place}],
        "current-context": context,
    }
    return yaml.safe_dump(config, sort_keys=False)


def _encoded(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
