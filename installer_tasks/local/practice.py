"""The notice board between a page and the practice estate: which faults there are, which are on, which are wanted.

The estate lives in the process of `manage.py rehearse`; pages are served by another one. Both see the state folder: the
estate writes what is, a page writes what is wanted. Nothing here is needed for a real installation.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installer_tasks.local import state_folder

KEPT, WANTED = "faults.json", "wanted.json"


@dataclass(frozen=True)
class Notice:
    """One fault as a page shows it. `caught_by` is the check that should say so, "" when none can."""

    name: str
    title: str  #: marked for translation
    caught_by: str
    on: bool

    @property
    def system(self) -> str:
        return self.name.partition(".")[0]


def folder() -> Path:
    return state_folder.private_folder(state_folder.folder() / "practice-board")


def post(notices: Sequence[Notice]) -> None:
    """The estate says what is."""
    _write(KEPT, {"pid": os.getpid(), "faults": [vars(notice) for notice in notices]})


def take_down() -> None:
    for name in (KEPT, WANTED):
        (folder() / name).unlink(missing_ok=True)


def notices() -> tuple[Notice, ...]:
    """What the estate says; nothing when no estate runs."""
    found = _read(KEPT)
    if not found or not _alive(found.get("pid")):
        return ()
    return tuple(Notice(**each) for each in found["faults"])


def want(names: Collection[str]) -> None:
    """A page says which faults shall be on; KeyError for a name that is none."""
    known = {notice.name for notice in notices()}
    for name in names:
        if name not in known:
            raise KeyError(name)
    _write(WANTED, {"faults": sorted(names)})


def wanted() -> frozenset[str]:
    return frozenset((_read(WANTED) or {}).get("faults", ()))


def _read(name: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads((folder() / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(name: str, content: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    handle, draft = tempfile.mkstemp(dir=folder())
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(content, stream)
    Path(draft).replace(folder() / name)


def _alive(pid: object) -> bool:
    if not isinstance(pid, int):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False
