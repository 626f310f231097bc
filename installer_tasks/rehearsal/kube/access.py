"""Who may do what, judged from the cluster's own roles and bindings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from installer_tasks.rehearsal.kube.errors import ApiError, forbidden
from installer_tasks.rehearsal.kube.requests import Request, Target
from installer_tasks.rehearsal.kube.resources import GVR, REVIEWS
from installer_tasks.rehearsal.kube.store import Store
from installer_tasks.rehearsal.kube.users import ANONYMOUS, User

Object = dict[str, Any]
Rule = dict[str, Any]
_RBAC = "rbac.authorization.k8s.io"
CLUSTER_ROLES, ROLES = GVR(_RBAC, "v1", "clusterroles"), GVR(_RBAC, "v1", "roles")
CLUSTER_BINDINGS, BINDINGS = GVR(_RBAC, "v1", "clusterrolebindings"), GVR(_RBAC, "v1", "rolebindings")
#: Open to everybody, as on a real cluster.
PUBLIC = ("/healthz", "/livez", "/readyz", "/version")
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}


@dataclass(frozen=True)
class Wish:
    """What somebody wants to do to a resource."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def full(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def wish(request: Request, target: Target) -> Wish:
    gvr = target.gvr
    return Wish(verb_of(request, target), gvr.group, gvr.resource, target.subresource, _namespace(target), target.name)


def _namespace(target: Target) -> str:
    """A namespace itself is judged inside itself."""
    return target.name if target.gvr == GVR("", "v1", "namespaces") else target.namespace


def verb_of(request: Request, target: Target) -> str:
    if request.method in ("GET", "HEAD") and not target.name:
        return "watch" if request.flag("watch") else "list"
    if request.method == "DELETE" and not target.name:
        return "deletecollection"
    return VERBS.get(request.method, request.method.lower())


def may(store: Store, user: User, wished: Wish) -> bool:
    if user.is_master:
        return True
    if (wished.group, wished.resource) in REVIEWS and wished.resource.startswith("self"):
        return user != ANONYMOUS
    return any(_allows(rule, wished) for rule in rules(store, user, wished.namespace))


def demand(store: Store, user: User, wished: Wish) -> None:
    """ApiError 403 when the user may not."""
    if not may(store, user, wished):
        raise forbidden(
            user.name, wished.verb,
            resource=wished.full, group=wished.group, name=wished.name, namespace=wished.namespace,
        )  # fmt: skip


def acting(store: Store, user: User, request: Request) -> User:
    """As whom the user acts: `kubectl --as` needs the right to impersonate."""
    name = request.header("impersonate-user")
    if not name:
        return user
    demand(store, user, Wish("impersonate", "", "users", name=name))
    group = request.header("impersonate-group")
    return User.known(name, (group,) if group else ())


def demand_path(user: User, request: Request) -> None:
    """ApiError 403 for a path that is no resource's and not for this user."""
    if user == ANONYMOUS and not request.path.startswith(PUBLIC):
        verb = request.method.lower()
        raise ApiError(403, "Forbidden", f'forbidden: User "{user.name}" cannot {verb} path "{request.path}"')


def rules(store: Store, user: User, namespace: str = "") -> Iterator[Rule]:
    """All rules that hold for the user, cluster-wide and in the namespace."""
    for binding in store.list(CLUSTER_BINDINGS):
        if _binds(binding, user):
            yield from rules_of(store, binding)
    for binding in store.list(BINDINGS, namespace) if namespace else ():
        if _binds(binding, user):
            yield from rules_of(store, binding)


def _binds(binding: Object, user: User) -> bool:
    return any(_is(subject, user) for subject in binding.get("subjects") or [])


def _is(subject: Object, user: User) -> bool:
    if subject["kind"] == "Group":
        return subject["name"] in user.groups
    if subject["kind"] == "ServiceAccount":
        return user.name == f"system:serviceaccount:{subject.get('namespace', '')}:{subject['name']}"
    return bool(subject["name"] == user.name)


def rules_of(store: Store, binding: Object) -> list[Rule]:
    """What a binding gives."""
    reference = binding["roleRef"]
    if reference["kind"] == "ClusterRole":
        role = store.get(CLUSTER_ROLES, "", reference["name"])
    else:
        role = store.get(ROLES, binding["metadata"]["namespace"], reference["name"])
    return list((role or {}).get("rules") or [])


def _allows(rule: Rule, wished: Wish) -> bool:
    return (
        _has(rule, "verbs", wished.verb)
        and _has(rule, "apiGroups", wished.group)
        and _has_resource(rule, wished)
        and (not rule.get("resourceNames") or wished.name in rule["resourceNames"])
    )


def _has(rule: Rule, field: str, value: str) -> bool:
    listed = rule.get(field) or []
    return "*" in listed or value in listed


def _has_resource(rule: Rule, wished: Wish) -> bool:
    listed = rule.get("resources") or []
    return _has(rule, "resources", wished.full) or bool(wished.subresource and f"*/{wished.subresource}" in listed)
