"""Questions put as objects: may I, what may I, who am I."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from installer_tasks.rehearsal.kube import access
from installer_tasks.rehearsal.kube.store import Store
from installer_tasks.rehearsal.kube.users import User

Object = dict[str, Any]


def answer(kind: str, question: Object, user: User, store: Store, tokens: Mapping[str, str]) -> Object:
    """The question with its `status`."""
    spec = question.get("spec") or {}
    if kind == "SelfSubjectReview":
        status: Object = {"userInfo": user.info()}
    elif kind == "TokenReview":
        status = _token(str(spec.get("token", "")), tokens)
    elif kind == "SelfSubjectRulesReview":
        status = _rules(store, user, str(spec.get("namespace", "")))
    elif kind == "SubjectAccessReview":
        asked = User.known(str(spec.get("user", "")), tuple(spec.get("groups") or ()))
        status = _access(store, asked, spec)
    else:
        status = _access(store, user, spec)
    return {**question, "metadata": question.get("metadata") or {}, "spec": spec, "status": status}


def _access(store: Store, user: User, spec: Object) -> Object:
    wished = spec.get("resourceAttributes")
    if wished is None:
        return {"allowed": True}
    fields = ("verb", "group", "resource", "subresource", "namespace", "name")
    allowed = access.may(store, user, access.Wish(**{field: str(wished.get(field) or "") for field in fields}))
    return {"allowed": allowed} | ({"reason": "RBAC: allowed by the roles of the user"} if allowed else {})


def _token(token: str, tokens: Mapping[str, str]) -> Object:
    if token not in tokens:
        return {"authenticated": False, "user": {}}
    return {"authenticated": True, "user": User.known(tokens[token]).info()}


def _rules(store: Store, user: User, namespace: str) -> Object:
    found = list(access.rules(store, user, namespace))
    if user.is_master:
        found.append({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})
    paths: list[Object] = [{"verbs": ["get"], "nonResourceURLs": ["*"]}]
    paths += [rule for rule in found if "nonResourceURLs" in rule]
    return {
        "resourceRules": [rule for rule in found if "resources" in rule],
        "nonResourceRules": paths,
        "incomplete": False,
    }
