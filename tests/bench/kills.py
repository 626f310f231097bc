"""Killing a push outright at random moments: what was confirmed is never sent again."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from installer_tasks.systems.bundle.folder import read_bundle
from installer_tasks.systems.registry import Reference, RegistryClient, verify
from tests.bench.content import make_layouts, unique_bytes
from tests.bench.processes import ROOT, Target, ours
from tests.contract.docker_registry import docker_registry
from tests.contract.meddler import Meddler


@dataclass(frozen=True)
class Killed:
    """What all attempts of all trials have sent, and how it compares."""

    trials: int
    total: int  #: unique bytes of one trial's content
    sent: int  #: over all trials
    in_flight: int  #: of that, bodies that had no answer when the push was killed
    killed: int  #: trials in which the push was still running

    def __str__(self) -> str:
        return (
            f"{self.killed} of {self.trials} pushes killed; {self.sent} bytes sent in all attempts:"
            f" {self.trials} × {self.total} and {self.sent - self.trials * self.total} more,"
            f" of {self.in_flight} that were in flight"
        )


def run(folder: Path, trials: int, *, seed: int = 4, images: int = 6, size: int = 30_000_000) -> Killed:
    """So many pushes, each killed at a random moment and repeated to its end; AssertionError when something is wrong."""
    chance = random.Random(seed)
    layouts = make_layouts(folder, images, size, seed)
    total = unique_bytes(layouts)
    sent = in_flight = killed = 0
    with docker_registry(folder / "registry") as registry:
        requests = _trial(layouts, registry.host, "measured", None)[2]
        for number in range(trials):
            moment = (chance.randint(1, requests), chance.uniform(0, 0.03))
            bodies, was_killed, _requests = _trial(layouts, registry.host, f"trial{number}", moment)
            _require_once(bodies)
            sent += sum(count for _digest, count, _answered in bodies)
            in_flight += sum(count for _digest, count, answered in bodies if not answered)
            killed += was_killed
            assert sent <= (number + 1) * total + in_flight, f"trial {number} sent too much"
    return Killed(trials, total, sent, in_flight, killed)


Body = tuple[str, int, bool]  # digest, bytes that arrived, whether it was answered
Moment = tuple[int, float]  # after so many requests, and so many seconds more: no load of the machine changes its place


def _trial(layouts: Path, backend: str, path: str, moment: Moment | None) -> tuple[list[Body], bool, int]:
    """One push, killed, and the one after it; proven complete. Its bodies, whether it was killed, requests until then."""
    with Meddler(backend) as meddler:
        command = ours(layouts, Target(f"{meddler.host}/{path}"))
        begun = time.monotonic()
        was_killed = _run(command, meddler, moment)
        ended, requests = time.monotonic(), len(meddler.asked)
        if was_killed:
            assert not _run(command, meddler, None)
        client = RegistryClient(meddler.host, plain_http=True)
        try:
            target = Reference.parse(f"{meddler.host}/{path}/bench")
            assert verify(read_bundle(layouts), target, client).missing == ()
        finally:
            client.close()
        bodies = [
            (_digest(body.target), body.count, body.answered_at < ended or not begun < body.begun_at < ended)
            for body in meddler.bodies
            if "/blobs/uploads/" in body.target
        ]
    return bodies, was_killed, requests


def _digest(target: str) -> str:
    return parse_qs(urlsplit(target).query).get("digest", [""])[0]


def _run(command: list[str], meddler: Meddler, moment: Moment | None) -> bool:
    """Whether it had to be killed."""
    deadline = time.monotonic() + 120
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            if moment is not None and len(meddler.asked) >= moment[0]:
                return _killed(process, moment[1])
            if time.monotonic() > deadline:
                process.kill()
                raise AssertionError("a push that nobody killed did not end")
            _waited(process, 0.002)
    assert process.returncode == 0, f"the push ended with {process.returncode}"
    return False


def _killed(process: subprocess.Popen[bytes], later: float) -> bool:
    if _waited(process, later):
        return False
    process.kill()
    return process.wait() != 0


def _waited(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it has ended within so long."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _require_once(bodies: list[Body]) -> None:
    """A blob whose arrival was confirmed is not sent a second time."""
    confirmed = Counter(digest for digest, count, answered in bodies if answered and count)
    assert all(times == 1 for times in confirmed.values()), confirmed.most_common(3)
