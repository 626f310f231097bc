"""Becomes another program that the kernel kills when its parent dies, and that reaches only what it is given.

Run as a program itself: `pdeathsig.py <parent's pid> <confinement as JSON, or nothing> <program> [argument ...]`. It
imports nothing of ours, so that it starts at once. Ends with NOT_STARTED when the program cannot be started or
confined, and says why on standard error.

A confined program is the file behind the descriptor `program`. Landlock (docs.kernel.org/userspace-api/landlock.html)
lets it read everything but `hidden` and the devices, and write only below `writable`; all capabilities are given up.
Landlock does not judge who connects to a socket file, so a filter of system calls (docs.kernel.org/userspace-api/
seccomp_filter.html) keeps it from local sockets: those of our Redis, of the container engine, of systemd.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import signal
import stat
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 22, 24, 38  # linux/prctl.h
NOT_STARTED = 127  #: what a shell says too
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  #: system calls, the same on every architecture
VERSION_FLAG, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
FIRST, REFER, TRUNCATE = (1 << 13) - 1, 1 << 13, 1 << 14  #: rights of the first version, of the second, of the third
SCOPES = 3  #: no signals and no abstract sockets to processes outside, from the sixth on
READ = EXECUTE | READ_FILE | READ_DIR
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
#: Of a machine: what the kernel calls it (linux/audit.h), and the number of the system call `socket`.
MACHINES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
IO_URING_SETUP, AF_UNIX, FILTER_MODE = 425, 1, 2
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # linux/bpf_common.h
ALLOW, REFUSE, KILL = 0x7FFF0000, 0x00050000 | errno.EACCES, 0x80000000  # linux/seccomp.h
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")

libc = ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """Of the running kernel; 0 where it has none, or has it switched off."""
    return max(int(libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG)), 0)


def become(parent: int, confinement: str, argv: list[str]) -> None:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel was told
        os._exit(NOT_STARTED)
    try:
        program = _confined(json.loads(confinement)) if confinement else argv[0]
        os.execv(program, argv)  # noqa: S606 - the caller has named it, and there is no shell
    except OSError as error:
        sys.stderr.write(f"{error.strerror}\n")
        sys.exit(NOT_STARTED)


def _confined(given: dict[str, Any]) -> str:
    """Give up everything that is not named; the path of the program. Raises OSError when the kernel refuses."""
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(64):  # who has none may not drop any, and needs not
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if version := landlock_version():
        hidden = tuple(Path(path).resolve() for path in given["hidden"])
        restrict(version, hidden, tuple(Path(path).resolve() for path in given["writable"]))
    elif given["landlock"]:
        raise OSError(0, "Landlock is no longer available")
    refuse_local_sockets(os.uname().machine)
    return f"/proc/self/fd/{given['program']}"


def restrict(version: int, hidden: tuple[Path, ...], writable: tuple[Path, ...]) -> None:
    handled = FIRST | (REFER if version >= 2 else 0) | (TRUNCATE if version >= 3 else 0)
    attributes = struct.pack("=QQQ", handled, 0, SCOPES if version >= 6 else 0)
    rules = int(_call("syscall", CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0))
    for path in around(Path("/"), (*hidden, Path("/dev"))):
        _allow(rules, path, READ)
    for name in DEVICES:
        _allow(rules, Path("/dev", name), READ_FILE | WRITE_FILE)
    for folder in writable:
        for path in around(folder, hidden):
            _allow(rules, path, handled & ~(MAKE_CHAR | MAKE_BLOCK))
    _call("syscall", RESTRICT_SELF, rules, 0)
    os.close(rules)


def refuse_local_sockets(machine: str) -> None:
    """Also by another way of calling the kernel: the 32-bit ones, and io_uring."""
    if machine not in MACHINES:
        return
    audit, socket = MACHINES[machine]
    steps = (  # what, value, steps to skip when it is so, and when it is not; offsets in struct seccomp_data
        (LOAD, 4, 0, 0),
        (EQUAL, audit, 0, 7),
        (LOAD, 0, 0, 0),
        (AT_LEAST, 0x40000000, 5, 0),
        (EQUAL, IO_URING_SETUP, 3, 0),
        (EQUAL, socket, 0, 4),
        (LOAD, 16, 0, 0),
        (EQUAL, AF_UNIX, 0, 2),
        (RETURN, REFUSE, 0, 0),
        (RETURN, KILL, 0, 0),
        (RETURN, ALLOW, 0, 0),
    )
    program = b"".join(struct.pack("=HBBI", code, yes, no, value) for code, value, yes, no in steps)
    kept = ctypes.create_string_buffer(program, len(program))
    given = struct.pack("@HP", len(steps), ctypes.addressof(kept))
    _call("prctl", PR_SET_SECCOMP, FILTER_MODE, given, 0, 0)


def around(path: Path, hidden: tuple[Path, ...]) -> Iterator[Path]:
    """The largest parts of `path` that hold nothing hidden. What a link leads to is let in where it lies, if at all."""
    if path in hidden:
        return
    if not any(path in place.parents for place in hidden):
        yield path
        return
    with contextlib.suppress(PermissionError):  # a folder that may not be listed: nothing in it is let in
        for entry in sorted(path.iterdir()):
            if not entry.is_symlink():
                yield from around(entry, hidden)


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # gone, or not for us at all
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= ON_FILES
        _call("syscall", ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def _call(name: str, *arguments: Any) -> int:
    found = int(getattr(libc, name)(*arguments))
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return found


if __name__ == "__main__":
    become(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
