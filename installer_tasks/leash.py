"""Becomes another program that the kernel kills when its parent dies, however the parent dies.

Run as a program itself: `leash.py <parent's pid> <program> [argument ...]`. It imports nothing of ours, so that it
starts at once. Ends with NOT_STARTED when the program cannot be started, and says why on standard error.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h
NOT_STARTED = 127  #: what a shell says too


def become(parent: int, argv: list[str]) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel was told
        os._exit(NOT_STARTED)
    try:
        os.execv(argv[0], argv)  # noqa: S606 - the caller has named it, and there is no shell
    except OSError as error:
        sys.stderr.write(f"{error.strerror}\n")
        sys.exit(NOT_STARTED)


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2:])
