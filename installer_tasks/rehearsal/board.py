"""The estate's side of the notice board: says which faults are on, and switches those that a page wants."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Self

from installer_tasks.local import practice
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.rehearsal.faults import FAULTS

POLL_SECONDS = 0.3  #: seconds between two looks at what is wanted

log = logging.getLogger(__name__)


class Board:
    """Posted while the estate runs."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="practice-board", daemon=True)

    def __enter__(self) -> Self:
        practice.take_down()
        self._post()
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._over.set()
        self._watcher.join()
        practice.take_down()

    def _watch(self) -> None:
        seen: frozenset[str] = frozenset()
        while not self._over.wait(POLL_SECONDS):
            wanted = practice.wanted()
            for name in wanted ^ seen:
                self._switch(name, on=name in wanted)
            if wanted != seen:
                self._post()
            seen = wanted

    def _switch(self, name: str, *, on: bool) -> None:
        """A fault that cannot be made now, because what it breaks is not there, leaves the estate as it is."""
        try:
            self._estate.switch(name, on=on)
        except Exception:
            log.exception("the fault %s could not be switched", name)

    def _post(self) -> None:
        practice.post(
            [
                practice.Notice(fault.name, fault.title, fault.caught_by, self._estate.faults.active(fault.name))
                for fault in FAULTS
            ]
        )
