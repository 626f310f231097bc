"""Moving blobs and manifests: ask, mount, open, send; each manifest as soon as all that it names is there."""

from __future__ import annotations

import heapq
import itertools
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from installer_tasks.errors import Missing
from installer_tasks.systems.bundle.model import BlobReader
from installer_tasks.systems.registry.client import RegistryClient, Upload
from installer_tasks.systems.registry.errors import BadName, MissingOnPut, ReadOnly, StorageFailed, UnexpectedAnswer
from installer_tasks.systems.registry.graph import BlobPlacement, Graph, Node
from installer_tasks.systems.registry.priority_pool import PriorityPool
from installer_tasks.systems.registry.progress import Counters
from installer_tasks.systems.registry.retry_policy import RetryPolicy
from installer_tasks.systems.registry.state import ResumeFile
from installer_tasks.systems.registry.upload import BlobBody, BlobUpload, ChunkSize

# urgency of control tasks, before their window: what ends an image or feeds a body lane comes first
PUT, OPEN, CHECK = -2, -1, 0
How = Literal["sent", "present", "mounted"]


@dataclass
class Work:
    """What all parts of one push share. `lock` guards the graph; requests are made without it."""

    client: RegistryClient
    graph: Graph
    counters: Counters
    lanes: PriorityPool
    patience: RetryPolicy
    chunks: ChunkSize
    resume: ResumeFile | None = None
    put_tags: set[tuple[str, str]] = field(default_factory=set)  #: (repository, tag) put by this push
    lock: threading.Lock = field(default_factory=threading.Lock)

    def settle(self, pair: BlobPlacement, how: How) -> list[Node]:
        """The blob is in the repository; the manifests that now wait for nothing. Call with the lock held."""
        content = pair.content
        content.holders.add(pair.repository)
        pair.settled = True
        if self.resume is not None:
            self.resume.settled(pair.repository, pair.blob.digest)
        self.counters.settled(how, pair.blob.size, first=not content.counted)
        content.counted = True
        for node in pair.nodes:
            node.waits_for -= 1
        return [node for node in pair.nodes if node.waits_for == 0 and not node.present]


class Transfer:
    """The middle of a push. `begin` submits the first tasks; they submit the others."""

    def __init__(self, work: Work, bodies: int) -> None:
        self._work = work
        self._client = work.client
        self._ahead_limit = 2 * bodies
        self._ahead = 0  #: uploads opened or being opened that no body lane has taken yet
        self._to_open: list[tuple[tuple[int, int], int, BlobPlacement]] = []
        self._order = itertools.count()
        self._open: set[Upload] = set()
        self._mounts = True

    def begin(self) -> None:
        graph = self._work.graph
        ready = [node for node in graph.nodes.values() if not node.present and node.waits_for == 0]
        for node in ready:
            self._submit_put(node)
        for pair in [pair for pair in graph.pairs.values() if not pair.settled]:
            self._submit_check(pair)

    def open_uploads(self) -> set[Upload]:
        """Uploads that were opened and neither finished nor failed."""
        with self._work.lock:
            return set(self._open)

    def _submit_check(self, pair: BlobPlacement) -> None:
        self._work.lanes.submit("control", (CHECK, *pair.urgency), partial(self._check, pair))

    def _submit_put(self, node: Node) -> None:
        self._work.lanes.submit("control", (PUT, node.window), partial(self._put, node))

    def _check(self, pair: BlobPlacement) -> None:
        """Mount the blob if another repository has it; else ask, unless another repository is just getting it."""
        with self._work.lock:
            content = pair.content
            if pair.settled:
                return
            holder = next(iter(content.holders - {pair.repository}), None) if self._mounts else None
            if holder is None and self._mounts:
                if content.leader not in (None, pair):
                    content.waiting.append(pair)
                    return
                content.leader = pair
        upload = self._mounted(pair, holder) if holder else None
        if upload is _DONE:
            self._settle(pair, "mounted")
        elif self._work.patience.attempt(lambda: self._client.head_blob(pair.repository, pair.blob.digest)):
            self._settle(pair, "present")
        else:
            self._want_body(pair, upload)

    def _mounted(self, pair: BlobPlacement, holder: str) -> Upload | None:
        """_DONE when the registry has mounted the blob; else the upload it opened instead, if it did."""
        upload = self._work.patience.attempt(lambda: _mount(self._client, pair, holder))
        if upload is None:
            self._mounts = False
        return upload

    def _want_body(self, pair: BlobPlacement, upload: Upload | None) -> None:
        """The blob must be sent: into `upload`, or into one that is opened when a lane will soon be free."""
        if upload is not None:
            with self._work.lock:
                self._ahead += 1
            self._submit_body(pair, upload)
            return
        with self._work.lock:
            heapq.heappush(self._to_open, (pair.urgency, next(self._order), pair))
        self._refill()

    def _refill(self) -> None:
        while True:
            with self._work.lock:
                if not self._to_open or self._ahead >= self._ahead_limit:
                    return
                self._ahead += 1
                pair = heapq.heappop(self._to_open)[2]
            self._work.lanes.submit("control", (OPEN, *pair.urgency), partial(self._open_upload, pair))

    def _open_upload(self, pair: BlobPlacement) -> None:
        upload = self._work.patience.attempt(lambda: self._client.open_upload(pair.repository))
        self._work.counters.alive()
        self._submit_body(pair, upload)

    def _submit_body(self, pair: BlobPlacement, upload: Upload) -> None:
        with self._work.lock:
            self._open.add(upload)
        self._work.lanes.submit("body", pair.urgency, partial(self._send, pair, upload))

    def _send(self, pair: BlobPlacement, upload: Upload) -> None:
        with self._work.lock:
            self._ahead -= 1
        self._refill()
        self._work.counters.begin_body(pair.blob.digest, pair.repository, pair.blob.size)
        try:
            with BlobReader(pair.blob.source) as reader:
                body = BlobBody(reader, pair.blob, self._work.counters.bytes_sent, self._work.lanes.stopped)
                self._send_patiently(pair, upload, BlobUpload(self._client, pair.blob, body, self._work.chunks))
        finally:
            self._work.counters.end_body()
        with self._work.lock:
            self._open.discard(upload)
        self._settle(pair, "sent")

    def _send_patiently(self, pair: BlobPlacement, upload: Upload, sending: BlobUpload) -> None:
        """All attempts. A lost answer may have followed a success: look before sending again."""
        opened = [upload]

        def attempt() -> None:
            if not opened:
                self._work.counters.begin_body(pair.blob.digest, pair.repository, pair.blob.size)
                if self._client.head_blob(pair.repository, pair.blob.digest):
                    return
                opened.append(self._client.open_upload(pair.repository))
            sending.send(opened.pop())

        self._work.patience.attempt(attempt)

    def _settle(self, pair: BlobPlacement, how: How) -> None:
        self._work.counters.alive()
        with self._work.lock:
            ready = self._work.settle(pair, how)
            waiting, pair.content.waiting = pair.content.waiting, []
            pair.content.leader = None
        for other in waiting:
            self._submit_check(other)
        for node in ready:
            self._submit_put(node)

    def _put(self, node: Node) -> None:
        """Put the manifest, under its own tags where it has some; then its parents may follow."""
        own = node.image.own_tags if node.image else ()
        try:
            for reference in own or (node.manifest.digest,):
                self._put_as(node, reference)
        except MissingOnPut as error:
            self._repair(node, error)
            return
        self._work.counters.alive()
        with self._work.lock:
            node.present = True
            self._work.put_tags.update((node.repository, tag) for tag in own)
            for parent in node.parents:
                parent.waits_for -= 1
            ready = [parent for parent in node.parents if parent.waits_for == 0 and not parent.present]
        if node.image and not node.image.last_tags:
            self._work.counters.image_done(node.image)
        for parent in ready:
            self._submit_put(parent)

    def _put_as(self, node: Node, reference: str) -> None:
        manifest = node.manifest

        def attempt() -> None:
            try:
                self._client.put_manifest(node.repository, reference, manifest.raw, manifest.media_type)
            except MissingOnPut as error:
                error.retry = False  # the same question gets the same answer; the content must be sent
                raise

        self._work.patience.attempt(attempt)

    def _repair(self, node: Node, error: MissingOnPut) -> None:
        """The registry misses what it has confirmed: check just that again, once, and put the manifest after it."""
        with self._work.lock:
            if node.resent:
                raise error
            node.resent = True
            named = [pair for pair in node.pairs if pair.blob.digest in error.digests]
            lost = named or node.pairs
            for pair in lost:
                pair.settled = False
                pair.content.holders.discard(pair.repository)
                for other in pair.nodes:
                    other.waits_for += 1
            children = [child for child in node.children if child.manifest.digest in error.digests]
            for child in children:
                child.present = False
                for parent in child.parents:
                    parent.waits_for += 1
        for child in children:
            self._submit_put(child)
        for pair in lost:
            self._submit_check(pair)


#: what `_mount` gives for "it is done", beside an upload for "not done" (compared by identity)
_DONE = Upload("", "")


def _mount(client: RegistryClient, pair: BlobPlacement, holder: str) -> Upload | None:
    """_DONE, the upload opened instead, or None: this registry cannot mount, or is ill and will say so when sent to."""
    try:
        return client.mount_blob(pair.repository, pair.blob.digest, holder) or _DONE
    except (UnexpectedAnswer, StorageFailed, ReadOnly, BadName, Missing):
        return None
