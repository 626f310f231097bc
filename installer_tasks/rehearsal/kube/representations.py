"""The shapes in which clients ask for objects: lists, tables for kubectl, metadata alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from installer_tasks.rehearsal.kube.columns import columns
from installer_tasks.rehearsal.kube.resources import Resource

Object = dict[str, Any]
META = "meta.k8s.io/v1"


def wanted(accept: str) -> str:
    """`Table` or `PartialObjectMetadata` when that is the first choice of the client, else nothing."""
    first_choice = accept.partition(",")[0]
    found = re.search(r";\s*as=(Table|PartialObjectMetadata)", first_choice)
    return found[1] if found else ""


def one(resource: Resource, obj: Object, shape: str, *, include: str = "Metadata") -> Object:
    if shape == "Table":
        return table(resource, [obj], obj["metadata"], include=include)
    return _partial(obj) if shape else obj


def many(
    resource: Resource, objects: list[Object], metadata: Object, shape: str, *, include: str = "Metadata"
) -> Object:
    if shape == "Table":
        return table(resource, objects, metadata, include=include)
    if shape:
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": META,
            "metadata": metadata,
            "items": [_partial(obj) for obj in objects],
        }
    api_version = resource.gvr.api_version
    return {"kind": f"{resource.kind}List", "apiVersion": api_version, "metadata": metadata, "items": objects}


def table(
    resource: Resource, objects: list[Object], metadata: Object, *, include: str = "Metadata", headed: bool = True
) -> Object:
    """Cells as kubectl prints them; a watch heads its first table only."""
    shown = columns(resource)
    enclosed: dict[str, Callable[[Object], Any]] = {"None": lambda _obj: None, "Object": lambda obj: obj}
    enclose = enclosed.get(include, _partial)
    rows = [{"cells": [column.cell(obj) for column in shown], "object": enclose(obj)} for obj in objects]
    kept = {
        key: value for key, value in metadata.items() if key in ("resourceVersion", "continue", "remainingItemCount")
    }
    heads = [column.definition() for column in shown] if headed else []
    return {"kind": "Table", "apiVersion": META, "metadata": kept, "columnDefinitions": heads, "rows": rows}


def _partial(obj: Object) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": obj["metadata"]}
