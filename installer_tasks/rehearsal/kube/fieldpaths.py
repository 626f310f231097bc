"""Fields of an object as paths, the way `managedFields` writes them.

Steps: `f:<name>` into an object, `k:{"name":"x"}` to an element of a list that merges by key, `v:"x"` to
an element of a set. The step `.` after an element stands for the element itself. Lists without a key are one field.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from installer_tasks.rehearsal.kube.merging import merge_key

Path = tuple[str, ...]
Object = dict[str, Any]
ITSELF = "."
SETS = frozenset({"finalizers"})
_SERVERS = (
    "uid resourceVersion generation creationTimestamp deletionTimestamp deletionGracePeriodSeconds "
    "managedFields selfLink"
)
#: Owned by nobody: they name the object, or the server writes them.
UNOWNED = frozenset(
    [("f:apiVersion",), ("f:kind",)]
    + [("f:metadata", f"f:{name}") for name in ("name", "namespace", "generateName", *_SERVERS.split())]
)


def fields(value: Any, at: Path = (), name: str = "") -> set[Path]:
    """The leaf fields of an object."""
    if at in UNOWNED:
        return set()
    if isinstance(value, dict) and value:
        return {path for key, child in value.items() for path in fields(child, (*at, f"f:{key}"), key)}
    if isinstance(value, list) and value:
        if name in SETS:
            return {(*at, f"v:{json.dumps(item)}") for item in value}
        if key := merge_key(name, value):
            return {path for item in value for path in _of_element(item, (*at, _element(key, item)))}
    return {at} if at and at != ("f:metadata",) else set()


def merges(name: str, items: Any) -> bool:
    """Whether a list is one that managers share, element by element."""
    return isinstance(items, list) and (name in SETS or merge_key(name, items) is not None)


def _of_element(item: Object, at: Path) -> set[Path]:
    return {(*at, ITSELF), *fields(item, at)}


def _element(key: str, item: Object) -> str:
    return "k:" + json.dumps({key: item[key]}, separators=(",", ":"))


def read(obj: Any, path: Path) -> Any:
    """The value at a path; KeyError or TypeError when there is none."""
    for step in path:
        if step.startswith("f:"):
            obj = obj[step[2:]]
        elif step.startswith("k:"):
            obj = _find(obj, step)
        elif step.startswith("v:"):
            return json.loads(step[2:]) if json.loads(step[2:]) in obj else None
        else:
            return True  # the element is there
    return obj


def _find(items: Any, step: str) -> Any:
    wanted = json.loads(step[2:])
    for item in items:
        if isinstance(item, dict) and all(item.get(key) == value for key, value in wanted.items()):
            return item
    raise KeyError(step)


def write(obj: Any, path: Path, value: Any) -> None:
    """Set a field; what is missing on the way to it is made."""
    for index, step in enumerate(path):
        if step == ITSELF:
            return
        if step.startswith("v:"):
            item = json.loads(step[2:])
            if item not in obj:
                obj.append(item)
            return
        if step.startswith("k:"):
            obj = _found_or_added(obj, step)
        elif index == len(path) - 1:
            obj[step[2:]] = copy.deepcopy(value)
        else:
            obj = _container(obj, step[2:], path[index + 1])


def _container(obj: Object, name: str, following: str) -> Any:
    empty: Any = {} if following.startswith("f:") else []
    if not isinstance(obj.get(name), type(empty)):
        obj[name] = empty
    return obj[name]


def _found_or_added(items: list[Any], step: str) -> Any:
    try:
        return _find(items, step)
    except KeyError:
        items.append(json.loads(step[2:]))
        return items[-1]


def remove(obj: Any, path: Path) -> None:
    """Remove a field, and what is empty around it then. The key of an element goes only with the element."""
    *parents, step = path
    at: Path = tuple(parents)
    if step == ITSELF:
        *above, element = at
        at, step = tuple(above), element
    elif at and at[-1].startswith("k:") and step[2:] in json.loads(at[-1][2:]):
        return
    try:
        parent = read(obj, at)
    except (KeyError, TypeError):
        return
    _drop(parent, step)
    if not parent and len(at) > 1:
        remove(obj, at)


def _drop(parent: Any, step: str) -> None:
    if isinstance(parent, dict):
        parent.pop(step[2:], None)
    elif isinstance(parent, list):
        wanted = json.loads(step[2:])
        if step.startswith("v:"):
            parent[:] = [item for item in parent if item != wanted]
        else:
            parent[:] = [item for item in parent if {key: item.get(key) for key in wanted} != wanted]


def packed(paths: set[Path]) -> Object:
    """As `fieldsV1` holds them."""
    tree: Object = {}
    for path in sorted(paths):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    return tree


def unpacked(tree: Object, at: Path = ()) -> set[Path]:
    if not tree:
        return {at} if at else set()
    found: set[Path] = set()
    for step, child in tree.items():
        # "." of an object says no more than its fields do.
        if step != ITSELF or (at and at[-1].startswith("k:")):
            found |= unpacked(child, (*at, step))
    return found


def dotted(path: Path) -> str:
    """As conflicts name a field: `.spec.containers[name="web"].image`."""
    return "".join(_dotted_step(step) for step in path if step != ITSELF)


def _dotted_step(step: str) -> str:
    if step.startswith("f:"):
        return f".{step[2:]}"
    if step.startswith("v:"):
        return f"[={step[2:]}]"
    keys = json.loads(step[2:])
    return "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in keys.items()) + "]"
