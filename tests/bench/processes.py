"""Starting what is measured: wall time from spawn to exit, and the largest sum of the resident memory of its processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.content import TAG
from tests.contract.docker_registry import free_port
from tests.waiting import listens_on, until_it_serves

ROOT = Path(__file__).parents[2]
AT_ONCE = 4  #: skopeo processes side by side
POLL_SECONDS = 0.02
LIMIT_SECONDS = 300.0


@dataclass(frozen=True)
class Target:
    """A registry as both tools need to know it."""

    host: str
    ca_folder: Path | None = None  #: with ca.crt in it; None: plain HTTP


@dataclass(frozen=True)
class Measured:
    seconds: float
    peak_mib: float
    output: str


def ours(layouts: Path, target: Target, *more: str) -> list[str]:
    """Our push, by itself: a fresh process each time, as skopeo is."""
    trust = ["--ca", str(target.ca_folder / "ca.crt")] if target.ca_folder else ["--plain-http"]
    place = f"{target.host}/bench"
    program = [sys.executable, "-m", "installer_tasks.systems.registry"]
    return [*program, "--bundle", str(layouts), "--project", place, *trust, *more]


def skopeo(layouts: Path, target: Target) -> list[str]:
    """`skopeo copy` for each image, four at a time."""
    trust = f"--dest-cert-dir={target.ca_folder}" if target.ca_folder else "--dest-tls-verify=false"
    copy = f'skopeo --insecure-policy copy -q {trust} oci:"$0"/$1:{TAG} docker://{target.host}/bench/$1:{TAG}'
    names = " ".join(sorted(entry.name for entry in layouts.iterdir()))
    return ["sh", "-c", f"echo {names} | xargs -n1 -P{AT_ONCE} sh -c 'exec {copy}' {layouts}"]


def measure(command: list[str]) -> Measured:
    """Run it to its end; a failure of what is measured ends the measurement."""
    with tempfile.TemporaryFile("w+") as output:  # a pipe that nobody reads would stop a talkative push
        begun = time.monotonic()
        with subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, text=True) as process:
            peak = _peak_until_end(process, begun)
            seconds = time.monotonic() - begun
        output.seek(0)
        said = output.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} failed:\n{said[-2000:]}")
    return Measured(seconds, peak / 1024, said)


def _peak_until_end(process: subprocess.Popen[str], begun: float) -> int:
    """The largest sum of high-water marks, in KiB, of the processes alive at one moment."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_high_water(pid) for pid in _family(process.pid)))
        if time.monotonic() - begun > LIMIT_SECONDS:
            process.kill()
        try:
            process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    return peak


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _high_water(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) if found else 0


@contextmanager
def sink(folder: Path, milliseconds: float = 0) -> Iterator[Target]:
    """The registry that costs nothing, empty."""
    port, log = free_port(), folder / "sink.log"
    command = [sys.executable, "-m", "tests.bench.sink", str(port), str(milliseconds)]
    with log.open("wb") as output, subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output) as process:
        try:
            until_it_serves(process, lambda: listens_on(port), lambda: log.read_text(errors="replace"))
            yield Target(f"localhost:{port}")
        finally:
            process.kill()


def settle() -> None:
    """What earlier runs have left to write must not be paid by the next."""
    os.sync()
