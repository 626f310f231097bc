"""The way down: from the parent package to the child, its object, its pod, and what that pod needs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from installer_tasks.diagnosis.base import Link, Match, shortened
from installer_tasks.diagnosis.signs import Facts, own_words

_NAMED = re.compile(r"\bpackageinstall/([\w.-]+)")


def chain(facts: Facts, first: Match | None) -> tuple[Link, ...]:
    """Down to what the likeliest cause is about; without one, down to the child that fails and its worst pod."""
    packages = {str(each["name"]): each for each in facts.get("packages") or []}
    parent = next((each for each in packages.values() if each.get("parent")), None)
    if parent is None or parent.get("state") == "succeeded":
        return tuple(_last(facts, first))
    about = first.sign.about if first else ""
    links = [_package(parent)]
    if about.endswith(f"/{parent['name']}") or (first is None and own_words(str(parent.get("error", "")))):
        return tuple(links)
    child = packages.get(_owner(facts, about)) or _failing_child(parent, list(packages.values()))
    if child is not None and child is not parent:
        links.append(_package(child))
    if first is not None and about.partition("/")[0] not in ("PackageInstall", "PackageRepository"):
        links += _last(facts, first)
    elif child is not None:
        links += _worst_pod(facts, str(child["name"]))
    return tuple(links)


def _package(each: Mapping[str, Any]) -> Link:
    said = own_words(str(each.get("error", ""))) or str(each.get("state", ""))
    return Link(str(each.get("kind", "PackageInstall")), str(each["name"]), shortened(said))


def _owner(facts: Facts, about: str) -> str:
    """The package that an object belongs to."""
    kind, _slash, name = about.partition("/")
    if kind == "PackageInstall":
        return name
    found = [*(facts.get("objects") or []), *(facts.get("events") or [])]
    pods = {f"Pod/{pod['name']}": pod for pod in facts.get("pods") or []}
    if about in pods:
        return str(pods[about].get("package", ""))
    labels = (str(each.get("package", "")) for each in found if about in (each.get("about"), _about(each)))
    return next(filter(None, labels), "")


def _about(each: Mapping[str, Any]) -> str:
    return f"{each.get('kind', '')}/{each.get('name', '')}"


def _failing_child(parent: Mapping[str, Any], packages: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The child that has failed by itself, then one that the parent names, then the first that is under way."""
    named = set(_NAMED.findall(f"{parent.get('error', '')} {parent.get('output', '')}"))
    left = [each for each in packages if not each.get("parent") and each.get("state") != "succeeded"]
    there = [each for each in left if each.get("state") != "pending"] or left
    return min(there, key=lambda each: _order(each, named), default=None)


def _order(child: Mapping[str, Any], named: set[str]) -> tuple[bool, bool, bool, int]:
    return (
        not own_words(str(child.get("error", ""))),
        child.get("state") != "failed",
        child["name"] not in named,
        int(child.get("wave", 0)),
    )


def _last(facts: Facts, first: Match | None) -> Iterator[Link]:
    if first is None:
        return
    kind, _slash, name = first.sign.about.partition("/")
    pod = next((pod for pod in facts.get("pods") or [] if kind == "Pod" and pod["name"] == name), None)
    if pod is not None and pod.get("owner"):
        owner_kind, _slash, owner = str(pod["owner"]).partition("/")
        yield Link(owner_kind, owner)
    if kind != "Stage":
        yield Link(kind, name, str(pod.get("state", "")) if pod is not None else shortened(first.sign.text))
    for word, what in (("image", "Image"), ("claim", "PersistentVolumeClaim"), ("host", "Host"), ("node", "Node")):
        if first.words.get(word):
            yield Link(what, first.words[word])


def _worst_pod(facts: Facts, package: str) -> Iterator[Link]:
    for pod in facts.get("pods") or []:
        if pod.get("package") == package:
            yield Link("Pod", str(pod["name"]), str(pod.get("state", "")))
            return
