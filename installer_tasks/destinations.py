"""Where each secret goes: it belongs to the address, and to the authority vouching for it, that it was given for.

Whoever may change an address would otherwise be sent the password. So a change of one takes back the secrets that go
there, and they are needed again. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from installer_tasks.errors import InputError
from installer_tasks.systems.cluster.kubeconfig import Kubeconfig, parse_kubeconfig

Answers = Mapping[str, str]
Place = tuple[str, ...]


@dataclass(frozen=True)
class Destination:
    """One system. `place` is empty while nobody has named it: a secret is given for the first that is named."""

    keys: tuple[str, ...]  #: the answers that say where it is and who vouches for it
    secrets: tuple[str, ...]
    place: Callable[[Answers], Place]


def _registry(answers: Answers) -> Place:
    """Another project of the same registry is no other destination."""
    return _at(answers.get("registry.project", "").partition("/")[0].lower(), answers.get("registry.ca", ""))


def _provider(answers: Answers) -> Place:
    """Another slash or case is no other provider; which one is right only its discovery document says."""
    return _at(answers.get("identity.issuer_url", "").rstrip("/").casefold(), answers.get("identity.ca", ""))


def _directory(answers: Answers) -> Place:
    return _at(answers.get("identity.ldap_host", "").lower(), answers.get("identity.ldap_ca", ""))


def _at(address: str, authority: str) -> Place:
    return (address, authority.strip()) if address else ()


def _cluster(answers: Answers) -> Place:
    content = answers.get("cluster.kubeconfig", "")
    if not content.strip():
        return ()
    found = _parsed(content, answers.get("cluster.context", ""))
    return (found.server, found.tls_server_name, found.ca) if found else (content,)


def _parsed(content: str, context: str) -> Kubeconfig | None:
    """A renewed file may name its context differently: then its current one counts."""
    for chosen in (context, ""):
        try:
            return parse_kubeconfig(content, context=chosen)
        except InputError:
            continue
    return None


DESTINATIONS = (
    Destination(("registry.project", "registry.ca"), ("registry.password",), _registry),
    Destination(("identity.issuer_url", "identity.ca"), ("identity.client_secret",), _provider),
    Destination(
        ("identity.ldap_host", "identity.ldap_ca"),
        ("identity.ldap_password", "identity.ldap_test_password"),
        _directory,
    ),
    # The kubeconfig says itself where its credentials go; these are what a run puts into the cluster.
    Destination(
        ("cluster.kubeconfig", "cluster.context"),
        (
            "identity.client_secret",
            "identity.ldap_password",
            "services.postgres_password",
            "services.minio_password",
            "services.redis_password",
        ),
        _cluster,
    ),
)


def taken_back(before: Answers, after: Answers, given: Collection[str]) -> dict[str, str]:
    """Secrets whose destination has changed and that were not given with it: by key, the answer that did it."""
    found: dict[str, str] = {}
    for each in DESTINATIONS:
        was = each.place(before)
        if was and was != each.place(after):
            because = next(key for key in each.keys if before.get(key, "") != after.get(key, ""))
            found |= {secret: because for secret in each.secrets if before.get(secret) and secret not in given}
    return found


def concerned(keys: Collection[str]) -> bool:
    """Whether one of these says where a secret goes."""
    return any(not set(each.keys).isdisjoint(keys) for each in DESTINATIONS)
