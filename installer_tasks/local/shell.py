"""Programs as values: what to run, with which environment, for how long; and what came of it.

The only module that imports subprocess. A secret travels by a 0600 file, by standard input, or in the environment of
the one child that takes it no other way, never in argv; the child sees only the environment that is named. Every child
leads its own process group, so that what it started ends with it: TERM first, KILL after `GRACE` seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from installer_tasks.errors import Cancelled, Missing, Stalled
from installer_tasks.local import pdeathsig, program
from installer_tasks.text import mark as _
from installer_tasks.text import text

GRACE = 10.0
#: What any program needs to start and to write readable text; everything else is named by the caller.
BASIC_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
#: Lines kept of each stream for the outcome; `on_line` sees all of them.
KEPT_LINES = 200
POLL = 0.1

OnLine = Callable[[str, str], None]


@dataclass(frozen=True)
class Confined:
    """For a program that is not ours: runs only with this content, and reaches only what it is given."""

    sha256: str  #: hex; what was confirmed
    hidden: tuple[Path, ...]  #: neither read nor written, where the kernel has Landlock
    writable: tuple[Path, ...]  #: everything else is read at most

    def as_json(self, descriptor: int) -> str:
        """What pdeathsig.py is told."""
        told = {
            "program": descriptor,
            "hidden": [str(path) for path in self.hidden],
            "writable": [str(path) for path in self.writable],
            "landlock": protection() > 0,
        }
        return json.dumps(told)


def protection() -> int:
    """The version of Landlock that keeps a confined program from what is hidden; 0 when the kernel has none."""
    return pdeathsig.landlock_version()


@dataclass(frozen=True)
class Command:
    """A program to run. Nothing secret may stand in `argv`, `env` or `folder`.

    `leashed`: it is killed when the calling thread dies in any way, and may do nothing while nobody looks on.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)  #: set for the child
    pass_env: tuple[str, ...] = ()  #: names taken over from our own environment
    stdin: str = field(default="", repr=False)  #: may be secret
    secret_files: Mapping[str, str] = field(default_factory=dict, repr=False)  #: variable → content; child gets a path
    secret_env: Mapping[str, str] = field(default_factory=dict, repr=False)  #: for a program that reads no file
    folder: Path | None = None  #: working directory
    deadline: float = 60.0  #: seconds
    leashed: bool = False
    confined: Confined | None = None  #: leashed too

    @property
    def name(self) -> str:
        return Path(self.argv[0]).name


@dataclass(frozen=True)
class Outcome:
    """How it ended. A non-zero exit is a value, not an exception: the caller knows what it means."""

    exit_code: int  #: negative: ended by this signal
    stdout: str  #: the last KEPT_LINES lines
    stderr: str
    seconds: float

    @property
    def ok(self) -> bool:
        return self.exit_code == 0


def run(command: Command, *, on_line: OnLine | None = None, stop: Callable[[], bool] | None = None) -> Outcome:
    """Run to its end. Stalled when the deadline passes, Cancelled when `stop` says so, Missing without the program.

    `on_line(stream, line)` is called from reader threads, stream being "stdout" or "stderr".
    """
    started = time.monotonic()
    with _secret_variables(command.secret_files) as secrets:
        process = _spawn(command, {**_environment(command), **command.secret_env, **secrets})
        readers = _Readers(process, command.stdin, on_line)
        try:
            _wait(process, command, stop or _never, started)
        finally:
            _end_group(process.pid, process)
            readers.join()
    return Outcome(process.returncode, readers.kept("stdout"), readers.kept("stderr"), time.monotonic() - started)


def _never() -> bool:
    return False


def _spawn(command: Command, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    if command.confined is None:
        return _popen(command, _leash(command.argv) if command.leashed else command.argv, env)
    with program.sealed_copy(Path(command.argv[0]), command.confined.sha256) as copy:
        return _popen(command, _leash(command.argv, command.confined.as_json(copy)), env, (copy,))


def _popen(
    command: Command, argv: tuple[str, ...], env: Mapping[str, str], descriptors: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            env=dict(env),
            cwd=command.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=descriptors,
        )
    except (FileNotFoundError, PermissionError) as error:
        raise _not_startable(command.argv[0], error) from error


def _leash(argv: tuple[str, ...], confinement: str = "") -> tuple[str, ...]:
    # Isolated: nothing in the child's environment or folder may change what Python runs.
    return (sys.executable, "-I", pdeathsig.__file__, str(os.getpid()), confinement, *argv)


def _not_startable(program: str, error: OSError) -> Missing:
    return Missing(
        text(_("The program %(program)s cannot be started: %(reason)s."), program=program, reason=error.strerror or ""),
        value=program,
        remedy=text(_("Install %(program)s, or make it executable."), program=program),
        code="program-missing",
    )


def _environment(command: Command) -> dict[str, str]:
    names = (*BASIC_ENVIRONMENT, *command.pass_env)
    return {**{name: os.environ[name] for name in names if name in os.environ}, **command.env}


@contextlib.contextmanager
def _secret_variables(secrets: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Each secret in a 0600 file of a 0700 folder that is gone afterwards; the variable holds its path."""
    if not secrets:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="tmc-") as folder:
        paths = {}
        for name, content in secrets.items():
            path = Path(folder) / name.lower()
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(content)
            paths[name] = str(path)
        yield paths


def _wait(process: subprocess.Popen[bytes], command: Command, stop: Callable[[], bool], started: float) -> None:
    while True:
        try:
            process.wait(POLL)
            return
        except subprocess.TimeoutExpired:
            if stop():
                raise Cancelled from None
            if time.monotonic() - started > command.deadline:
                raise _too_slow(command) from None


def _too_slow(command: Command) -> Stalled:
    return Stalled(
        text(_("%(program)s did not finish within %(seconds)s s."), program=command.name, seconds=command.deadline),
        value=command.name,
        remedy=text(_("Check its last lines in the log, then resume.")),
        code="program-stalled",
    )


class _Readers:
    """Threads that feed standard input and read both outputs line by line, so that no pipe fills up."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: str, on_line: OnLine | None) -> None:
        self._lines: dict[str, deque[str]] = {name: deque(maxlen=KEPT_LINES) for name in ("stdout", "stderr")}
        self._on_line = on_line
        self._threads = [
            threading.Thread(target=self._read, args=("stdout", process.stdout), daemon=True),
            threading.Thread(target=self._read, args=("stderr", process.stderr), daemon=True),
            threading.Thread(target=_feed, args=(process.stdin, stdin), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream: str, pipe: IO[bytes]) -> None:
        with pipe:
            for raw in pipe:
                line = raw.decode(errors="replace").rstrip("\r\n")
                self._lines[stream].append(line)
                if self._on_line:
                    self._on_line(stream, line)

    def join(self) -> None:
        for thread in self._threads:
            thread.join(GRACE)

    def kept(self, stream: str) -> str:
        return "\n".join(self._lines[stream])


def _feed(pipe: IO[bytes], content: str) -> None:
    with contextlib.suppress(BrokenPipeError), pipe:
        pipe.write(content.encode())


def _end_group(group: int, process: subprocess.Popen[bytes], grace: float = GRACE) -> None:
    """TERM to the whole group, KILL to what is left after the grace; also children that outlived their parent."""
    _signal_group(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while _group_lives(group, process) and time.monotonic() < deadline:
        time.sleep(0.02)
    _signal_group(group, signal.SIGKILL)
    process.wait()


def _group_lives(group: int, process: subprocess.Popen[bytes]) -> bool:
    process.poll()
    return _signal_group(group, 0)


def _signal_group(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


class Process:
    """A program that goes on beside us until it is ended; for supervisors. Leads its own process group."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit code, or None when it still runs after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def send(self, number: int) -> None:
        """A signal to the program alone."""
        self._process.send_signal(number)

    def terminate(self) -> None:
        """TERM to the program alone: it ends its own children in its own way."""
        self._process.terminate()

    def kill(self) -> None:
        """KILL to the whole group."""
        _signal_group(self.pid, signal.SIGKILL)

    def end(self, grace: float = GRACE) -> int:
        """TERM, wait, then KILL what is left of the group; returns the exit code."""
        self.terminate()
        code = self.wait(grace)
        self.kill()
        return code if code is not None else self._process.wait()


def start_process(
    argv: tuple[str, ...] | list[str],
    *,
    output: Path | None,
    env: Mapping[str, str] | None = None,
    pass_env: tuple[str, ...] = (),
    folder: Path | None = None,
) -> Process:
    """Start a program that goes on: both outputs appended to the 0600 file `output` (None: our own), no input."""
    environment = _environment(Command(tuple(argv), env or {}, pass_env))
    with contextlib.ExitStack() as stack:
        target: int | None = None
        if output is not None:
            target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            stack.callback(os.close, target)
        try:
            process = subprocess.Popen(
                list(argv),
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=target,
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError) as error:
            raise _not_startable(argv[0], error) from error
    return Process(process)
