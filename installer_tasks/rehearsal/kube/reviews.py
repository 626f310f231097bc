"""Questions put as objects: may I, what may I, who am I."""

from __future__ import annotations

from typing import Any

from installer_tasks.rehearsal.kube import access
from installer_tasks.rehearsal.kube.errors import not_found
from installer_tasks.rehearsal.kube.metadata import now
from installer_tasks.rehearsal.kube.requests import Target
from installer_tasks.rehearsal.kube.resources import SERVICE_ACCOUNTS
from installer_tasks.rehearsal.kube.store import Store
from installer_tasks.rehearsal.kube.users import Tokens, User

Object = dict[str, Any]
HOUR = 3600


def answer(kind: str, question: Object, user: User, store: Store, tokens: Tokens) -> Object:
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


def _token(token: str, tokens: Tokens) -> Object:
    user = tokens.user(token)
    return {"authenticated": user is not None, "user": user.info() if user else {}}


def issue_token(store: Store, target: Target, question: Object, tokens: Tokens) -> Object:
    """What `kubectl create token` asks for; ApiError 404 when there is no such service account."""
    if store.get(SERVICE_ACCOUNTS, target.namespace, target.name) is None:
        raise not_found("serviceaccounts", "", target.name)
    spec = question.get("spec") or {}
    token, until = tokens.issue(target.namespace, target.name, spec.get("expirationSeconds") or HOUR)
    metadata = {"name": target.name, "namespace": target.namespace, "creationTimestamp": now()}
    status = {"token": token, "expirationTimestamp": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
    api_version = "authentication.k8s.io/v1"
    return {"kind": "TokenRequest", "apiVersion": api_version, "metadata": metadata, "spec": spec, "status": status}


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
