"""Starts, watches and ends the processes of one state folder."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from installer_tasks.errors import Stalled
from installer_tasks.local import state_folder
from installer_tasks.local.processes import logs, ports, programs, reach, redis
from installer_tasks.local.processes.child import Child, Program
from installer_tasks.local.processes.lock import FolderLock
from installer_tasks.local.processes.tls import Files
from installer_tasks.text import mark as _
from installer_tasks.text import text

POLL = 0.2
#: Between TERM and KILL; a stop takes less than five seconds in all.
LAST = 3.6

Say = Callable[[str], None]


class Supervisor:
    """Redis (unless `REDIS_URL` names one), one worker and the web server of one state folder.

    `start()` claims the folder and starts them, `wait_ready()` waits until a page is answered, `stop()` ends all by
    pid. A child that ends by itself is started again and `say` is told. If this process is killed, a guard ends them.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        concurrency: int = 4,
        application: str = "wizard.asgi:application",
        say: Say | None = None,
        verbose: bool = False,
        reached_as: str = "",
        origin: str = "",
        tls: Files | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`reached_as` is the name in links, when it is not `host`; `origin` that of a proxy; `env` is for the web."""
        self.state_dir = state_folder.private_folder(state_dir.absolute())
        self.host = host
        self.port = port
        self._concurrency = concurrency
        self._application = application
        self._say: Say = say or _silent
        self._verbose = verbose
        self._reached_as = reached_as or host
        self._origin = origin
        self._tls = tls
        self._env = dict(env or {})
        self._lock = FolderLock(self.state_dir)
        self._children: list[Child] = []
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """As people reach it."""
        return self._origin or reach.url("https" if self._tls else "http", self._reached_as, self.port)

    @property
    def pids(self) -> dict[str, int]:
        """Of the children that run now: redis (when it is ours), worker, web, guard."""
        return {child.name: child.pid for child in self._children if child.pid is not None}

    @property
    def redis_url(self) -> str:
        """The private Redis, or "" when the environment names another one."""
        if os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE"):
            return ""
        return redis.url(redis.socket_path(self.state_dir))

    def claim(self) -> None:
        """Take the state folder, or AlreadyRunning; before migrations, so that two do not migrate at once."""
        self._lock.take()

    def start(self) -> None:
        self.claim()
        try:
            self.port = ports.choose(self.host, self.port)
            self._children = [Child(program) for program in self._programs()]
            for child in self._children:
                self._start_child(child)
        except BaseException:
            self.stop()
            raise
        self._lock.describe(self.url)
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._watcher.start()

    def wait_ready(self, timeout: float = 60.0, stop: threading.Event | None = None) -> bool:
        """True when Redis and the web server answer, False when `stop` was set before; Stalled names who does not."""
        deadline = time.monotonic() + timeout
        stop = stop or self._stopping
        while not stop.wait(POLL / 2):
            waiting_for = self._not_ready()
            if waiting_for is None:
                return True
            if time.monotonic() > deadline:
                raise self._not_in_time(waiting_for, timeout)
        return False

    def stop(self) -> None:
        """Worker and web first, Redis when they have gone, the guard last; nothing is left."""
        self._stopping.set()
        if self._watcher:
            self._watcher.join()
        users = [child for child in self._children if child.name in ("worker", "web")]
        _end(users)
        _end([child for child in self._children if child not in users])
        if self._lock.held:
            self._groups.unlink(missing_ok=True)
        self._lock.release()

    @property
    def _groups(self) -> Path:
        return self.state_dir / "supervisor.groups"

    def _programs(self) -> list[Program]:
        folder = self.state_dir
        state_folder.private_folder(folder / "logs")
        env = {state_folder.VARIABLE: str(folder)}
        own_redis = []
        if self.redis_url:
            env["REDIS_URL"] = self.redis_url
            own_redis = [programs.redis_server(folder, redis.socket_path(folder))]
        return [
            programs.guard_of(os.getpid(), folder, self._groups),
            *own_redis,
            programs.worker(folder, env, self._concurrency),
            programs.web(folder, env | self._env, self._application, self.host, self.port or 0, tls=self._tls),
        ]

    def _start_child(self, child: Child) -> None:
        child.start()
        self._note_groups()

    def _note_groups(self) -> None:
        """For the guard: written whole or not at all."""
        draft = self._groups.with_suffix(".new")
        draft.write_text("\n".join(str(pid) for name, pid in self.pids.items() if name != "guard"))
        draft.replace(self._groups)

    def _watch(self) -> None:
        while not self._stopping.wait(POLL):
            for child in self._children:
                self._look_after(child)
        for child in self._children:
            self._show(child)

    def _look_after(self, child: Child) -> None:
        self._show(child)
        code = child.crashed()
        if code is not None:
            self._note_groups()
            self._say(f"{child.name} exited ({_how(code)}); restarting it")
            self._say_last_lines(child)
        if child.due and not self._stopping.is_set():
            self._start_child(child)
        logs.rotate(child.program.log)

    def _show(self, child: Child) -> None:
        if self._verbose:
            for line in child.follower.lines():
                self._say(f"{child.name:>6} | {line}")

    def _say_last_lines(self, child: Child) -> None:
        if not self._verbose:
            for line in logs.tail(child.program.log, 3).splitlines():
                self._say(f"{child.name:>6} | {line}")

    def _not_ready(self) -> str | None:
        if self.redis_url and not redis.answers(redis.socket_path(self.state_dir)):
            return "redis"
        if "worker" not in self.pids:
            return "worker"
        return None if "web" in self.pids and _answers(self.host, self.port or 0, self._tls) else "web"

    def _not_in_time(self, name: str, timeout: float) -> Stalled:
        log = self.state_dir / "logs" / f"{name}.log"
        return Stalled(
            text(_("The program %(name)s was not ready within %(seconds)s s."), name=name, seconds=timeout),
            value=name,
            remedy=text(_("Read its log file %(log)s; `manage.py doctor` checks this machine."), log=str(log)),
            detail=logs.tail(log),
            code="not-ready",
        )


def _silent(line: str) -> None:
    """Nobody listens."""


def _how(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _answers(host: str, port: int, tls: Files | None) -> bool:
    """Whether the web server says that it is well."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    if tls:
        connection = http.client.HTTPSConnection(host, port, timeout=5, context=tls.trusted())
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status < 500
    return False


def _end(children: list[Child]) -> None:
    """TERM: the worker's stages stop at the next safe point. KILL for what is left of each group."""
    deadline = time.monotonic() + LAST
    for child in children:
        child.signal(signal.SIGTERM)
    for child in children:
        child.ended(deadline)
    for child in children:
        child.kill()
