"""`make bench-push`: our push beside skopeo ×4, the same content, interleaved; a table into docs/push.md.

`make bench-push ARGS="--rounds 1 --megabytes 100 --images 12 --no-table"` is the short form; `--kills 50` does the kill
tests at so many random moments instead.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import kills, report
from tests.bench.content import make_layouts, make_sparse_layouts, unique_bytes
from tests.bench.processes import ROOT, Measured, Target, measure, ours, settle, sink, skopeo
from tests.contract.docker_registry import docker_registry

MIB = 1 << 20
Tool = Callable[[Path, Target], list[str]]
TOOLS: dict[str, Tool] = {"skopeo": skopeo, "ours": lambda layouts, target: ours(layouts, target, "--json")}


@dataclass
class Bench:
    """One measurement: content, place, and what was measured so far, by row and tool."""

    layouts: Path
    folder: Path
    seconds: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    peaks: dict[str, list[float]] = field(default_factory=dict)
    inside: list[float] = field(default_factory=list)  #: of "again", without the start and end of a process

    def run(self, row: str, tool: str, target: Target) -> Measured:
        settle()
        found = measure(TOOLS[tool](self.layouts, target))
        self.seconds.setdefault((row, tool), []).append(found.seconds)
        if tool == "ours" and row == "again":
            self.inside.append(json.loads(found.output.splitlines()[-1])["seconds"])
        print(f"{row:10} {tool:7} {found.seconds:6.2f} s {found.peak_mib:5.0f} MiB", flush=True)
        return found

    def round(self, tools: list[str]) -> None:
        """Everything once, each tool against a registry of its own, one after the other."""
        for tool in tools:
            with self._registry(tls=False) as target:
                peak = self.run("http", tool, target).peak_mib
                self.peaks.setdefault(tool, []).append(peak)
                self.run("again", tool, target)
        for tool in tools:
            with self._registry(tls=True) as target:
                self.run("tls", tool, target)
        for row, milliseconds in (("sink", 0), ("sink20", 20)):
            for tool in tools:
                with sink(self.folder, milliseconds) as target:
                    self.run(row, tool, target)

    @contextmanager
    def _registry(self, *, tls: bool) -> Iterator[Target]:
        place = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            with docker_registry(place, tls=tls) as running:
                if running.ca_pem is not None:
                    (place / "trust").mkdir()
                    (place / "trust" / "ca.crt").write_text(running.ca_pem)
                yield Target(running.host, place / "trust" if tls else None)
        finally:
            shutil.rmtree(place)

    def resume(self) -> report.Resumed:
        """Killed outright at half of the bytes, then once more to the end."""
        with self._registry(tls=False) as target:
            command = ours(self.layouts, target, "--json")
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
                look = _look_at_half(process)
                process.kill()
            second = json.loads(measure(command).output.splitlines()[-1])
        total = unique_bytes(self.layouts)
        again = look["sent"] + second["bytes_sent"] - total
        return report.Resumed(total, look["sent"], look["in_flight"], second["bytes_sent"], max(again, 0))

    def memory(self, size: int) -> float:
        """Peak of our process for content of `size` bytes made of holes."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        layouts = make_sparse_layouts(place, size)
        with sink(self.folder) as target:
            peak = measure(ours(layouts, target)).peak_mib
        shutil.rmtree(place)
        print(f"memory {size / 1e9:5.1f} GB {peak:5.0f} MiB", flush=True)
        return peak


def _look_at_half(process: subprocess.Popen[str]) -> dict[str, int]:
    assert process.stdout is not None
    for line in process.stdout:
        look: dict[str, int] = json.loads(line)
        if look.get("sent", 0) + look.get("in_flight", 0) >= look.get("total_bytes", 0) / 2:
            return look
    raise SystemExit("the push ended before half of it could be seen")


def main() -> None:
    options = _options()
    if options.kills:
        with tempfile.TemporaryDirectory(prefix="bench-push-") as place:
            print(kills.run(Path(place), options.kills, seed=options.seed))
        return
    ends = time.monotonic() + options.minutes * 60
    folder = Path(tempfile.mkdtemp(prefix="bench-push-", dir=options.folder))
    try:
        layouts = make_layouts(folder, options.images, int(options.megabytes * 1e6), options.seed)
        bench = Bench(layouts, folder)
        text = _measured(bench, options, ends)
    finally:
        shutil.rmtree(folder)
    print(text)
    if options.table:
        report.write_into(ROOT / "docs" / "push.md", text)


def _measured(bench: Bench, options: argparse.Namespace, ends: float) -> str:
    total = unique_bytes(bench.layouts)
    print(f"{total / 1e9:.2f} GB unique in {options.images} images, load {os.getloadavg()[0]:.1f}", flush=True)
    peaks = [bench.memory(int(size * options.megabytes * 1e6)) for size in (1, 10)]
    resumed = bench.resume()
    print(resumed, flush=True)
    slowest, done = 0.0, 0
    while done < options.rounds and time.monotonic() + slowest < ends:
        begun = time.monotonic()
        bench.round(list(TOOLS) if done % 2 else list(reversed(TOOLS)))
        slowest, done = max(slowest, time.monotonic() - begun), done + 1
    medians = {key: statistics.median(values) for key, values in bench.seconds.items()}
    heaviest = {tool: max(values) for tool, values in bench.peaks.items()}
    about = report.About(total, options.images, done, os.cpu_count() or 1)
    return report.table(about, medians, heaviest, peaks, resumed, statistics.median(bench.inside))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=float, default=1500)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--minutes", type=float, default=60, help="begin no round that would end later")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--kills", type=int, default=0, help="only the kill tests, at so many random moments")
    parser.add_argument("--folder", default=None, help="where content and registries are made (default: temporary)")
    parser.add_argument("--no-table", dest="table", action="store_false", help="leave docs/push.md as it is")
    return parser.parse_args()


if __name__ == "__main__":
    main()
