"""The push engine: everything of a bundle into a registry, nothing twice.

Phases: ask for images; ask for, mount or send blobs, putting each manifest as soon as all it names is there; put the
tags that promise a whole; confirm every tag that was put. Small requests run in a control lane of many threads, bodies
in a lane of few, so that neither waits for the other. The calling thread looks after cancelling and progress.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from installer_tasks.errors import Cancelled, InstallerError
from installer_tasks.systems.registry.client import RegistryClient
from installer_tasks.systems.registry.errors import WrongDigest
from installer_tasks.systems.registry.graph import Graph, Node
from installer_tasks.systems.registry.plan import PlannedImage, PushPlan, Source, make_plan
from installer_tasks.systems.registry.priority_pool import PriorityPool
from installer_tasks.systems.registry.progress import Counters, PushProgress
from installer_tasks.systems.registry.reference import Reference
from installer_tasks.systems.registry.retry_policy import DELAYS, RetryPolicy
from installer_tasks.systems.registry.state import ResumeFile
from installer_tasks.systems.registry.transfer import Transfer, Work
from installer_tasks.systems.registry.transport import is_loopback
from installer_tasks.systems.registry.upload import ChunkSize
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: threads for questions and for bodies: on this machine, elsewhere, and where each answer takes long
NEAR, FAR, SLOW = (6, 4), (16, 6), (24, 6)
SLOW_SECONDS = 0.005  #: for one question
POLL_SECONDS = 0.1  #: between looks at cancelling
PROGRESS_SECONDS = 0.25
STOP_SECONDS = 2.0  #: for threads to end, and for giving up open uploads


@dataclass(frozen=True)
class PushOptions:
    """How a push behaves; the defaults are measured."""

    control_threads: int | None = None  #: None: by distance to the registry
    body_threads: int | None = None  #: the same
    chunk_size: int | None = None  #: None: whole blobs, until something in between refuses them
    delays: tuple[float, ...] = DELAYS
    resume_file: Path | None = None  #: see state.py; a push resumes without it too


@dataclass(frozen=True)
class PushResult:
    """What a push has done."""

    images: int
    images_present: int  #: complete before, under all their tags
    bytes_sent: int
    bytes_present: int
    bytes_mounted: int
    blobs_sent: int
    blobs_present: int
    blobs_mounted: int
    seconds: float


def push(
    source: Source,
    target: Reference,
    client: RegistryClient,
    *,
    on_progress: Callable[[PushProgress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    options: PushOptions | None = None,
) -> PushResult:
    """Push a release, an archive or several below `target`.

    `on_progress` gets at most four looks a second and always the last one; `cancelled` is asked ten times a second and
    may raise. Both are called in the calling thread. Raises Incomplete before the first byte, Cancelled, or what went
    wrong. A push that was interrupted is resumed by calling this again.
    """
    plan = make_plan(source, target)
    return _Engine(plan, client, options or PushOptions(), on_progress, cancelled).run()


class _Engine:
    def __init__(
        self,
        plan: PushPlan,
        client: RegistryClient,
        options: PushOptions,
        on_progress: Callable[[PushProgress], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._plan = plan
        self._client = client
        self._on_progress = on_progress
        self._cancelled = cancelled
        self._known_tags: set[tuple[str, str]] = set()  #: (repository, tag) that the registry has as planned
        self._images_present = 0
        self._shown_at = 0.0
        self._counters = Counters(client.host, plan.total_bytes, len(plan.images))
        control, bodies = _threads(client, options)
        lanes = PriorityPool(control, bodies)
        patience = RetryPolicy(lanes.stopped, self._counters.problem, options.delays)
        self._resume = ResumeFile(options.resume_file, client.host, plan) if options.resume_file else None
        self._work = Work(
            client, Graph(plan), self._counters, lanes, patience, ChunkSize(options.chunk_size), self._resume
        )
        self._transfer = Transfer(self._work, bodies)

    def run(self) -> PushResult:
        begun = time.monotonic()
        with self._resume or nullcontext():
            self._work.lanes.start()
            try:
                self._phases()
            except BaseException:
                self._give_up()
                raise
            self._work.lanes.stop()
            self._work.lanes.join(STOP_SECONDS)
        self._counters.state = "done"
        self._show()
        return self._result(time.monotonic() - begun)

    def _phases(self) -> None:
        self._show()
        self._for_each(self._plan.images, self._look)
        self._believe()
        self._work.graph.count_waits()
        self._counters.state = "sending"
        self._transfer.begin()
        self._wait()
        self._counters.state = "finishing"
        self._for_each(self._plan.images, self._put_tags)
        self._for_each(self._plan.images, self._confirm)

    def _for_each(self, images: tuple[PlannedImage, ...], action: Callable[[PlannedImage], None]) -> None:
        for image in images:
            self._work.lanes.submit("control", (image.window,), partial(action, image))
        self._wait()

    def _wait(self) -> None:
        """Until all tasks are done: look after cancelling and progress."""
        while not self._work.lanes.wait(POLL_SECONDS):
            if self._cancelled is not None and self._cancelled():
                raise Cancelled
            if time.monotonic() - self._shown_at >= PROGRESS_SECONDS:
                self._show()

    def _show(self) -> None:
        self._shown_at = time.monotonic()
        if self._on_progress is not None:
            self._on_progress(self._counters.snapshot())

    def _look(self, image: PlannedImage) -> None:
        """Ask for the image under its tags; one tag with its digest proves that all of it is there."""
        known = {tag for tag in image.tags if self._digest(image.repository, tag) == image.digest}
        node = self._work.graph.node_of(image)
        present = bool(known) or (not image.own_tags and self._has(node))
        with self._work.lock:
            self._known_tags.update((image.repository, tag) for tag in known)
        if not present:
            self._look_below(node)
            return
        self._mark_present(node)
        if len(known) == len(image.tags):
            with self._work.lock:
                self._images_present += 1
            self._counters.image_done(image)

    def _look_below(self, node: Node) -> None:
        """An index that is absent may have children that are there."""
        for child in node.children:
            if self._has(child):
                self._mark_present(child)
            else:
                self._look_below(child)

    def _believe(self) -> None:
        """What an earlier attempt has settled needs no question; a refused manifest would tell of a change."""
        for key in self._resume.known if self._resume else ():
            pair = self._work.graph.pairs.get(key)
            if pair is not None and not pair.settled:
                self._work.settle(pair, "present")

    def _mark_present(self, node: Node) -> None:
        with self._work.lock:
            for pair in self._work.graph.mark_present(node):
                self._counters.settled("present", pair.blob.size, first=not pair.content.counted)
                pair.content.counted = True

    def _has(self, node: Node) -> bool:
        return self._digest(node.repository, node.manifest.digest) == node.manifest.digest

    def _digest(self, repository: str, reference: str) -> str | None:
        digest = self._work.patience.attempt(lambda: self._client.head_manifest(repository, reference))
        self._counters.alive()
        return digest

    def _put_tags(self, image: PlannedImage) -> None:
        """Put the tags that are not there yet: all content of the push is in place now."""
        with self._work.lock:
            done = self._known_tags | self._work.put_tags
        missing = [tag for tag in image.tags if (image.repository, tag) not in done]
        manifest = self._plan.manifests[image.digest]
        for tag in missing:
            self._work.patience.attempt(
                partial(self._client.put_manifest, image.repository, tag, manifest.raw, manifest.media_type)
            )
            self._counters.alive()
            with self._work.lock:
                self._work.put_tags.add((image.repository, tag))
        self._counters.image_done(image)

    def _confirm(self, image: PlannedImage) -> None:
        """Every tag that this push has put must now be there with its digest."""
        for tag in image.tags:
            if (image.repository, tag) in self._work.put_tags:
                found = self._digest(image.repository, tag)
                if found != image.digest:
                    raise _not_kept(f"{image.repository}:{tag}", image.digest, found)

    def _give_up(self) -> None:
        """Stop all lanes at once, also those stuck in sending, and close what is open at the registry."""
        self._work.lanes.stop()
        self._client.abort()
        self._work.lanes.join(STOP_SECONDS)
        self._client.revive()
        deadline = time.monotonic() + STOP_SECONDS
        for upload in self._transfer.open_uploads():
            if time.monotonic() > deadline:
                break
            with suppress(InstallerError):
                self._client.cancel_upload(upload)

    def _result(self, seconds: float) -> PushResult:
        counters = self._counters
        return PushResult(
            images=len(self._plan.images),
            images_present=self._images_present,
            bytes_sent=counters.sent,
            bytes_present=counters.present,
            bytes_mounted=counters.mounted,
            blobs_sent=counters.blobs_sent,
            blobs_present=counters.blobs_present,
            blobs_mounted=counters.blobs_mounted,
            seconds=seconds,
        )


def _threads(client: RegistryClient, options: PushOptions) -> tuple[int, int]:
    """More at once where each request takes long; the question also proves that somebody is there."""
    slow = client.ping() > SLOW_SECONDS
    control, bodies = SLOW if slow else NEAR if is_loopback(client.host) else FAR
    return options.control_threads or control, options.body_threads or bodies


def _not_kept(name: str, expected: str, found: str | None) -> WrongDigest:
    template = _("The registry confirmed %(name)s as %(expected)s, but now returns %(found)s.")
    return WrongDigest(text(template, name=name, expected=expected, found=found or "-"), value=name)
