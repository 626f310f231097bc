"""What a stage reports, kept for a test."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from installer_tasks.text import Text


@dataclass
class Heard:
    """What the stages reported."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    diagnoses: list[dict[str, Any]] = field(default_factory=list)

    def event(self, code: str, *, level: str = "info", text: str = "", **params: Any) -> None:
        self.events.append((code, params))

    def progress(self, progress: dict[str, Any]) -> None:
        self.figures.append(json.loads(json.dumps(progress)))  # it must be plain data

    def waiting_for(self, what: Text | None) -> None:
        if what:
            self.waits.append(str(what))

    def diagnosis(self, found: dict[str, Any] | None) -> None:
        if found:
            self.diagnoses.append(json.loads(json.dumps(found)))

    @property
    def codes(self) -> list[str]:
        return [code for code, _params in self.events]
