"""OpenAPI documents: enough for kubectl to validate on the server's side, and to explain a kind."""

from __future__ import annotations

import hashlib
from typing import Any

from installer_tasks.rehearsal.kube.discovery import group_versions
from installer_tasks.rehearsal.kube.resources import Resource, Served

Object = dict[str, Any]
_OPEN = {"x-kubernetes-preserve-unknown-fields": True}
_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]
# No strategic merge patch among them: without schemas of all fields, kubectl computes that from the types it knows.
_PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml")


def answer(path: str, served: Served) -> Object | None:
    """The OpenAPI v3 document at a path below /openapi/v3, or None."""
    if path.rstrip("/") == "/openapi/v3":
        return {"paths": {name: {"serverRelativeURL": _url(name, served)} for name in _names(served)}}
    name = path.removeprefix("/openapi/v3/").strip("/")
    if name not in _names(served):
        return None
    group, version = _names(served)[name]
    found = [r for r in served.all() if (r.gvr.group, r.gvr.version) == (group, version)]
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1.30.2"},
        "paths": {path: item for resource in found for path, item in _paths(name, resource).items()},
        "components": {"schemas": {_schema_name(resource): _schema(resource) for resource in found}},
    }


def swagger() -> Object:
    """The older document; clients of today ask for it only when there is no v3."""
    return {"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.30.2"}, "paths": {}, "definitions": {}}


def _names(served: Served) -> dict[str, tuple[str, str]]:
    return {
        (f"apis/{group}/{version}" if group else f"api/{version}"): (group, version)
        for group, versions in group_versions(served).items()
        for version in versions
    }


def _url(name: str, served: Served) -> str:
    """With a digest of its content, so that clients may cache it."""
    content = sorted(repr(resource) for resource in served.all())
    return f"/openapi/v3/{name}?hash={hashlib.sha256(repr(content).encode()).hexdigest()[:32].upper()}"


def _gvk(resource: Resource) -> Object:
    return {"group": resource.gvr.group, "version": resource.gvr.version, "kind": resource.kind}


def _schema_name(resource: Resource) -> str:
    group = ".".join(reversed(resource.gvr.group.split("."))) or "io.k8s.api.core"
    return f"{group}.{resource.gvr.version}.{resource.kind}"


def _paths(name: str, resource: Resource) -> Object:
    middle = "namespaces/{namespace}/" if resource.namespaced else ""
    collection = f"/{name}/{middle}{resource.gvr.resource}"
    reference = {"$ref": f"#/components/schemas/{_schema_name(resource)}"}
    answers = {"200": {"description": "OK", "content": {"application/json": {"schema": reference}}}}
    body = {"content": {"*/*": {"schema": reference}}}
    patch = {"content": {kind: {"schema": {"type": "object"}} for kind in _PATCHES}}
    common: Object = {"responses": answers, "x-kubernetes-group-version-kind": _gvk(resource)}
    written: Object = {**common, "parameters": _PARAMETERS, "requestBody": body}
    action = "x-kubernetes-action"
    return {
        collection: {"get": {**common, action: "list"}, "post": {**written, action: "post"}},
        f"{collection}/{{name}}": {
            "get": {**common, action: "get"},
            "put": {**written, action: "put"},
            "patch": {**written, "requestBody": patch, action: "patch"},
            "delete": {**common, action: "delete"},
        },
    }


def _schema(resource: Resource) -> Object:
    """As the CustomResourceDefinition gives it; of built-in kinds only what all objects have."""
    own = dict(resource.schema) or {
        "type": "object",
        "description": f"{resource.kind} of the practice cluster.",
        "properties": {
            part: {"type": "object", "description": f"{part} of {resource.kind}.", **_OPEN}
            for part in (("spec", "status") if resource.status else ())
        },
    }  # fmt: skip
    named: Object = {
        "apiVersion": {"type": "string", "description": "Version of this representation of the object."},
        "kind": {"type": "string", "description": "The kind of the object."},
        "metadata": {"type": "object", "description": "Name, namespace, labels and annotations."},
    }
    properties = {**named, **own.get("properties", {})}
    return {**own, "properties": properties, "x-kubernetes-group-version-kind": [_gvk(resource)]}
