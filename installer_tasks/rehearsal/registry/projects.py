"""Harbor's projects: the first element of every repository name. They are never made by a push."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


@dataclass(frozen=True)
class Project:
    identifier: int
    name: str
    public: bool
    storage_limit: int  #: bytes; -1 is no limit
    owner: str
    created: str


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
