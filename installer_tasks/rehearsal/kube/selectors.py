"""Label and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from installer_tasks.rehearsal.kube.errors import bad_request

Matcher = Callable[[Mapping[str, Any]], bool]

_SET = re.compile(r"^\s*(?P<key>[\w./-]+)\s+(?P<op>in|notin)\s+\((?P<values>[^)]*)\)\s*$")
_EQUAL = re.compile(r"^\s*(?P<key>[\w./-]+)\s*(?P<op>==|=|!=)\s*(?P<value>[\w.-]*)\s*$")
_EXISTS = re.compile(r"^\s*(?P<no>!?)\s*(?P<key>[\w./-]+)\s*$")


def labels(selector: str) -> Matcher:
    """ApiError for a selector that cannot be read."""
    terms = [_label_term(part) for part in re.split(r",(?![^(]*\))", selector) if part.strip()]
    return lambda obj: all(term(obj.get("metadata", {}).get("labels") or {}) for term in terms)


def _label_term(part: str) -> Matcher:
    if found := _SET.match(part):
        values, wanted = {v.strip() for v in found["values"].split(",")}, found["op"] == "in"
        key = found["key"]
        return lambda have: (have.get(key) in values) is wanted
    if found := _EQUAL.match(part):
        key, value, equal = found["key"], found["value"], found["op"] != "!="
        return lambda have: (have.get(key) == value) is equal
    if found := _EXISTS.match(part):
        key, wanted = found["key"], not found["no"]
        return lambda have: (key in have) is wanted
    raise bad_request(f"unable to parse requirement: {part}")


#: Fields that can be selected by, beside name and namespace, by kind.
FIELDS = {
    "Pod": "spec.nodeName status.phase status.podIP spec.restartPolicy spec.serviceAccountName spec.schedulerName",
    "Node": "spec.unschedulable",
    "Namespace": "status.phase",
    "Secret": "type",
    "Event": "involvedObject.kind involvedObject.name involvedObject.namespace involvedObject.uid "
    "involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath reason type source",
    "ReplicaSet": "status.replicas",
    "Job": "status.successful",
}


def fields(selector: str, kind: str = "") -> Matcher:
    """Equality of fields that the kind can be selected by; what is absent counts as empty."""
    allowed = {"metadata.name", "metadata.namespace", *FIELDS.get(kind, "").split()}
    terms = []
    for part in filter(str.strip, selector.split(",")):
        found = _EQUAL.match(part)
        if not found:
            raise bad_request(f"invalid field selector: {part}")
        if found["key"] not in allowed:
            raise bad_request(f"field label not supported: {found['key']}")
        terms.append((found["key"].split("."), found["value"], found["op"] != "!="))
    return lambda obj: all((_value(obj, path) == value) is equal for path, value, equal in terms)


def _value(obj: Any, path: list[str]) -> str:
    for name in path:
        obj = obj.get(name) if isinstance(obj, Mapping) else None
    return "" if obj is None else str(obj)
