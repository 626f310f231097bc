"""The facts, taken apart into what is said about each object. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from installer_tasks.diagnosis.base import (
    ENDED,
    ERROR,
    EVENT,
    LOG,
    NODE,
    OBJECT,
    OUTPUT,
    SCHEDULING,
    STAGE,
    WAITING,
    Sign,
)

Facts = Mapping[str, Any]
LAST_WAVE = 99


def signs(facts: Facts) -> tuple[Sign, ...]:
    """Everything that the facts say, from the top down."""
    waves = {str(each["name"]): int(each.get("wave", LAST_WAVE)) for each in facts.get("packages") or []}
    found = (
        *_of_stage(facts),
        *_of_packages(facts),
        *_of_nodes(facts),
        *_of_objects(facts),
        *_of_events(facts),
        *_of_pods(facts, waves),
    )
    return tuple(sign for sign in found if sign.text.strip(": "))


def _of_stage(facts: Facts) -> Iterator[Sign]:
    error = facts.get("error") or {}
    if error:
        yield Sign(
            STAGE,
            f"Stage/{error.get('stage', '')}",
            f"{error.get('code', '')}: {error.get('detail', '')} {error.get('cause', '')}",
        )


def _of_packages(facts: Facts) -> Iterator[Sign]:
    for each in facts.get("packages") or []:
        if each.get("state") == "succeeded":
            continue
        about, wave = f"{each.get('kind', 'PackageInstall')}/{each['name']}", int(each.get("wave", LAST_WAVE))
        if own_words(str(each.get("error", ""))):
            yield Sign(ERROR, about, f"{each.get('phase', '')}: {each.get('error', '')}", wave)
        yield Sign(OUTPUT, about, str(each.get("output", "")), wave)


def own_words(error: str) -> str:
    """What a package says of itself; nothing when it only repeats or waits for what another one says."""
    if re.search(r"Timed out waiting after|waiting on reconcile packageinstall/", error):
        return ""
    return error


def _of_nodes(facts: Facts) -> Iterator[Sign]:
    for node in facts.get("nodes") or []:
        state = [*node.get("pressures", []), *([] if node.get("ready", True) else ["NotReady"])]
        yield Sign(NODE, f"Node/{node['name']}", ", ".join(state), LAST_WAVE)


def _of_objects(facts: Facts) -> Iterator[Sign]:
    for each in facts.get("objects") or []:
        yield Sign(OBJECT, f"{each['kind']}/{each['name']}", str(each["said"]), int(each.get("wave", 0)))


def _of_events(facts: Facts) -> Iterator[Sign]:
    for each in facts.get("events") or []:
        yield Sign(EVENT, str(each["about"]), f"{each['reason']}: {each['message']}", int(each.get("wave", 0)))


def _of_pods(facts: Facts, waves: Mapping[str, int]) -> Iterator[Sign]:
    for pod in facts.get("pods") or []:
        about, wave = f"Pod/{pod['name']}", waves.get(str(pod.get("package", "")), LAST_WAVE)
        yield Sign(SCHEDULING, about, str(pod.get("scheduling", "")), wave)
        yield Sign(ENDED, about, str(pod.get("ended", "")), wave)
        for container in pod.get("containers") or []:
            yield Sign(WAITING, about, str(container.get("waiting", "")), wave)
            yield Sign(ENDED, about, str(container.get("ended", "")), wave)
            yield Sign(LOG, about, str(container.get("log", "")), wave)
