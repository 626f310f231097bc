"""The map of an installation: the systems that take part, how they belong together, and how each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy

from installer_tasks.preflight import findings
from installer_tasks.preflight.shapes.cluster import NODES
from installer_tasks.preflight.state import InstallationState
from installer_tasks.runs import stages
from installer_tasks.systems.cluster import values
from wizard.presenters import states
from wizard.presenters.states import Shown
from wizard.presenters.steps import summary

#: What fits beside the icon, in characters; the table has it whole.
FITS = 25


@dataclass(frozen=True)
class Place:
    """Where a part stands in the picture, in its own units."""

    x: int
    y: int
    width: int = 236
    height: int = 72

    @property
    def icon_y(self) -> int:
        return self.y + 14

    @property
    def text_x(self) -> int:
        return self.x + 46

    @property
    def title_y(self) -> int:
        return self.y + 29

    @property
    def detail_y(self) -> int:
        return self.y + 52

    @property
    def mark_x(self) -> int:
        return self.x + 16


@dataclass(frozen=True)
class Node:
    """A worker of the cluster, as a small square."""

    name: str
    x: int
    y: int
    ready: bool


@dataclass(frozen=True)
class Part:
    """One system. `lit` while a stage of the run works on it."""

    slug: str
    title: Any
    detail: str
    short: str
    shown: Shown
    url: str
    place: Place
    lit: bool
    nodes: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Link:
    """A line between two parts; `lit` while the run uses both."""

    path: str
    lit: bool


@dataclass(frozen=True)
class Topology:
    parts: tuple[Part, ...]
    links: tuple[Link, ...]


TITLES: Mapping[str, Any] = {
    "bundle": gettext_lazy("This machine"),
    "registry": gettext_lazy("Registry"),
    "cluster": gettext_lazy("Cluster"),
    "identity": gettext_lazy("Identity provider"),
    "services": gettext_lazy("Load balancer"),
    "dns": gettext_lazy("Public names"),
    "certificates": gettext_lazy("Certificate authority"),
}
PLACES: Mapping[str, Place] = {
    "bundle": Place(8, 124),
    "registry": Place(302, 8),
    "cluster": Place(302, 114, 236, 92),
    "certificates": Place(302, 240),
    "identity": Place(596, 8),
    "services": Place(596, 124),
    "dns": Place(596, 240),
}
#: From, to, and the way of the line.
LINKS: tuple[tuple[str, str, str], ...] = (
    ("bundle", "registry", "M244 148 C273 148 273 44 302 44"),
    ("bundle", "cluster", "M244 160 H302"),
    ("registry", "cluster", "M420 80 V114"),
    ("certificates", "cluster", "M420 240 V206"),
    ("cluster", "identity", "M538 148 C567 148 567 44 596 44"),
    ("cluster", "services", "M538 160 H596"),
    ("services", "dns", "M714 196 V240"),
)


def topology(state: InstallationState, stage: str = "", *, failed: bool = False, blamed: str = "") -> Topology:
    """`stage` is the slug of the one that runs now, or that failed; `blamed` the system that was found out."""
    known = stages.BY_SLUG.get(stage)
    touched = (blamed,) if failed and blamed else known.systems if known else ()
    nodes = findings.fact(state, NODES) or []
    parts = tuple(_part(state, slug, touched, nodes) for slug in TITLES)
    if failed:
        shown = tuple(_after_failure(part, blamed) for part in parts)
        return Topology(shown, tuple(Link(path, lit=False) for _one, _two, path in LINKS))
    return Topology(parts, tuple(Link(path, {one, two} <= set(touched)) for one, two, path in LINKS))


def _after_failure(part: Part, blamed: str) -> Part:
    """Where to look: the system that is known to be it, else those that the stage worked on, seldom this machine."""
    wrong = part.lit and (blamed or part.slug != "bundle")
    shown = states.STAGE["failed"] if wrong else part.shown
    return replace(part, shown=shown, lit=False)


def _part(
    state: InstallationState,
    slug: str,
    touched: tuple[str, ...],
    nodes: list[values.Node],
) -> Part:
    detail = summary(slug, state)
    return Part(
        slug=slug,
        title=TITLES[slug],
        detail=detail,
        short=_shortened(detail.removeprefix("https://")),
        shown=states.STEP[findings.step_state(state, slug)],
        url=reverse("step", args=[state.installation.pk, slug]),
        place=PLACES[slug],
        lit=slug in touched,
        nodes=_nodes(PLACES[slug], nodes) if slug == "cluster" else (),
    )


def _shortened(words: str) -> str:
    return words if len(words) <= FITS else f"{words[: FITS - 1]}…"


def _nodes(place: Place, nodes: list[values.Node]) -> tuple[Node, ...]:
    """The workers, as many as there is room for."""
    workers = [node for node in nodes if node.get("schedulable")][:12]
    return tuple(
        Node(str(node.get("name", "")), place.text_x + 14 * number, place.y + 68, bool(node.get("ready")))
        for number, node in enumerate(workers)
    )
