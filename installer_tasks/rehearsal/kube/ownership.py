"""Who owns which field: server-side apply, and the `managedFields` that remember it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from installer_tasks.rehearsal.kube.errors import ApiError
from installer_tasks.rehearsal.kube.fieldpaths import (
    ITSELF,
    Path,
    dotted,
    fields,
    merges,
    packed,
    read,
    remove,
    unpacked,
    write,
)

Object = dict[str, Any]


@dataclass(frozen=True)
class Owner:
    """A manager, by the way it wrote and the part it wrote."""

    manager: str
    operation: str
    subresource: str = ""


Owners = dict[Owner, set[Path]]


def owners_of(obj: Object) -> Owners:
    found: Owners = {}
    for entry in obj.get("metadata", {}).get("managedFields") or []:
        owner = Owner(entry["manager"], entry["operation"], entry.get("subresource", ""))
        found[owner] = unpacked(entry.get("fieldsV1") or {})
    return found


def _remember(obj: Object, owners: Owners, now: str) -> None:
    """Keeps the time of entries that did not change."""
    before = owners_of(obj)
    times = {
        Owner(entry["manager"], entry["operation"], entry.get("subresource", "")): entry.get("time", now)
        for entry in obj["metadata"].get("managedFields") or []
    }
    obj["metadata"]["managedFields"] = [
        _entry(owner, paths, obj["apiVersion"], times[owner] if before.get(owner) == paths else now)
        for owner, paths in owners.items()
        if paths
    ]


def _entry(owner: Owner, paths: set[Path], api_version: str, time: str) -> Object:
    entry = {
        "manager": owner.manager,
        "operation": owner.operation,
        "apiVersion": api_version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": packed(paths),
    }
    return {**entry, "subresource": owner.subresource} if owner.subresource else entry


def apply(live: Object | None, wanted: Object, manager: str, *, force: bool, now: str, subresource: str = "") -> Object:
    """`wanted` laid over `live`; ApiError 409 when a field would change that another manager owns.

    Fields that this manager applied before and leaves out now go, unless somebody else owns them too.
    """
    me = Owner(manager, "Apply", subresource)
    mine = {path for path in fields(wanted) if (path[0] == "f:status") == (subresource == "status")}
    owners = owners_of(live) if live else {}
    merged = copy.deepcopy(live) if live else _identity(wanted)
    taken = _taken(merged, wanted, mine, owners, me)
    if taken and not force:
        raise _conflict(taken, wanted["apiVersion"])
    lost = {path for path, _owner in taken}
    others = {owner: paths - lost for owner, paths in owners.items() if owner != me}
    _drop(merged, owners.get(me, set()) - mine, others)
    for path in _written_order(wanted, mine):
        if not _is_there(merged, wanted, path):
            write(merged, path, read(wanted, path))
    _remember(merged, {**others, me: mine}, now)
    return merged


def _written_order(wanted: Object, paths: set[Path]) -> list[Path]:
    """As the manifest has them, so that new elements of lists keep its order."""
    return sorted(paths, key=lambda path: _position(wanted, path))


def _position(wanted: Any, path: Path) -> list[int]:
    ranks = []
    for step in path:
        ranks.append(_rank(wanted, step))
        wanted = _inside(wanted, step)
    return ranks


def _rank(node: Any, step: str) -> int:
    if step.startswith("f:") and isinstance(node, dict):
        return list(node).index(step[2:])
    if step.startswith("k:") and isinstance(node, list):
        return next(i for i, item in enumerate(node) if item is read(node, (step,)))
    return -1


def _inside(node: Any, step: str) -> Any:
    return read(node, (step,)) if step[:2] in ("f:", "k:") else None


def _identity(wanted: Object) -> Object:
    names = {key: wanted["metadata"][key] for key in ("name", "namespace") if key in wanted["metadata"]}
    return {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], "metadata": names}


def _drop(merged: Object, given_up: set[Path], others: Owners) -> None:
    """Elements last, so that their fields are still found by their key."""
    for path in sorted(given_up, key=lambda path: (path[-1] == ITSELF, path)):
        if not any(_holds(paths, path) for paths in others.values()):
            remove(merged, path)


def _holds(paths: set[Path], path: Path) -> bool:
    """Whether the field, something inside it, or the element it stands for is owned."""
    prefix = path[:-1] if path[-1] == ITSELF else path
    return any(other[: len(prefix)] == prefix for other in paths)


def _taken(live: Object, wanted: Object, mine: set[Path], owners: Owners, me: Owner) -> list[tuple[Path, Owner]]:
    found = []
    for path in sorted(mine):
        if path[-1] == ITSELF or path[-1].startswith("v:") or _is_there(live, wanted, path):
            continue
        found += [(path, owner) for owner, paths in owners.items() if owner != me and path in paths]
    return found


def _is_there(live: Object, wanted: Object, path: Path) -> bool:
    """Whether applying the field changes nothing: it has this value, or is asked to be empty and merges."""
    if not _differs(live, wanted, path):
        return True
    try:
        kept = read(live, path)
    except (KeyError, TypeError):
        return False
    asked = read(wanted, path)
    return (asked == {} and isinstance(kept, dict)) or (asked == [] and merges(path[-1][2:], kept))


def _differs(one: Object, other: Object, path: Path) -> bool:
    try:
        return bool(read(one, path) != read(other, path))
    except (KeyError, TypeError, IndexError):
        return True


def _conflict(taken: list[tuple[Path, Owner]], api_version: str) -> ApiError:
    """In the words of the real server, which kubectl prints as they are."""
    by_owner: dict[str, list[str]] = {}
    for path, owner in taken:
        by_owner.setdefault(_named(owner, api_version), []).append(dotted(path))
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": field}
        for owner, paths in by_owner.items()
        for field in paths
    ]
    if len(causes) == 1:
        message = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        parts = ["\n- ".join((f"conflicts with {owner}:", *paths)) for owner, paths in by_owner.items()]
        message = f"Apply failed with {len(causes)} conflicts: " + "\n".join(parts)
    return ApiError(409, "Conflict", message, causes=causes)


def _named(owner: Owner, api_version: str) -> str:
    part = f' with subresource "{owner.subresource}"' if owner.subresource else ""
    return f'"{owner.manager}"{part}' + (f" using {api_version}" if owner.operation == "Update" else "")


def updated(before: Object | None, after: Object, manager: str, now: str, subresource: str = "") -> None:
    """After a create, update or patch: the writer owns what it changed, whoever owned it before does not any more."""
    owners = owners_of(after) if before else {}
    known = fields(before) if before else set()
    present = fields(after)
    changed = {path for path in present if path not in known or _differs(before or {}, after, path)}
    kept: Owners = {owner: (paths & present) - changed for owner, paths in owners.items()}
    me = Owner(manager, "Update", subresource)
    kept[me] = kept.get(me, set()) | changed
    _remember(after, kept, now)
