"""Proves by digest that a registry holds everything of a bundle, without sending anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from installer_tasks.errors import Cancelled
from installer_tasks.systems.registry.client import RegistryClient
from installer_tasks.systems.registry.plan import PlannedImage, Source, make_plan
from installer_tasks.systems.registry.reference import Reference
from installer_tasks.systems.registry.retry_policy import RetryPolicy

QUESTIONS_AT_ONCE = 16
POLL_SECONDS = 0.1  #: between looks at cancelling


@dataclass(frozen=True)
class MissingItem:
    """Something of the bundle that the registry does not hold as it should."""

    kind: Literal["tag", "manifest", "blob"]
    repository: str
    reference: str  #: tag or digest
    found: str = ""  #: another digest under the tag


@dataclass(frozen=True)
class VerifyResult:
    """What asking for everything has shown."""

    images: int
    blobs: int
    missing: tuple[MissingItem, ...]

    @property
    def is_complete(self) -> bool:
        return not self.missing


Question = Callable[[], MissingItem | None]


def verify(
    source: Source,
    target: Reference,
    client: RegistryClient,
    *,
    cancelled: Callable[[], bool] | None = None,
) -> VerifyResult:
    """Ask for every tag, manifest and blob of `source` below `target`; each blob once in each repository."""
    plan = make_plan(source, target)
    questions: dict[tuple[str, str], Question] = {}
    for image in plan.images:
        questions.update(_tag_questions(client, image))
        for manifest in plan.manifests_below(image.digest):
            key = (image.repository, manifest.digest)
            questions[key] = _manifest_question(client, *key)
        for digest in plan.blobs_of(image.digest):
            questions[image.repository, digest] = _blob_question(client, image.repository, digest)
    missing = _answers(list(questions.values()), cancelled)
    return VerifyResult(len(plan.images), len(plan.used_blobs()), missing)


def _answers(questions: list[Question], cancelled: Callable[[], bool] | None) -> tuple[MissingItem, ...]:
    """All questions, many at once, patiently; `cancelled` is asked in the calling thread, ten times a second."""
    found, asked_at, stopped = [], 0.0, threading.Event()
    patience = RetryPolicy(stopped)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - start-up time of a push

    with ThreadPoolExecutor(QUESTIONS_AT_ONCE, thread_name_prefix="verify") as pool:
        try:
            for answer in pool.map(patience.attempt, questions):
                if cancelled is not None and time.monotonic() - asked_at >= POLL_SECONDS:
                    asked_at = time.monotonic()
                    if cancelled():
                        raise Cancelled
                if answer is not None:
                    found.append(answer)
        except BaseException:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tuple(found)


def _tag_questions(client: RegistryClient, image: PlannedImage) -> dict[tuple[str, str], Question]:
    def question(tag: str) -> Question:
        def ask() -> MissingItem | None:
            found = client.head_manifest(image.repository, tag)
            return None if found == image.digest else MissingItem("tag", image.repository, tag, found or "")

        return ask

    return {(image.repository, tag): question(tag) for tag in image.tags}


def _manifest_question(client: RegistryClient, repository: str, digest: str) -> Question:
    def ask() -> MissingItem | None:
        found = client.head_manifest(repository, digest)
        return None if found == digest else MissingItem("manifest", repository, digest, found or "")

    return ask


def _blob_question(client: RegistryClient, repository: str, digest: str) -> Question:
    def ask() -> MissingItem | None:
        return None if client.head_blob(repository, digest) else MissingItem("blob", repository, digest)

    return ask
