"""What a controller works with: the objects, the pace, the clock and the estate's hooks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from installer_tasks.rehearsal.controllers.fetching import fetch_bundle
from installer_tasks.rehearsal.controllers.issuing import Issued
from installer_tasks.rehearsal.controllers.objects import Object, ObjectClient
from installer_tasks.rehearsal.controllers.pace import Clock, Pace

if TYPE_CHECKING:
    from installer_tasks.rehearsal.controllers.troubles import Trouble


@dataclass(frozen=True)
class Address:
    """Where a load balancer listens; ports when it cannot have those that the Service asks for."""

    ip: str
    https_port: int | None = None
    http_port: int | None = None


@dataclass(frozen=True)
class Hooks:
    """What the estate around the cluster does for the controllers."""

    #: (image, PEMs that kapp-controller trusts): raises FetchFailed when the registry does not give the bundle.
    fetch: Callable[[str, str], None] = fetch_bundle
    #: The address for a Service of type LoadBalancer, or None when there is none to give.
    address: Callable[[Object], Address | None] = lambda _service: Address("127.0.0.1")
    #: (values of the package, certificate of each public name that has one): the last package has reconciled.
    on_ready: Callable[[Object, Mapping[str, Issued]], None] = lambda _values, _certificates: None
    #: The last package has been removed.
    on_gone: Callable[[], None] = lambda: None
    #: (provisioner of a StorageClass): why it makes no volume; empty when it does, None when there is no such one.
    provision: Callable[[str], str | None] = lambda _provisioner: ""
    #: (image of a pod): why the node cannot pull it; empty when it can.
    pull: Callable[[str], str] = lambda _image: ""
    #: (image, node): the same for a pod that a person made by hand, where it may take its time.
    pull_on: Callable[[str, str], str] = lambda _image, _node: ""
    #: (pod): what is wrong with it, or None.
    trouble: Callable[[Object], Trouble | None] = lambda _pod: None
    #: (PackageInstall): the phase that fails and its words, or None.
    failing: Callable[[Object], tuple[str, str] | None] = lambda _install: None
    #: (Service): what the load balancer controller says of it; empty when nothing.
    balancing: Callable[[Object], str] = lambda _service: ""


@dataclass
class World:
    """Shared by all controllers of one cluster."""

    desk: ObjectClient
    pace: Pace
    hooks: Hooks
    wake: Callable[[], None]  #: look at everything again soon
    clock: Clock = field(default_factory=Clock)

    def left(self, share: float, *key: str) -> float:
        """Seconds left of this share of an installation since `key` was first asked for; 0 when it is over."""
        return max(0.0, self.pace.seconds(share) - self.clock.since(*key))


class Controller(Protocol):
    """Brings the objects of some kinds one step nearer to what they ask for.

    `reconcile` SHALL only write what differs, and SHALL return in how many seconds to look again, or None when only a
    change of some object can bring anything new.
    """

    @property
    def kinds(self) -> tuple[str, ...]: ...

    def reconcile(self, obj: Object) -> float | None: ...


class Background:
    """One slow question at a time for each key, asked beside the loop."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, ...], list[Any]] = {}

    def ask(self, question: Callable[[], Any], *key: str) -> list[Any]:
        """The answer in a list, empty while it is being worked out."""
        with self._lock:
            if key not in self._answers:
                self._answers[key] = []
                threading.Thread(target=self._work, args=(question, key), daemon=True).start()
            return self._answers[key]

    def forget(self, *key: str) -> None:
        with self._lock:
            self._answers.pop(key, None)

    def _work(self, question: Callable[[], Any], key: tuple[str, ...]) -> None:
        answer = question()
        with self._lock:
            self._answers[key] = [answer]
        self._wake()


def now() -> str:
    """As Kubernetes writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(kind: str, status: bool | None, reason: str = "", message: str = "", **more: Any) -> Object:
    word = "Unknown" if status is None else str(status)
    return {"type": kind, "status": word, "reason": reason, "message": message, **more}
