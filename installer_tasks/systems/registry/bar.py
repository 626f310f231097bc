"""How a push goes on, for a terminal: one line that is drawn over, or a line now and then where it cannot be."""

from __future__ import annotations

import os
import time
from typing import TextIO

from installer_tasks.systems.registry.progress import PushProgress

WIDTH = 24
SELDOM = 10.0  #: seconds between lines where nothing can be drawn over


class Bar:
    """Draws on `out`; says sentences above the bar."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._draws = out.isatty()
        self._shown = False
        self._said_at = float("-inf")
        self._stalled = ""

    def show(self, look: PushProgress) -> None:
        self._name_stall(str(look.stalled or ""))
        if self._draws:
            self._out.write(f"\r\033[K{line(look)[: self._columns() - 1]}")
            self._out.flush()
            self._shown = True
        elif look.state == "done" or time.monotonic() - self._said_at >= SELDOM:
            self._said_at = time.monotonic()
            self.say(line(look))

    def say(self, sentence: str) -> None:
        self.clear()
        self._out.write(f"{sentence}\n")
        self._out.flush()

    def clear(self) -> None:
        if self._shown:
            self._out.write("\r\033[K")
            self._out.flush()
            self._shown = False

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._out.fileno()).columns
        except OSError:
            return 80

    def _name_stall(self, sentence: str) -> None:
        """Once when it begins, in full; its seconds go on counting in every look."""
        if sentence and not self._stalled:
            self.say(sentence)
        self._stalled = sentence


def line(look: PushProgress) -> str:
    """One look: bar, share, bytes, images, rate, time left."""
    full = int(look.share * WIDTH)
    done = look.sent + look.present + look.in_flight
    parts = [
        f"[{'#' * full}{'.' * (WIDTH - full)}] {int(look.share * 100):3d} %",
        f"{size(min(done, look.total_bytes))} of {size(look.total_bytes)}",
        f"{look.images_done}/{look.images_total} images",
    ]
    if look.state == "sending" and look.rate:
        parts.append(f"{size(look.rate)}/s")
    if look.state == "sending" and look.eta_low is not None and look.eta_high is not None:
        parts.append(f"{duration(look.eta_low)} to {duration(look.eta_high)} left")
    if look.state in ("checking", "finishing"):
        parts.append("checking what is present" if look.state == "checking" else "tagging and verifying")
    return "  ".join(parts)


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"


def duration(seconds: float) -> str:
    """Roughly: nobody plans by seconds of an hour."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
