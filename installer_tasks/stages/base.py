"""What a stage is: one idempotent part of a run, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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


def _nothing_blocks() -> list[str]:
    return []


@dataclass
class Context:
    """What a stage works with: the plan, the way to report, and whether a person asked to stop."""

    plan: Plan
    report: Reporter
    cancelled: Callable[[], bool]  #: also raises LeaseLost when another worker has the run
    folder: Path  #: the run's own folder, 0700
    cache: dict[str, Any] = field(default_factory=dict)  #: connections shared by the stages; closed at the end
    preflight: Callable[[], list[str]] = _nothing_blocks  #: looks at every system again; names of what blocks

    def check_cancelled(self) -> None:
        """A safe point: raises Cancelled when a person asked to stop."""
        if self.cancelled():
            raise Cancelled


class Stage(Protocol):
    """One idempotent part of a run.

    `is_done` SHALL ask the system outside and never a row of ours; `run` SHALL be safe to repeat at any point, also
    after a crash half-way; `run` SHALL call `check_cancelled` at safe points and give every wait a deadline.
    """

    slug: str
    title: str  #: marked for translation
    reads: tuple[str, ...]  #: keys of the answers it depends on

    def is_done(self, context: Context) -> bool: ...

    def run(self, context: Context) -> None: ...


class Undoable(Stage, Protocol):
    """A stage that leaves something in the cluster which another installation would stumble over.

    `undo` SHALL touch nothing but what its own stage has made, SHALL return when that is gone, and is held to what
    `run` is held to; `is_undone` asks the cluster as `is_done` does.
    """

    undo_title: str  #: marked for translation

    def is_undone(self, context: Context) -> bool: ...

    def undo(self, context: Context) -> None: ...


class Undoing:
    """The undoing of a stage, as a stage of a run of its own."""

    reads: tuple[str, ...] = ("cluster.kubeconfig", "cluster.context")

    def __init__(self, stage: Undoable) -> None:
        self._stage = stage
        self.slug = f"undo-{stage.slug}"
        self.title = stage.undo_title

    def is_done(self, context: Context) -> bool:
        return self._stage.is_undone(context)

    def run(self, context: Context) -> None:
        self._stage.undo(context)
