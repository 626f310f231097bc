"""What a stage is: one idempotent part of a run, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from installer_tasks.errors import Cancelled
from installer_tasks.plan import Plan
from installer_tasks.text import Text


class Reporter(Protocol):
    """How a stage tells what it does; the journal is behind it. Everything is redacted there."""

    def event(self, code: str, *, level: str = "info", text: str = "", **params: Any) -> None:
        """One line of the journal: `code` from messages.EVENTS with its parameters, `text` for raw tool output."""

    def progress(self, progress: dict[str, Any]) -> None:
        """The stage's figures for the page; written at most four times a second, the last one always."""

    def waiting_for(self, what: Text | None) -> None:
        """What the stage waits for now, or None when it goes on."""

    def diagnosis(self, found: dict[str, Any] | None) -> None:
        """Why it stands still, as `Diagnosis.as_json`; None when it goes on."""


def _nothing_blocks() -> list[str]:
    return []


def _nothing_stands_still() -> None:
    return None


@dataclass
class Context:
    """What a stage works with: the plan, the way to report, and whether a person asked to stop."""

    plan: Plan
    report: Reporter
    cancelled: Callable[[], bool]  #: also raises LeaseLost when another worker has the run
    folder: Path  #: the run's own folder, 0700
    cache: dict[str, Any] = field(default_factory=dict)  #: connections shared by the stages; closed at the end
    preflight: Callable[[], list[str]] = _nothing_blocks  #: looks at every system again; names of what blocks
    watch: Callable[[], None] = _nothing_stands_still  #: called while a stage waits; names what stands still

    def check_cancelled(self) -> None:
        """A safe point: raises Cancelled when a person asked to stop."""
        if self.cancelled():
            raise Cancelled


class Progress(StrEnum):
    """What a stage reports of its work, and with it the picture that its page shows."""

    NONE = ""
    PUSH = "push"  #: bytes and images
    PACKAGES = "packages"  #: packages and pods
    PROOFS = "proofs"  #: findings about what was installed


class Stage(Protocol):
    """One idempotent part of a run.

    `is_done` SHALL ask the system outside and never a row of ours; `run` SHALL be safe to repeat at any point, also
    after a crash half-way; `run` SHALL call `check_cancelled` at safe points and give every wait a deadline.
    """

    slug: str
    title: str  #: marked for translation
    doing: str  #: the same said while it is under way, marked for translation
    systems: tuple[str, ...]  #: the steps whose systems it works on; the map lights them
    shows: Progress
    reads: tuple[str, ...]  #: keys of the answers it depends on

    def is_done(self, context: Context) -> bool: ...

    def run(self, context: Context) -> None: ...


class Undoable(Stage, Protocol):
    """A stage that leaves something in the cluster which another installation would stumble over.

    `undo` SHALL touch nothing but what its own stage has made, SHALL return when that is gone, and is held to what
    `run` is held to; `is_undone` asks the cluster as `is_done` does.
    """

    undo_title: str  #: marked for translation
    undo_doing: str  #: the same said while it is under way, marked for translation

    def is_undone(self, context: Context) -> bool: ...

    def undo(self, context: Context) -> None: ...


class Undoing:
    """The undoing of a stage, as a stage of a run of its own."""

    reads: tuple[str, ...] = ("bundle.release", "cluster.kubeconfig", "cluster.context")
    systems: tuple[str, ...] = ("cluster",)
    shows = Progress.NONE

    def __init__(self, stage: Undoable) -> None:
        self._stage = stage
        self.slug = f"undo-{stage.slug}"
        self.title = stage.undo_title
        self.doing = stage.undo_doing

    def is_done(self, context: Context) -> bool:
        return self._stage.is_undone(context)

    def run(self, context: Context) -> None:
        self._stage.undo(context)
