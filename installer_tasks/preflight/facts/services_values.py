"""What the passwords hold and share (never the passwords), and who has the asked address already."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from installer_tasks import releases
from installer_tasks.preflight.shapes import services as shapes
from installer_tasks.systems.cluster.access import connect
from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.kubeconfig import parse_kubeconfig

PASSWORDS = ("services.postgres_password", "services.minio_password", "services.redis_password")
USER = "services.minio_username"
#: By what they end or begin: a string of a shell or YAML, or a part of an address.
OUTPUT_PATTERNS: Mapping[str, str] = {
    "quotes": "'\"`",
    "dollar": "$",
    "backslash": "\\",
    "address": "@:/?#%",
}


def secrets_kinds(answers: Mapping[str, str]) -> shapes.Secrets:
    """Lengths, kinds of characters and equalities; nothing from which a password could be guessed."""
    words = {key: answers[key] for key in PASSWORDS if asked(key, answers)}
    return {
        "passwords": {key: _kind(word) for key, word in words.items()},
        "equal": len(set(words.values())) < len(words),
        "named": [key for key, word in words.items() if word and word.lower() == answers[USER].lower()],
    }


def asked(key: str, answers: Mapping[str, str]) -> bool:
    """Whether the release takes it."""
    return releases.asks(releases.chosen(answers), key)


def _kind(word: str) -> shapes.Kind:
    return {
        "length": len(word),
        "different": len(set(word)),
        "signs": [kind for kind, signs in OUTPUT_PATTERNS.items() if set(signs) & set(word)],
        "leading_dash": word.startswith("-"),
        "ascii": word.isascii(),
    }


def address_use(answers: Mapping[str, str]) -> shapes.AddressUse:
    """Who in the cluster has the address that the load balancer shall give."""
    asked = answers["services.load_balancer_ip"]
    if not asked:
        return {"asked": "", "problem": "", "taken_by": []}
    problem = _problem(asked)
    if problem:
        return {"asked": asked, "problem": problem, "taken_by": []}
    cluster = connect(parse_kubeconfig(answers["cluster.kubeconfig"], context=answers["cluster.context"]))
    try:
        taken_by = [*_nodes_with(cluster, asked), *_services_with(cluster, asked, releases.chosen(answers).namespace)]
    finally:
        cluster.close()
    return {"asked": asked, "problem": "", "taken_by": taken_by}


def _problem(asked: str) -> str:
    try:
        address = ipaddress.ip_address(asked)
    except ValueError:
        return "not-an-address"
    odd = address.is_multicast or address.is_unspecified or address.is_link_local or asked == "255.255.255.255"
    return "never-a-host" if odd else ""


def _nodes_with(cluster: Cluster, asked: str) -> Iterator[str]:
    for node in cluster.list("v1", "Node"):
        addresses = (node.get("status") or {}).get("addresses") or ()
        if any(item.get("address") == asked for item in addresses):
            yield f"Node {node['metadata']['name']}"


#: How namespaces of trials begin (see facts/trials.py).
TRIALS = "tmc-sm-installer-trial-"


def _services_with(cluster: Cluster, asked: str, own: str) -> Iterator[str]:
    """Without the release's own, and without trials that are being made."""
    for service in cluster.list("v1", "Service"):
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        given = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
        spec = service.get("spec") or {}
        taken = {*(item.get("ip") for item in given), spec.get("clusterIP"), *(spec.get("externalIPs") or ())}
        if asked in taken and namespace != own and not namespace.startswith(TRIALS):
            yield f"Service {namespace}/{name}"
