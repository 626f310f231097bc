"""What each verb does to a collection or an object, from request to answer."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable
from typing import Any

from installer_tasks.rehearsal.kube import access, escalation, merging, representations, selectors
from installer_tasks.rehearsal.kube.errors import ApiError, bad_request, invalid, not_found
from installer_tasks.rehearsal.kube.requests import Answer, Request, Target, unsupported
from installer_tasks.rehearsal.kube.resources import Resource
from installer_tasks.rehearsal.kube.store import Store
from installer_tasks.rehearsal.kube.users import User
from installer_tasks.rehearsal.kube.watch import Selector

Object = dict[str, Any]
APPLY = ("application/apply-patch+yaml", "application/apply-patch+json")


class Verbs:
    """The verbs of one request."""

    def __init__(self, store: Store, resource: Resource, target: Target, request: Request, user: User) -> None:
        self._store, self._resource, self._target, self._request = store, resource, target, request
        self._user = user
        self._shape = representations.wanted(request.header("accept"))

    def get(self) -> Answer:
        target = self._target
        obj = self._store.get(target.gvr, target.namespace, target.name)
        if obj is None:
            raise not_found(target.gvr.resource, target.gvr.group, target.name)
        return self._one(obj)

    def list(self) -> Answer:
        limit = self._request.number("limit") or 0
        after = _place(self._request.query.get("continue", ""))
        selects = selector(self._resource, self._request)
        found, version = self._store.snapshot(self._target.gvr, self._target.namespace or None, selects)
        if after:
            found = [obj for obj in found if _place_of(obj) > after]
        metadata: Object = {"resourceVersion": str(version)}
        if limit and len(found) > limit:
            metadata |= {"continue": _token(found[limit - 1]), "remainingItemCount": len(found) - limit}
            found = found[:limit]
        include = self._request.query.get("includeObject", "Metadata")
        return Answer(representations.many(self._resource, found, metadata, self._shape, include=include))

    def create(self) -> Answer:
        obj = self._placed(self._request.object())
        if self._resource.status:
            obj.pop("status", None)
        request = self._request
        self._demand(obj)
        made = self._store.create(self._target.gvr, obj, manager=request.manager, dry_run=request.dry_run)
        return self._one(made, 201)

    def update(self) -> Answer:
        obj = self._placed(self._request.object())
        if obj["metadata"].setdefault("name", self._target.name) != self._target.name:
            raise bad_request(
                f"the name of the object ({obj['metadata']['name']}) does not match "
                f"the name on the URL ({self._target.name})"
            )
        if self._resource.custom and not obj["metadata"].get("resourceVersion"):
            problem = "Invalid value: 0x0: must be specified for an update"
            gvr = self._target.gvr
            raise invalid(self._resource.kind, gvr.group, self._target.name,
                          field="metadata.resourceVersion", problem=problem)  # fmt: skip
        return self._changed(lambda _live: obj)

    def patch(self) -> Answer:
        if self._request.content_type in APPLY:
            return self._applied()
        body = self._request.data()
        return self._changed(lambda live: self._patched(live, body))

    def _patched(self, live: Object, body: Any) -> Object:
        kind = self._request.content_type
        if kind == "application/json-patch+json":
            changed = merging.json_patch(live, body)
        elif kind == "application/merge-patch+json":
            changed = merging.merge(live, body)
        elif kind == "application/strategic-merge-patch+json" and not self._resource.custom:
            changed = merging.strategic(live, body)
        else:
            known = ["application/json-patch+json", "application/merge-patch+json", APPLY[0]]
            raise unsupported(", ".join(known))
        if not isinstance(changed, dict):
            raise bad_request("the patched object is no object")
        return changed

    def _applied(self) -> Answer:
        request, target = self._request, self._target
        if not request.query.get("fieldManager"):
            raise invalid("PatchOptions", "meta.k8s.io", "", field="fieldManager",
                          problem="Required value: is required for apply patch")  # fmt: skip
        obj = self._placed(_yaml_or_json(request))
        for field in ("apiVersion", "kind"):
            if field not in obj:
                raise bad_request(f"Object '{field}' is missing")
        if obj["metadata"].get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        if obj["metadata"].setdefault("name", target.name) != target.name:
            raise bad_request("the name of the object does not match the name on the URL")
        with self._store.locked():
            there = self._store.get(target.gvr, target.namespace, target.name)
            if there is None and target.subresource:
                raise not_found(target.gvr.resource, target.gvr.group, target.name)
            if there is None:  # then an apply is a creation too
                wished = access.wish(request, target)
                access.demand(self._store, self._user, dataclasses.replace(wished, verb="create"))
            self._demand(obj)
            kept = self._store.apply(
                target.gvr, obj, manager=request.manager, force=request.flag("force"),
                subresource=target.subresource, dry_run=request.dry_run,
            )  # fmt: skip
        return self._one(kept, 200 if there else 201)

    def delete(self) -> Answer:
        target, options = self._target, self._options()
        preconditions = options.get("preconditions") or {}
        gone = self._store.delete(
            target.gvr, target.namespace, target.name,
            propagation=self._propagation(options),
            uid=preconditions.get("uid") or "", version=preconditions.get("resourceVersion") or "",
            dry_run=self._request.dry_run or bool(options.get("dryRun")),
        )  # fmt: skip
        if gone is None:
            raise not_found(target.gvr.resource, target.gvr.group, target.name)
        left = self._store.get(target.gvr, target.namespace, target.name)
        return Answer(left if left else _success(target, gone))

    def deletecollection(self) -> Answer:
        options = self._options()
        selects = selector(self._resource, self._request)
        found, version = self._store.snapshot(self._target.gvr, self._target.namespace or None, selects)
        for obj in found:
            metadata = obj["metadata"]
            self._store.delete(
                self._target.gvr, metadata.get("namespace", ""), metadata["name"],
                propagation=self._propagation(options),
                dry_run=self._request.dry_run or bool(options.get("dryRun")),
            )  # fmt: skip
        return Answer(representations.many(self._resource, found, {"resourceVersion": str(version)}, self._shape))

    def _options(self) -> Object:
        return self._request.object() if self._request.body else {}

    def _propagation(self, options: Object) -> str:
        orphan = options.get("orphanDependents")
        asked = options.get("propagationPolicy") or self._request.query.get("propagationPolicy")
        return str(asked or ("Orphan" if orphan else "Background"))

    def _demand(self, obj: Object) -> Object:
        """ApiError 403 for what gives more rights than this user has."""
        escalation.demand(self._store, self._user, self._resource.kind, obj)
        return obj

    def _changed(self, change: Callable[[Object], Object]) -> Answer:
        target, request = self._target, self._request
        changed = self._store.change(
            target.gvr, target.namespace, target.name, lambda live: self._demand(change(live)),
            subresource=target.subresource, manager=request.manager, dry_run=request.dry_run,
        )  # fmt: skip
        return self._one(changed)

    def _one(self, obj: Object, code: int = 200) -> Answer:
        include = self._request.query.get("includeObject", "Metadata")
        return Answer(representations.one(self._resource, obj, self._shape, include=include), code)

    def _placed(self, obj: Object) -> Object:
        """In the namespace of the path; ApiError 400 when the object names another."""
        metadata = obj.setdefault("metadata", {})
        if not isinstance(metadata, dict):
            raise bad_request("metadata must be an object")
        if self._resource.namespaced:
            namespace = self._target.namespace
            if (metadata.get("namespace") or namespace) != namespace:
                raise bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            metadata["namespace"] = namespace
        return obj


def selector(resource: Resource, request: Request) -> Selector:
    by_label = selectors.labels(request.query.get("labelSelector", ""))
    by_field = selectors.fields(request.query.get("fieldSelector", ""), resource.kind)
    return lambda obj: by_label(obj) and by_field(obj)


def _yaml_or_json(request: Request) -> Object:
    """Apply patches are YAML, of which JSON is a part."""
    as_yaml = Request(request.method, request.path, body=request.body, headers={"content-type": "application/yaml"})
    return as_yaml.object()


def _success(target: Target, gone: Object) -> Object:
    details = {"name": target.name, "kind": target.gvr.resource, "uid": gone["metadata"]["uid"]}
    if target.gvr.group:
        details["group"] = target.gvr.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _place_of(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _token(obj: Object) -> str:
    return base64.urlsafe_b64encode(json.dumps(_place_of(obj)).encode()).decode()


def _place(token: str) -> tuple[str, str] | None:
    if not token:
        return None
    try:
        namespace, name = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise ApiError(400, "BadRequest", "continue key is not valid") from error
    return namespace, name
