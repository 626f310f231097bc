"""What the server itself writes into objects: identity, versions, times; and what it refuses."""

from __future__ import annotations

import copy
import re
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

from installer_tasks.rehearsal.kube.errors import ApiError, bad_request, invalid, stale
from installer_tasks.rehearsal.kube.resources import Resource

Object = dict[str, Any]

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
#: Never taken from a client: these stay as the server wrote them.
_OURS = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def place(resource: Resource, obj: Object) -> tuple[str, str]:
    """(namespace, name); the namespace of cluster-wide objects is ""."""
    metadata = obj["metadata"]
    return (metadata.get("namespace", "") if resource.namespaced else ""), metadata["name"]


def typed(resource: Resource, obj: Object) -> Object:
    """A copy with the kind and version of its resource; ApiError 400 when it says it is something else."""
    kept = copy.deepcopy(obj)
    for field, expected in (("apiVersion", resource.gvr.api_version), ("kind", resource.kind)):
        if kept.setdefault(field, expected) != expected:
            raise bad_request(f"the {field} in the data ({kept[field]}) does not match the expected one ({expected})")
    if not isinstance(kept.setdefault("metadata", {}), dict):
        raise bad_request("metadata must be an object")
    return kept


def born(resource: Resource, obj: Object) -> Object:
    """A new object as it is kept: named, with an identity and a time of birth."""
    new = typed(resource, obj)
    metadata = new["metadata"]
    if metadata.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + "".join(secrets.choice(_ALPHABET) for _ in range(5))
    _check_name(resource, metadata.get("name"))
    if resource.namespaced:
        metadata.setdefault("namespace", "default")
    else:
        metadata.pop("namespace", None)
    for field in _OURS:
        metadata.pop(field, None)
    metadata |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
    if resource.status:
        metadata["generation"] = 1
    return new


def _check_name(resource: Resource, name: Any) -> None:
    kind, group = resource.kind, resource.gvr.group
    if not name:
        problem = "Required value: name or generateName is required"
        raise invalid(kind, group, "", field="metadata.name", problem=problem)
    # Roles are named freely, as "system:node".
    free = group == "rbac.authorization.k8s.io" and not set("/%") & set(str(name))
    if not isinstance(name, str) or len(name) > 253 or not (free or _SUBDOMAIN.fullmatch(name)):
        rule = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            "and must start and end with an alphanumeric character"
        )
        raise invalid(kind, group, str(name), field="metadata.name", problem=f'Invalid value: "{name}": {rule}')


def grown(resource: Resource, live: Object, wanted: Object, subresource: str) -> Object:
    """What a client wants of an object, without what it may not change."""
    metadata = wanted["metadata"]
    group, plural = resource.gvr.group, resource.gvr.resource
    if metadata.get("name", live["metadata"]["name"]) != live["metadata"]["name"]:
        raise bad_request("the name of the object does not match the name on the URL")
    if metadata.get("resourceVersion") not in (None, "", live["metadata"]["resourceVersion"]):
        raise stale(plural, group, live["metadata"]["name"])
    if metadata.get("uid") not in (None, "", live["metadata"]["uid"]):
        raise ApiError(
            409, "Conflict", f'Operation cannot be fulfilled on {plural} "{live["metadata"]["name"]}": uid mismatch'
        )
    if subresource == "status":
        return {**copy.deepcopy(live), "status": copy.deepcopy(wanted.get("status", {}))}
    new = {**copy.deepcopy(wanted), "metadata": _kept_metadata(live, wanted)}
    if resource.status:
        new.pop("status", None)
        new |= {"status": copy.deepcopy(live["status"])} if "status" in live else {}
    return new


def _kept_metadata(live: Object, wanted: Object) -> Object:
    metadata = {**copy.deepcopy(wanted["metadata"]), "resourceVersion": live["metadata"]["resourceVersion"]}
    for field in (*_OURS, "name", "namespace", "managedFields"):
        metadata.pop(field, None)
        if field in live["metadata"]:
            metadata[field] = copy.deepcopy(live["metadata"][field])
    if isinstance(wanted["metadata"].get("managedFields"), list):  # a client may tidy up who owns what
        metadata["managedFields"] = copy.deepcopy(wanted["metadata"]["managedFields"])
    return metadata


def same(before: Object, after: Object) -> bool:
    """Whether nothing changed but the bookkeeping of who owns which field and when."""
    return _substance(before) == _substance(after)


def _substance(obj: Object) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key not in ("resourceVersion", "managedFields")}
    owners = [
        {key: value for key, value in entry.items() if key != "time"}
        for entry in obj["metadata"].get("managedFields") or []
    ]
    return {**obj, "metadata": metadata, "managedFields": owners}


def generation(before: Object, after: Object) -> int:
    """One more than before when more than metadata and status changed."""
    parts = [
        {key: value for key, value in obj.items() if key not in ("metadata", "status", "apiVersion")}
        for obj in (before, after)
    ]
    return int(before["metadata"].get("generation", 1)) + (parts[0] != parts[1])
