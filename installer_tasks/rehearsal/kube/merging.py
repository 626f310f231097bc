"""The patches of Kubernetes: JSON patch (RFC 6902), merge patch (RFC 7386) and strategic merge patch."""

from __future__ import annotations

import copy
from typing import Any

from installer_tasks.rehearsal.kube.errors import ApiError, bad_request

#: By which field the elements of a list are told apart, by the name of the list.
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "ownerReferences": "uid",
    "conditions": "type",
    "secrets": "name",
    "hostAliases": "ip",
}


def merge_key(name: str, elements: list[Any]) -> str | None:
    """The merge key of a list, None when it is replaced as a whole. Ports differ between Services and containers."""
    if not elements or not all(isinstance(element, dict) for element in elements):
        return None
    if name == "ports":
        return "containerPort" if all("containerPort" in element for element in elements) else "port"
    key = MERGE_KEYS.get(name)
    return key if key and all(key in element or "$patch" in element for element in elements) else None


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def strategic(target: Any, patch: Any, name: str = "") -> Any:
    """Like `merge`, but lists of objects merge by their key; `$patch`, `$retainKeys` and orders are understood."""
    if isinstance(patch, list):
        return _strategic_list(target if isinstance(target, list) else [], patch, name)
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    return _strategic_object(dict(target) if isinstance(target, dict) else {}, patch)


def _strategic_object(merged: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    if "$retainKeys" in patch:
        merged = {key: value for key, value in merged.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            merged[field] = [item for item in merged.get(field, []) if item not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = strategic(merged.get(key), value, key)
    return merged


def _strategic_list(target: list[Any], patch: list[Any], name: str) -> list[Any]:
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if item != {"$patch": "replace"}]
    key = merge_key(name, [*target, *patch])
    if key is None:
        return _union(target, patch) if name == "finalizers" else copy.deepcopy(patch)
    merged = list(target)
    for item in patch:
        merged = _merged_item(merged, item, key)
    return merged


def _union(target: list[Any], patch: list[Any]) -> list[Any]:
    return [*target, *(item for item in patch if item not in target)]


def _merged_item(items: list[Any], item: dict[str, Any], key: str) -> list[Any]:
    index = next((i for i, old in enumerate(items) if old.get(key) == item.get(key)), None)
    if item.get("$patch") == "delete":
        return [old for old in items if old.get(key) != item.get(key)]
    if index is None:
        return [*items, strategic({}, item)]
    return [*items[:index], strategic(items[index], item), *items[index + 1 :]]


def json_patch(target: Any, operations: Any) -> Any:
    """RFC 6902 without side effects; ApiError 422 when an operation does not fit."""
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    document = {"": copy.deepcopy(target)}
    for operation in operations:
        try:
            _operate(document, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise ApiError(422, "Invalid", f"the server rejected our request: {operation}: {error}") from error
    return document[""]


def _operate(document: Any, operation: dict[str, Any]) -> None:
    kind, path = operation["op"], operation["path"]
    if kind == "remove":
        _remove(document, path)
    elif kind == "test":
        if _read(document, path) != operation["value"]:
            raise ValueError("test failed")
    elif kind in ("move", "copy"):
        value = copy.deepcopy(_read(document, operation["from"]))
        if kind == "move":
            _remove(document, operation["from"])
        _write(document, path, value, insert=True)
    elif kind in ("add", "replace"):
        if kind == "replace":
            _read(document, path)
        _write(document, path, operation["value"], insert=kind == "add")
    else:
        raise ValueError(f"unknown operation {kind}")


def _parts(path: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")]


def _step(node: Any, part: str) -> Any:
    return node[_index(part, len(node) - 1)] if isinstance(node, list) else node[part]


def _index(part: str, last: int) -> int:
    """No negative ones, and none past the end."""
    if not part.isdecimal() or int(part) > last:
        raise IndexError(f"no element {part}")
    return int(part)


def _read(node: Any, path: str) -> Any:
    for part in _parts(path):
        node = _step(node, part)
    return node


def _parent(node: Any, path: str) -> tuple[Any, str]:
    *parents, last = _parts(path)
    for part in parents:
        node = _step(node, part)
    return node, last


def _remove(document: Any, path: str) -> None:
    parent, last = _parent(document, path)
    del parent[_index(last, len(parent) - 1) if isinstance(parent, list) else last]


def _write(document: Any, path: str, value: Any, *, insert: bool) -> None:
    parent, last = _parent(document, path)
    if not isinstance(parent, list):
        parent[last] = value
    elif last == "-":
        parent.append(value)
    elif insert:
        parent.insert(_index(last, len(parent)), value)
    else:
        parent[_index(last, len(parent) - 1)] = value
