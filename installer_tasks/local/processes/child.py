"""One supervised program: how it is started, when it is started again, how it is ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from installer_tasks.local import shell
from installer_tasks.local.processes import logs

#: Waits before the next start after a crash; the last one stays. At once first: most crashes are accidents.
BACKOFF = (0.0, 1.0, 2.0, 5.0, 15.0, 30.0)
#: Running this long makes the next crash a first one again.
SETTLED = 30.0


@dataclass(frozen=True)
class Program:
    """What to run. The environment is what is named here and the basics of `shell`, nothing else."""

    name: str
    argv: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    pass_env: tuple[str, ...] = ()
    folder: Path | None = None


class Child:
    """A program and its present process."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.follower = logs.Follower(program.log)
        self._process: shell.Process | None = None
        self._started = 0.0
        self._crashes = 0
        self._due = 0.0

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int | None:
        """Of the process that runs now."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        logs.rotate(self.program.log)
        self._process = shell.start_process(
            self.program.argv,
            output=self.program.log,
            env=self.program.env,
            pass_env=self.program.pass_env,
            folder=self.program.folder,
        )
        self._started = time.monotonic()

    def crashed(self) -> int | None:
        """Its exit code when it has just ended by itself; what it had started ends with it."""
        code = self._process.poll() if self._process else None
        if self._process is None or code is None:
            return None
        self._process.kill()
        self._process = None
        if time.monotonic() - self._started > SETTLED:
            self._crashes = 0
        self._due = time.monotonic() + self.delay
        self._crashes += 1
        return code

    @property
    def delay(self) -> float:
        return BACKOFF[min(self._crashes, len(BACKOFF) - 1)]

    @property
    def due(self) -> bool:
        return self._process is None and time.monotonic() >= self._due

    def signal(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send(number)

    def ended(self, deadline: float) -> bool:
        """Wait for its end until `deadline` of the monotonic clock."""
        return self._process is None or self._process.wait(max(0.0, deadline - time.monotonic())) is not None

    def kill(self) -> None:
        """The whole group, also what is left of it after the leader has gone."""
        if self._process:
            self._process.kill()
            self._process.wait(5)
            self._process = None
