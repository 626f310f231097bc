"""Harbor's projects: the first element of every repository name. They are never made by a push."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from installer_tasks.rehearsal.registry.answers import Refusal

NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


@dataclass(frozen=True)
class Project:
    identifier: int
    name: str
    public: bool
    storage_limit: int  #: bytes; -1 is no limit
    owner: str
    created: str
    prevent_vul: bool = False
    enable_content_trust_cosign: bool = False
    immutable_tags: bool = False
    registry_id: int = 0  #: of the registry that it is a cache of; 0 for an ordinary project

    @property
    def policies(self) -> list[str]:
        """Those that are on, by Harbor's names."""
        return [name for name in ("prevent_vul", "enable_content_trust_cosign") if getattr(self, name)]


class Projects:
    """Kept in one JSON file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._by_name: dict[str, Project] = {}
        if file.exists():
            rows = json.loads(file.read_text())
            self._by_name = {row["name"]: Project(**row) for row in rows}

    def create(self, name: str, *, public: bool, storage_limit: int = -1, owner: str = "admin") -> Project | None:
        """None when there is one of this name."""
        with self._lock:
            if name in self._by_name:
                return None
            identifier = max((project.identifier for project in self._by_name.values()), default=0) + 1
            created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            project = Project(identifier, name, public, storage_limit, owner, created)
            self._by_name[name] = project
            self._save()
            return project

    def change(self, name: str, **changes: Any) -> Project:
        """The project as it was before."""
        with self._lock:
            before = self._by_name[name]
            self._by_name[name] = replace(before, **changes)
            self._save()
            return before

    def get(self, name: str) -> Project | None:
        with self._lock:
            return self._by_name.get(name)

    def by_identifier(self, identifier: int) -> Project | None:
        return next((project for project in self.all() if project.identifier == identifier), None)

    def all(self) -> list[Project]:
        with self._lock:
            return sorted(self._by_name.values(), key=lambda project: project.identifier)

    def _save(self) -> None:
        rows = [asdict(project) for project in self._by_name.values()]
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(rows))
        temporary.replace(self._file)


def require_pullable(project: Project | None) -> None:
    """Harbor refuses pulls that a policy of the project forbids; nothing here is ever scanned or signed."""
    if project is not None and project.prevent_vul:
        message = (
            "current image without vulnerability scanning cannot be pulled due to configured policy in "
            "'Prevent images with vulnerability severity of \"Low\" or higher from running.'"
        )
        raise Refusal(412, "PROJECTPOLICYVIOLATION", message)
    if project is not None and project.enable_content_trust_cosign:
        raise Refusal(412, "PROJECTPOLICYVIOLATION", "The image is not signed by cosign.")
