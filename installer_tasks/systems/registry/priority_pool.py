"""Two lanes of threads: one for many small requests, one for few bodies, each taking its most urgent task first."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from typing import Literal

from installer_tasks.errors import Cancelled

Lane = Literal["control", "body"]
Task = Callable[[], None]
Priority = tuple[int, ...]


class PriorityPool:
    """Runs tasks until none is left or one fails. Tasks may submit tasks. The first failure stops all."""

    def __init__(self, control: int, body: int) -> None:
        self._tasks: dict[Lane, list[tuple[Priority, int, Task]]] = {"control": [], "body": []}
        self._sizes: dict[Lane, int] = {"control": control, "body": body}
        self._order = itertools.count()
        lock = threading.Lock()
        self._change = threading.Condition(lock)
        self._ready: dict[Lane, threading.Condition] = {lane: threading.Condition(lock) for lane in self._sizes}
        self._pending = 0
        self._failure: BaseException | None = None
        self._ending = False
        self._threads: list[threading.Thread] = []
        self.stopped = threading.Event()  #: tasks look at it and wait on it; set means: come to an end

    def start(self) -> None:
        for lane, size in self._sizes.items():
            for number in range(size):
                thread = threading.Thread(
                    target=self._work, args=(lane,), name=f"push-{lane}-{number + 1}", daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def submit(self, lane: Lane, priority: Priority, task: Task) -> None:
        """Add a task; smaller priorities run first, equal ones in the order of coming."""
        with self._change:
            heapq.heappush(self._tasks[lane], (priority, next(self._order), task))
            self._pending += 1
            self._ready[lane].notify()

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; True when nothing is left to do. Raises what a task has raised."""
        with self._change:
            done = self._change.wait_for(lambda: self._pending == 0 or self._failure is not None, seconds)
            if self._failure is not None:
                raise self._failure
            return done

    def stop(self) -> None:
        """Begin no task any more; tell those that run."""
        with self._change:
            self._ending = True
            self.stopped.set()
            self._change.notify_all()
            for ready in self._ready.values():
                ready.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the threads, so long for each at most."""
        for thread in self._threads:
            thread.join(seconds)

    def _work(self, lane: Lane) -> None:
        while task := self._next(lane):
            failure: BaseException | None = None
            try:
                task()
            except Cancelled as error:
                failure = None if self._ending else error
            except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
                failure = error
            with self._change:
                self._pending -= 1
                self._failure = self._failure or failure
                if self._pending == 0 or failure is not None:
                    self._change.notify_all()
            if failure is not None:
                self.stop()

    def _next(self, lane: Lane) -> Task | None:
        with self._change:
            self._ready[lane].wait_for(lambda: self._tasks[lane] or self._ending)
            return None if self._ending else heapq.heappop(self._tasks[lane])[2]
