"""Reads the releases of one generation from its folder: generation.yaml, schema.yaml, releases.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from installer_tasks.releases.model import (
    Endpoints,
    Layout,
    Package,
    PublicCertificate,
    Release,
    Source,
    Workload,
    order,
)

FOLDER = Path(__file__).parent
GIB = 1024**3
Data = Mapping[str, Any]


def generation(name: str) -> Iterator[Release]:
    """The releases of this generation, oldest first."""
    whole, schema = _generation(name), _schema(name)
    for version, row in _read(name, "releases").items():
        yield _release(name, version, whole, schema, row)


def _read(folder: str, file: str) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (FOLDER / folder / f"{file}.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 - it is the safe one
    return found


def _generation(name: str) -> Data:
    """With everything that it has like another."""
    own = _read(name, "generation")
    return {**_generation(own["like"]), **own} if "like" in own else own


def _schema(name: str) -> Data:
    own, like = _read(name, "schema"), _read(name, "generation").get("like")
    if not like:
        return own
    base = dict(_schema(like))
    kept = {key: value for key, value in base["properties"].items() if key not in own["remove"]}
    return {**base, "required": own["required"], "properties": _merged(kept, own["properties"])}


def _merged(base: Data, own: Data) -> dict[str, Any]:
    """Maps key by key; anything else is replaced."""
    found = dict(base)
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = _merged(found[key], value) if both else value
    return found


def _release(name: str, version: str, whole: Data, schema: Data, row: Data) -> Release:
    sources: dict[str, Source] = {}
    nodes = whole["nodes"]
    return Release(
        version=version,
        generation=name,
        layout=_layout(whole["layout"]),
        push=tuple(whole["push"]),
        stages=tuple(whole["stages"]),
        namespace=whole["namespace"],
        repository_name=whole["repository_name"],
        install_name=whole["install_name"],
        ingress=whole["ingress"],
        endpoints=Endpoints(**whole["endpoints"]),
        hosts=tuple(whole["hosts"]),
        certificates=tuple(_certificate(each, version) for each in whole["certificates"]),
        packages=tuple(
            _package(each, version, row.get("packages") or {}) for each in whole["packages"] if _has(each, version)
        ),
        values_schema=_of_release(schema, version, "", sources),
        sources=sources,
        downloads=tuple(row.get("downloads") or ()),
        kubernetes=_range(row["kubernetes"]),
        seen=row["seen"],
        cert_manager=_range(row["cert_manager"]),
        traps=tuple(row.get("traps") or ()),
        thin=tuple(row.get("thin") or ()),
        workers=nodes["workers"],
        worker_cpu=nodes["cpu"],
        worker_memory=nodes["memory_gib"] * GIB,
        worker_disk=nodes["disk_gib"] * GIB,
    )


def _layout(found: Data) -> Layout:
    return Layout(tuple(found["folders"]), tuple(found["programs"]), found["parent_package"], found["repository"])


def _range(found: list[str]) -> tuple[str, str]:
    low, high = found
    return low, high


def _has(entry: Data, version: str, prefix: str = "") -> bool:
    since, until = entry.get(f"{prefix}since"), entry.get(f"{prefix}until")
    return (since is None or order(since) <= order(version)) and (until is None or order(version) <= order(until))


def _certificate(found: Data, version: str) -> PublicCertificate:
    since = found.get("internal_since")
    internal = since is not None and order(since) <= order(version)
    return PublicCertificate(found["name"], found["secret"], tuple(found["hosts"]), found["package"], internal)


def _package(found: Data, version: str, versions: Data) -> Package:
    workloads = (each for each in found.get("workloads") or () if _has(each, version))
    return Package(
        found["name"],
        found["ref_name"],
        versions.get(found["name"], ""),
        found["wave"],
        tuple(
            Workload(each["kind"], each["name"], each.get("replicas", 1), each.get("containers", 1))
            for each in workloads
        ),
    )


def _of_release(schema: Data, version: str, above: str, sources: dict[str, Source]) -> dict[str, Any]:
    """The schema as this release has it, without our own marks; those become `sources`."""
    found = {key: value for key, value in schema.items() if not key.startswith("x-")}
    if "properties" not in schema:
        return found
    kept = {key: each for key, each in schema["properties"].items() if _has(each, version, "x-")}
    for key, each in kept.items():
        source = Source(each.get("x-answer", ""), each.get("x-derived", ""), each.get("x-value"))
        if source != Source():
            sources[f"{above}{key}"] = source
    properties = {key: _of_release(each, version, f"{above}{key}.", sources) for key, each in kept.items()}
    return {**found, "properties": properties}
