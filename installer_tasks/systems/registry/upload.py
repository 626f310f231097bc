"""Sending one blob: whole in one request, or in parts where something in between refuses large bodies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from installer_tasks.errors import Cancelled, InstallerError
from installer_tasks.systems.bundle.errors import COPY_AGAIN
from installer_tasks.systems.bundle.manifests import new_hash
from installer_tasks.systems.bundle.model import BLOCK, Blob, BlobReader
from installer_tasks.systems.registry.client import RegistryClient, Upload
from installer_tasks.systems.registry.errors import BodyTooLarge, ConnectionLost, ProxyTimeout, SourceDamaged
from installer_tasks.text import mark as _
from installer_tasks.text import text

MIB = 1 << 20
CHUNKS = (64 * MIB, 16 * MIB, 4 * MIB, MIB, MIB // 2)
SAME_OFFSET = 2 * BLOCK  #: two breaks so near to each other are a limit, not bad luck


class BlobBody:
    """A window of a blob as a request body: hashed on the way, and never sent to its end when its digest is wrong.

    `on_bytes` is told of each block when the next one is asked for, which is when the connection has taken it.
    """

    def __init__(
        self, reader: BlobReader, blob: Blob, on_bytes: Callable[[int], None], stopped: threading.Event
    ) -> None:
        self._reader = reader
        self._blob = blob
        self._on_bytes = on_bytes
        self._stopped = stopped
        self._hash = new_hash(blob.digest)
        self._hashed = 0  #: bytes from the start that the hash has seen; repeated windows are not hashed again
        self._start = self._end = self.position = self._taken = self._block = 0
        if blob.size == 0:
            self._require_digest()

    def window(self, start: int, size: int) -> BlobBody:
        """Set what is sent next."""
        self._start, self._end = start, start + size
        self.position = self._taken = start
        return self

    def restart(self) -> None:
        """The same window once more."""
        self.position = self._taken = self._start

    @property
    def lies_at(self) -> tuple[int, int] | None:
        """Where the block read last is in a file, so that the kernel can send it from there."""
        return self._reader.place(self.position - self._block)

    def read(self, size: int = -1) -> memoryview:
        if self._stopped.is_set():
            raise Cancelled
        if self.position > self._taken:
            self._on_bytes(self.position - self._taken)
            self._taken = self.position
        length = min(size if size > 0 else BLOCK, self._end - self.position)
        block = self._reader.read_view(self.position, length)
        self._add_to_hash(block)
        self._block = len(block)
        self.position += self._block
        return block

    def _add_to_hash(self, block: memoryview) -> None:
        new = self.position + len(block) - self._hashed
        if new <= 0:
            return
        self._hash.update(block if new == len(block) else block[-new:])
        self._hashed += new
        if self._hashed == self._blob.size:
            self._require_digest()

    def _require_digest(self) -> None:
        found = f"{self._blob.digest.partition(':')[0]}:{self._hash.hexdigest()}"
        if found != self._blob.digest:
            template = _("%(file)s is damaged: the digest of a layer should be %(expected)s, but is %(found)s.")
            cause = text(template, file=self._blob.file or "-", expected=self._blob.digest, found=found)
            raise SourceDamaged(cause, value=self._blob.file, remedy=COPY_AGAIN)


@dataclass
class ChunkSize:
    """How large a body may be, learned once for the whole push. None: as large as the blob."""

    limit: int | None = None
    on_change: Callable[[int], None] | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def lower_than(self, refused: int) -> bool:
        """A body of `refused` bytes did not pass: choose less. False when there is no less."""
        with self._lock:
            if self.limit is not None and self.limit < refused:
                return True  # another thread has learned it meanwhile
            smaller = next((size for size in CHUNKS if size < refused), None)
            if smaller is None:
                return False
            self.limit = smaller
        if self.on_change is not None:
            self.on_change(smaller)
        return True


class BlobUpload:
    """All attempts to get one blob into one repository."""

    def __init__(self, client: RegistryClient, blob: Blob, body: BlobBody, chunks: ChunkSize) -> None:
        self._client = client
        self._blob = blob
        self._body = body
        self._chunks = chunks
        self._broke_at = -1

    def send(self, upload: Upload) -> None:
        """Send into an open upload; a body that is too large for something in between is sent in parts."""
        while True:
            limit = self._chunks.limit
            sending = self._blob.size if limit is None else min(limit, self._blob.size)
            try:
                if sending < self._blob.size:
                    self._in_parts(upload, max(sending, upload.min_chunk))
                else:
                    self._whole(upload)
                return
            except BodyTooLarge:
                if not self._chunks.lower_than(sending):
                    raise
            except (ConnectionLost, ProxyTimeout) as error:
                self._note_break(error, sending)
                raise
            upload = self._client.open_upload(upload.repository)

    def _whole(self, upload: Upload) -> None:
        size = self._blob.size
        body = self._body.window(0, size) if size else b""
        self._client.put_upload(upload, self._blob.digest, body, size)

    def _in_parts(self, upload: Upload, part: int) -> None:
        start = 0
        while start < self._blob.size:
            size = min(part, self._blob.size - start)
            try:
                upload = self._client.patch_upload(upload, self._body.window(start, size), start, size)
                start += size
            except ConnectionLost as error:
                start = self._continued_at(upload, start, error)
        self._client.put_upload(upload, self._blob.digest)

    def _continued_at(self, upload: Upload, start: int, error: ConnectionLost) -> int:
        """Where a broken upload can go on; raises what broke it when it cannot, or has gained nothing."""
        try:
            held = self._client.upload_offset(upload)
        except InstallerError:
            held = None
        if held is None or not start < held <= self._body.position:
            raise error
        return held

    def _note_break(self, error: InstallerError, sending: int) -> None:
        """Two breaks at one offset, or two time-outs of a proxy, mean a limit in between: smaller bodies may pass."""
        position = 0 if isinstance(error, ProxyTimeout) else self._body.position
        if self._broke_at >= 0 and abs(position - self._broke_at) <= SAME_OFFSET and sending > MIB:
            self._chunks.lower_than(sending)
            self._broke_at = -1
        else:
            self._broke_at = position
