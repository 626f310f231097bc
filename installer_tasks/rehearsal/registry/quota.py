"""Harbor's storage quota: counted over a project's unique blobs, and checked only after the bytes were sent."""

from __future__ import annotations

from collections.abc import Mapping

from installer_tasks.rehearsal.registry.answers import Refusal
from installer_tasks.rehearsal.registry.projects import Projects
from installer_tasks.rehearsal.registry.storage import Storage


class Quota:
    def __init__(self, projects: Projects, storage: Storage) -> None:
        self._projects = projects
        self._storage = storage

    def check(self, repository: str, sizes: Mapping[str, int]) -> None:
        """Refuse when the project would hold more than its limit with these digests added."""
        name = repository.partition("/")[0]
        project = self._projects.get(name)
        if project is None or project.storage_limit < 0:
            return
        adding = sum(size for digest, size in sizes.items() if not self._storage.project_has(name, digest))
        used = self._storage.project_bytes(name)
        if used + adding > project.storage_limit:
            message = (
                f"adding {_mebibytes(adding)} of storage resource, which when updated to current usage of "
                f"{_mebibytes(used)} will exceed the configured upper limit of {_mebibytes(project.storage_limit)}."
            )
            raise Refusal(403, "DENIED", message)


def _mebibytes(count: int) -> str:
    return f"{count / 1024**2:.1f} MiB"
