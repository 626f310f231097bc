"""The loop: every object goes to its controllers whenever something changed, or when one wants to look again."""

from __future__ import annotations

import logging
import threading

from installer_tasks.rehearsal.controllers.certificates import Certificates, Issuers, Proxies
from installer_tasks.rehearsal.controllers.installs import Installs
from installer_tasks.rehearsal.controllers.objects import ObjectClient
from installer_tasks.rehearsal.controllers.pace import Pace
from installer_tasks.rehearsal.controllers.pods import LoadBalancers, Pods
from installer_tasks.rehearsal.controllers.repository import Repositories
from installer_tasks.rehearsal.controllers.volumes import Claims, Volumes
from installer_tasks.rehearsal.controllers.workloads import Workloads
from installer_tasks.rehearsal.controllers.world import Controller, Hooks, World
from installer_tasks.rehearsal.kube.errors import ApiError
from installer_tasks.rehearsal.kube.store import Store

log = logging.getLogger(__name__)

AFTER_ERROR = 1.0
MAKERS = (Repositories, Installs, Issuers, Certificates, Proxies, Claims, Volumes, LoadBalancers, Workloads, Pods)


class Controllers:
    """Runs in one thread of its own, so that controllers never meet each other half-way."""

    def __init__(self, store: Store, pace: Pace = Pace.QUICK, hooks: Hooks | None = None) -> None:
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._desk = ObjectClient(store)
        world = World(self._desk, pace, hooks or Hooks(), self._wake.set)
        self._controllers: tuple[Controller, ...] = tuple(make(world) for make in MAKERS)
        self._thread = threading.Thread(target=self._run, name="controllers", daemon=True)

    def start(self) -> None:
        self._desk.follow(self._wake.set)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Ends at once, wherever things stand."""
        self._stopping.set()
        self._wake.set()
        self._desk.close()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            self._wake.wait(self._round())

    def _round(self) -> float | None:
        """One look at everything; returns in how many seconds the next is due at the latest."""
        self._desk.catch_up()
        due: list[float] = []
        for controller in self._controllers:
            for kind in controller.kinds:
                due += self._look(controller, kind)
        return min(due, default=None)

    def _look(self, controller: Controller, kind: str) -> list[float]:
        due: list[float] = []
        for obj in self._desk.objects(kind):
            if self._stopping.is_set():
                break
            try:
                again = controller.reconcile(obj)
            except ApiError as refusal:  # something has gone or changed under way: look again
                log.debug("%s of %s: %s", type(controller).__name__, kind, refusal.message)
                again = AFTER_ERROR
            except Exception:  # the outermost loop: one broken object must not stop the cluster
                log.exception("%s of %s %s failed", type(controller).__name__, kind, obj["metadata"]["name"])
                again = AFTER_ERROR
            due += [] if again is None else [again]
        return due
