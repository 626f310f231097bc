"""The journal of a run: the only writer of events, and of what a stage shows while it works.

Events get a gapless `seq` and a hash over the one before, so that a missing or changed row shows. Everything is
redacted here, once. Threads only put into memory; one writer brings it to the database, at most four times a second
and at most thirty events a second while a stage is at work, all of it at a stage's end. Each write is one transaction
that begins by claiming the run's row with the lease token, and ends by ringing the installation's doorbell.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import F
from django.utils import timezone

from installer_tasks.errors import LeaseLost
from installer_tasks.local.redaction import Redactor
from installer_tasks.models import Event, Installation, Run, StageRun
from installer_tasks.runs.lease import LeaseRenewer
from installer_tasks.text import Text

log = logging.getLogger(__name__)

TICK = 0.25
LIVE_BATCH = 7  #: with TICK: 28 events a second
#: So much waits in memory at most; what is there after a crash is lost.
BACKLOG = 300
LONGEST_TEXT = 8000
#: Figures that only grow while work gets done; when one does, the worker is not dying in vain.
ADVANCE = ("bytes_sent", "bytes_present", "bytes_mounted", "images_done", "pods_running")


@dataclass(frozen=True)
class _Line:
    """An event that has no number yet."""

    at: datetime
    stage: str
    level: str
    code: str
    params: dict[str, Any]
    text: str


@dataclass
class _StageSnapshot:
    """What a stage shows now and is not written yet."""

    fields: dict[str, Any] = field(default_factory=dict)


class Journal:
    """Writes one run's events and its stages' figures, from now until `close`."""

    def __init__(self, keeper: LeaseRenewer, installation_id: int, redactor: Redactor) -> None:
        self._keeper = keeper
        self._installation_id = installation_id
        self._redactor = redactor
        self._lines: list[_Line] = []
        self._boards: dict[str, _StageSnapshot] = {}
        self._waiting: dict[str, str] = {}
        self._advanced: set[str] = set()
        self._memory = threading.Lock()
        self._writing = threading.Lock()
        self._closed = threading.Event()
        self._seq, self._hash = _last(keeper.lease.run_id)
        self._thread = threading.Thread(target=self._tick, name=f"journal-{keeper.lease.run_id}", daemon=True)

    def __enter__(self) -> Journal:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def event(self, stage: str, code: str, level: str = "info", text: str = "", **params: Any) -> None:
        """One line, from any thread; what comes after the end of the run is dropped."""
        clean = self._redactor.clean_data(_plain(params))
        line = _Line(timezone.now(), stage, level, code, clean, self._redactor.clean(_text(text))[:LONGEST_TEXT])
        with self._memory:
            if not self._closed.is_set():
                self._lines.append(line)

    def progress(self, stage: str, progress: Mapping[str, Any]) -> None:
        """The stage's figures; the last ones of a tick are written."""
        self._show(stage, progress=self._redactor.clean_data(_plain(dict(progress))))

    def waiting_for(self, stage: str, what: Text | None) -> None:
        """What it waits for; `since` stays while only the figures in the sentence change."""
        shown: dict[str, Any] = {"waiting_for": self._redactor.clean_data(_plain(what.as_json())) if what else None}
        template = what.template if what else ""
        with self._memory:
            if self._waiting.get(stage, "") != template:
                shown["waiting_since"] = timezone.now() if what else None
            self._waiting[stage] = template
        self._show(stage, **shown)

    def diagnosis(self, stage: str, found: Mapping[str, Any] | None) -> None:
        """Why it failed or stands still; the facts stand apart, pages do not read them."""
        kept = self._redactor.clean_data(_plain(found)) if found else {}
        shown = {key: value for key, value in kept.items() if key != "facts"}
        self._show(stage, diagnosis=shown or None, facts=kept.get("facts"))

    def reporter(self, stage: str) -> StageReporter:
        return StageReporter(self, stage)

    def flush(self) -> None:
        """Write all that is in memory. LeaseLost when the run is another's now."""
        self._keeper.retry_db(lambda: self._write_some(len(self._lines)))

    def _show(self, stage: str, **fields: Any) -> None:
        with self._memory:
            self._boards.setdefault(stage, _StageSnapshot()).fields.update(fields)

    def _tick(self) -> None:
        try:
            while not self._closed.wait(TICK):
                self._write_live()
        finally:
            connections.close_all()

    def _write_live(self) -> None:
        try:
            self._write_some(LIVE_BATCH if len(self._lines) < BACKLOG else len(self._lines))
        except LeaseLost:
            self._keeper.lose()
        except (OperationalError, InterfaceError):  # stays in memory until the database is back
            log.warning("the journal cannot be written now", exc_info=True)
            connections.close_all()

    def _write_some(self, count: int) -> None:
        with self._writing:
            with self._memory:
                lines, boards, self._boards = self._lines[:count], self._boards, {}
            if not lines and not boards:
                return
            try:
                self._write(lines, boards)
            except BaseException:
                self._put_back(boards)
                raise
            with self._memory:
                del self._lines[: len(lines)]

    def _put_back(self, boards: dict[str, _StageSnapshot]) -> None:
        with self._memory:
            for stage, board in boards.items():
                newer = self._boards.get(stage, _StageSnapshot()).fields
                self._boards[stage] = _StageSnapshot({**board.fields, **newer})

    def _write(self, lines: list[_Line], boards: dict[str, _StageSnapshot]) -> None:
        events, last_hash = self._numbered(lines)
        with transaction.atomic():
            # First of all, and it locks the row: who takes the lease meanwhile waits until these lines stand.
            if self._keeper.lease.run.update(last_seq=F("last_seq") + len(events)) != 1:
                raise LeaseLost
            Event.objects.bulk_create(events)
            for stage, board in boards.items():
                self._write_board(stage, board)
            Installation.objects.filter(pk=self._installation_id).update(
                revision=F("revision") + 1, changed_at=timezone.now()
            )
        self._seq, self._hash = self._seq + len(events), last_hash

    def _write_board(self, stage: str, board: _StageSnapshot) -> None:
        lease = self._keeper.lease
        rows = StageRun.objects.filter(run_id=lease.run_id, slug=stage, run__lease_token=lease.token)
        if self._advances(stage, board.fields.get("progress"), rows.values_list("progress", flat=True).first()):
            lease.run.update(deliveries=1)
        rows.update(**board.fields)

    def _advances(self, stage: str, progress: Mapping[str, Any] | None, before: Mapping[str, Any] | None) -> bool:
        """More is done than any worker before had got done: once a stage, that is enough to know."""
        if progress is None or stage in self._advanced or measure(progress) <= measure(before or {}):
            return False
        self._advanced.add(stage)
        return True

    def _numbered(self, lines: list[_Line]) -> tuple[list[Event], str]:
        events, previous = [], self._hash
        for seq, line in enumerate(lines, self._seq + 1):
            event = Event(run_id=self._keeper.lease.run_id, seq=seq, **vars(line))
            event.hash = previous = chained(previous, event)
            events.append(event)
        return events, previous


class StageReporter:
    """How one stage tells what it does; see stages/base.py Reporter."""

    def __init__(self, journal: Journal, stage: str) -> None:
        self._journal = journal
        self._stage = stage

    def event(self, code: str, *, level: str = "info", text: str = "", **params: Any) -> None:
        self._journal.event(self._stage, code, level, text, **params)

    def progress(self, progress: dict[str, Any]) -> None:
        self._journal.progress(self._stage, progress)

    def waiting_for(self, what: Text | None) -> None:
        self._journal.waiting_for(self._stage, what)

    def diagnosis(self, found: dict[str, Any] | None) -> None:
        self._journal.diagnosis(self._stage, found)


def measure(progress: Mapping[str, Any]) -> int:
    """How much is done, as one number that grows."""
    return sum(int(progress.get(key) or 0) for key in ADVANCE)


@dataclass(frozen=True)
class Verified:
    """What a reading of a whole journal found. `seal` is the last link of its chain, or empty."""

    first_broken: int | None
    seal: str


def verify_chain(run: Run) -> int | None:
    """The first `seq` that is missing, changed or moved; None when the journal is whole."""
    return verified([run])[run.pk].first_broken


def verified(runs: Iterable[Run]) -> dict[int, Verified]:
    """The journals of these runs, by the runs' numbers, in two queries."""
    last_seq = dict(Run.objects.filter(pk__in=[run.pk for run in runs]).values_list("pk", "last_seq"))
    found = {pk: Verified(1 if last else None, "") for pk, last in last_seq.items()}
    events = Event.objects.filter(run__in=last_seq).order_by("run", "seq").iterator(chunk_size=1000)
    for pk, own in groupby(events, key=lambda event: event.run_id):
        found[pk] = _verified(pk, own, last_seq[pk])
    return found


def _verified(run_id: int, events: Iterable[Event], last_seq: int) -> Verified:
    previous, expected, broken = _origin(run_id), 1, 0
    for event in events:
        if not broken and (event.seq != expected or event.hash != chained(previous, event)):
            broken = expected
        previous, expected = event.hash, expected + 1
    missing = expected if last_seq >= expected else None
    return Verified(broken or missing, previous)


def chained(previous: str, event: Event) -> str:
    """The hash of this event after that one."""
    content = [
        event.seq,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.stage,
        event.level,
        event.code,
        event.params,
        event.text,
    ]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(f"{previous}\n{canonical}".encode()).hexdigest()


def _origin(run_id: int) -> str:
    """What the first event is chained to: a journal cannot be passed off as another run's."""
    return hashlib.sha256(f"run {run_id}".encode()).hexdigest()


def _last(run_id: int) -> tuple[int, str]:
    last = Event.objects.filter(run_id=run_id).order_by("-seq").values_list("seq", "hash").first()
    return last or (0, _origin(run_id))


def _plain(data: Any) -> Any:
    """As JSON of any database gives it back unchanged: no NUL, no broken characters, no odd numbers."""
    if isinstance(data, Text):
        return _plain(data.as_json())
    if isinstance(data, Mapping):
        return {_text(str(key)): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple | set | frozenset):
        return [_plain(value) for value in data]
    if isinstance(data, bool | int) or data is None:
        return data
    if isinstance(data, float):
        return round(data, 4) + 0.0 if math.isfinite(data) and abs(data) < 1e12 else str(data)
    return _text(str(data))


def _text(data: str) -> str:
    return data.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
