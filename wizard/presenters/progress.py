"""The figures of the push and of the packages, as pictures and words need them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wizard.presenters import states
from wizard.presenters.pictures import Transfer, transfer
from wizard.texts import render


@dataclass(frozen=True)
class Lane:
    name: str
    sent: int
    size: int
    percent: int


@dataclass(frozen=True)
class Push:
    total: int
    sent: int
    present: int
    mounted: int
    images_done: int
    images_total: int
    rate: float
    eta_low: float | None
    eta_high: float | None
    stalled: str
    percent: float
    lanes: tuple[Lane, ...]
    picture: Transfer | None

    @property
    def there(self) -> int:
        """Unique bytes in the registry by now; what is mounted into further repositories is not counted again."""
        return min(self.sent + self.present, self.total)


@dataclass(frozen=True)
class PackageView:
    name: str
    message: str
    shown: states.Shown


@dataclass(frozen=True)
class Wave:
    """Packages that reconcile side by side."""

    number: int
    packages: tuple[PackageView, ...]

    @property
    def done(self) -> int:
        return sum(package.shown.tone == "good" for package in self.packages)

    @property
    def tone(self) -> str:
        """Of the group: what went wrong first, done only when all are."""
        tones = {package.shown.tone for package in self.packages}
        if "bad" in tones:
            return "bad"
        return "good" if tones == {"good"} else "idle" if tones == {"idle"} else "busy"


@dataclass(frozen=True)
class Pod:
    name: str
    phase: str
    ready: str
    well: bool


@dataclass(frozen=True)
class Packages:
    waves: tuple[Wave, ...]
    pods: tuple[Pod, ...]
    pods_running: int
    pods_total: int
    done: int
    total: int

    @property
    def unwell(self) -> tuple[Pod, ...]:
        """Pods that do not run yet, or not well."""
        return tuple(pod for pod in self.pods if not pod.well)


def push(progress: Mapping[str, Any], *, running: bool) -> Push:
    total = int(progress.get("bytes_total") or 0)
    sent, present = int(progress.get("bytes_sent") or 0), int(progress.get("bytes_present") or 0)
    share = progress.get("share")
    rest = (progress.get("eta_low"), progress.get("eta_high")) if running else (None, None)
    return Push(
        total=total,
        sent=sent,
        present=present,
        mounted=int(progress.get("bytes_mounted") or 0),
        images_done=int(progress.get("images_done") or 0),
        images_total=int(progress.get("images_total") or 0),
        rate=float(progress.get("rate") or 0),
        eta_low=progress.get("eta_low"),
        eta_high=progress.get("eta_high"),
        stalled=render(progress.get("stalled")),
        percent=round(100 * float(share if share is not None else (sent + present) / max(total, 1)), 1),
        lanes=tuple(_lane(lane) for lane in progress.get("lanes") or []),
        picture=transfer(progress.get("series") or (), total, rest),
    )


def _lane(lane: Mapping[str, Any]) -> Lane:
    sent, size = int(lane.get("sent") or 0), int(lane.get("size") or 0)
    name = str(lane.get("repository", "")).rpartition("/")[2]
    digest = str(lane.get("digest", "")).removeprefix("sha256:")[:12]
    return Lane(f"{name} {digest}".strip(), sent, size, round(100 * sent / max(size, 1)))


TONE = {"succeeded": "succeeded", "failed": "failed", "reconciling": "running"}


def packages(progress: Mapping[str, Any]) -> Packages:
    found = progress.get("packages") or []
    numbers = sorted({int(each.get("wave") or 0) for each in found})
    pods = tuple(_pod(pod) for pod in progress.get("pods") or [])
    return Packages(
        waves=tuple(
            Wave(number, tuple(_package(each) for each in found if int(each.get("wave") or 0) == number))
            for number in numbers
        ),
        pods=pods,
        pods_running=int(progress.get("pods_running") or 0),
        pods_total=int(progress.get("pods_total") or 0),
        done=sum(each.get("state") == "succeeded" for each in found),
        total=len(found),
    )


def _package(each: Mapping[str, Any]) -> PackageView:
    state = TONE.get(str(each.get("state")), "waiting")
    message = each.get("message")
    words = render(message) if isinstance(message, Mapping) else str(message or "")
    return PackageView(str(each.get("name", "")), words, states.STAGE[state])


#: Of a pod that is as it should be.


def _pod(pod: Mapping[str, Any]) -> Pod:
    phase = str(pod.get("phase", ""))
    ready = str(pod.get("ready", ""))
    there, _slash, expected = ready.partition("/")
    well = phase == "Completed" or (phase == "Running" and there == expected)
    return Pod(str(pod.get("name", "")), phase, ready, well)
