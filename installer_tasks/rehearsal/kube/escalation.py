"""Nobody gives rights that they do not have: roles and bindings are judged by what they would give.

Whoever may `escalate` a role may write any rule into it, and whoever may `bind` a role may give it to anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

from installer_tasks.rehearsal.kube import access
from installer_tasks.rehearsal.kube.errors import ApiError
from installer_tasks.rehearsal.kube.store import Store
from installer_tasks.rehearsal.kube.users import User

Object = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
_ROLES = {"ClusterRole": "clusterroles", "Role": "roles"}
_BINDINGS = {"ClusterRoleBinding": "clusterrolebindings", "RoleBinding": "rolebindings"}


def demand(store: Store, user: User, kind: str, obj: Object) -> None:
    """ApiError 403 for a role or a binding that gives more than the user has."""
    metadata = obj.get("metadata") or {}
    namespace, name = str(metadata.get("namespace", "")), str(metadata.get("name", ""))
    if kind in _ROLES:
        wished, rules = access.Wish("escalate", GROUP, _ROLES[kind], "", namespace, name), obj.get("rules") or []
        resource = _ROLES[kind]
    elif kind in _BINDINGS:
        role = obj.get("roleRef") or {}
        plural = _ROLES.get(str(role.get("kind")), "clusterroles")
        wished = access.Wish("bind", GROUP, plural, "", namespace, str(role.get("name", "")))
        rules, resource = access.rules_of(store, obj), _BINDINGS[kind]
    else:
        return

    def may(wish: access.Wish) -> bool:
        return access.may(store, user, wish)

    missing = [rule for rule in rules if not _has(rule, may, namespace)]
    if missing and not may(wished):
        raise _refusal(user, f"{resource}.{GROUP}", name, missing)


def _has(rule: Object, may: Callable[[access.Wish], bool], namespace: str) -> bool:
    if "nonResourceURLs" in rule:
        return True
    asked = product(rule.get("verbs") or [], rule.get("apiGroups") or [], rule.get("resources") or [])
    return all(
        may(access.Wish(verb, group, *_parts(resource), namespace, name))
        for verb, group, resource in asked
        for name in rule.get("resourceNames") or [""]
    )


def _parts(resource: str) -> tuple[str, str]:
    plural, _slash, subresource = resource.partition("/")
    return plural, subresource


def _refusal(user: User, resource: str, name: str, rules: Iterable[Object]) -> ApiError:
    shown = "\n".join(
        f"{{APIGroups:{_go(rule, 'apiGroups')}, Resources:{_go(rule, 'resources')}, Verbs:{_go(rule, 'verbs')}}}"
        for rule in rules
    )
    groups = " ".join(f'"{group}"' for group in user.groups)
    words = f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:'
    message = f'{resource} "{name}" is forbidden: {words}\n{shown}'
    return ApiError(403, "Forbidden", message, name=name, group=GROUP, kind=resource.partition(".")[0])


def _go(rule: Object, key: str) -> str:
    return "[" + ", ".join(f'"{value}"' for value in rule.get(key) or []) + "]"
