"""Every image of the bundle into the registry; what is there already is not sent again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.conf import settings

from installer_tasks.answer_keys import VENDOR
from installer_tasks.local import shell
from installer_tasks.runs.stages.base import Context, Progress, Reporter
from installer_tasks.runs.stages.systems import bundle_of, reference_of, registry_of
from installer_tasks.systems.registry.push import push
from installer_tasks.systems.registry.vendor import VendorPush, push_by_vendor
from installer_tasks.systems.registry.verify import verify
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.systems.registry.progress import PushProgress


class PushImages:
    slug = "push-images"
    title = _("Push the images")
    doing = _("Pushing the images to the registry")
    systems: tuple[str, ...] = ("bundle", "registry")
    shows = Progress.PUSH
    reads: tuple[str, ...] = (
        "bundle.path",
        "bundle.release",
        "bundle.engine",
        "registry.project",
        "registry.username",
        "registry.password",
        "registry.ca",
    )

    def is_done(self, context: Context) -> bool:
        """The repository's own tag goes up last; only when it is there is everything else worth asking for."""
        bundle, target, client = bundle_of(context), reference_of(context), registry_of(context)
        repository = target.repository(context.plan.known.repository_path)
        if client.head_manifest(repository, bundle.version) != bundle.root_digest:
            return False
        return verify(bundle, target, client, cancelled=context.cancelled).is_complete

    def run(self, context: Context) -> None:
        bundle = bundle_of(context)
        context.report.event(
            "push.started", images=bundle.image_count, size=size(bundle.total_bytes), target=str(reference_of(context))
        )
        if context.plan["bundle.engine"] == VENDOR:
            _by_vendor(context)
        else:
            _by_ourselves(context)


def _by_ourselves(context: Context) -> None:
    result = push(
        bundle_of(context),
        reference_of(context),
        registry_of(context),
        on_progress=_shows(context.report),
        cancelled=context.cancelled,
    )
    context.report.event(
        "push.done",
        level="success",
        images=result.images,
        sent=size(result.bytes_sent),
        present=size(result.bytes_present),
        seconds=round(result.seconds),
    )


def _by_vendor(context: Context) -> None:
    plan, began = context.plan, time.monotonic()
    given = VendorPush(
        bundle_of(context),
        reference_of(context),
        plan["registry.username"],
        plan["registry.password"],
        plan["registry.ca"],
        context.folder,
        plan.program_sha256,
        (settings.STATE_DIR, settings.KEYRING_FILE),
    )
    context.report.event("push.vendor", program=given.program.name)
    _tell_protection(context.report)
    last = push_by_vendor(
        given,
        registry_of(context),
        on_line=lambda line: context.report.event("push.vendor-says", text=line),
        on_progress=_shows(context.report),
        cancelled=context.cancelled,
    )
    context.report.event(
        "push.done",
        level="success",
        images=last.images_total,
        sent=size(last.sent),
        present=size(last.present),
        seconds=round(time.monotonic() - began),
    )


def _tell_protection(report: Reporter) -> None:
    if version := shell.protection():
        report.event("push.vendor-confined", version=version)
    else:
        report.event("push.vendor-not-confined", level="warning")


class Series:
    """Bytes in the registry over time, for a picture: at most MOST points, evenly thinned as it grows."""

    MOST = 96

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._apart = 0.0  #: seconds
        self.points: list[tuple[float, int]] = []

    def add(self, count: int) -> None:
        at = round(self._clock() - self._began, 2)
        if self.points and at - self.points[-1][0] < self._apart:
            return
        self.points.append((at, count))
        if len(self.points) > self.MOST:
            self.points = self.points[::2]
            self._apart = 2 * (self.points[-1][0] - self.points[0][0]) / self.MOST


def _shows(report: Reporter) -> Callable[[PushProgress], None]:
    """Figures for the page, and a line in the journal each time the push begins to stand still."""
    stalled: list[str] = [""]
    series = Series()

    def show(progress: PushProgress) -> None:
        series.add(progress.sent + progress.present + progress.in_flight)
        report.progress({**figures(progress), "series": series.points})
        if progress.stalled is not None and not stalled[0]:
            report.event("push.stalled", level="warning", cause=progress.stalled)
        stalled[0] = str(progress.stalled or "")

    return show


def figures(progress: PushProgress) -> dict[str, Any]:
    """As the page wants them."""
    return {
        "bytes_total": progress.total_bytes,
        "bytes_sent": progress.sent,
        "bytes_present": progress.present,
        "bytes_mounted": progress.mounted,
        "bytes_in_flight": progress.in_flight,
        "images_done": progress.images_done,
        "images_total": progress.images_total,
        "rate": progress.rate,
        "lanes": [vars(lane) for lane in progress.lanes],
        "eta_low": progress.eta_low,
        "eta_high": progress.eta_high,
        "stalled": progress.stalled.as_json() if progress.stalled else None,
        "share": progress.share,
        "state": progress.state,
    }


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"
