"""No secret in a log: whatever a process logs or prints passes here, before it is written.

What looks like a secret is taken out, and so is every secret that this process has had in its hands (`remember`).
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, TextIO, cast

from installer_tasks.local import redaction_patterns
from installer_tasks.local.redaction import MASK, Redactor

#: The secrets that a process remembers; those it used last.
MOST = 400
#: A line that does not end is written in parts of this length.
LONGEST_LINE = 65536

BEGIN_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----")
END_KEY = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----")


_lock = threading.RLock()


def _new_lock() -> None:
    """A child must not wait for a thread that was not forked with it."""
    global _lock  # noqa: PLW0603 - one a process
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_new_lock)


class _Known:
    """The secrets of this process, and a redactor that is made anew when there are more of them."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, None] = OrderedDict()
        self._redactor: Redactor | None = None

    def add(self, values: Iterable[str]) -> None:
        with _lock:
            for value in values:
                if value not in self._values:
                    self._redactor = None
                self._values[value] = None
                self._values.move_to_end(value)
            while len(self._values) > MOST:
                self._values.popitem(last=False)

    def redactor(self) -> Redactor:
        with _lock:
            if self._redactor is None:
                self._redactor = Redactor(tuple(self._values))
            return self._redactor


_known = _Known()


def remember(*values: str) -> None:
    """This process has these secrets in clear from now on; none of its log lines will."""
    _known.add(filter(None, values))


def without_known(text: str) -> str:
    return _known.redactor().clean(text)


def clean(text: str) -> str:
    return redaction_patterns.clean(without_known(text))


class CleanFormatter(logging.Formatter):
    """What another formatter makes of a record, traceback and all, without secrets."""

    def __init__(self, format: str | None = None, *, inner: logging.Formatter | None = None) -> None:
        super().__init__(format)
        self._inner = inner or logging.Formatter(format)

    def format(self, record: logging.LogRecord) -> str:
        return clean(self._inner.format(record))


class CleanStream:
    """A text stream that holds lines back until they are whole, and writes them without secrets."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._rest = ""
        self._in_key = False

    def write(self, text: str) -> int:
        with _lock:
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self._stream.write(self._cleaned(line) + "\n")
            if len(self._rest) > LONGEST_LINE:
                self._write_rest()
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with _lock:
            self._write_rest()
            self._stream.flush()

    def _write_rest(self) -> None:
        if self._rest:
            self._stream.write(self._cleaned(self._rest))
            self._rest = ""

    def _cleaned(self, line: str) -> str:
        """A private key comes line by line; nothing of it is written until it ends."""
        if self._in_key:
            self._in_key = not END_KEY.search(line)
            return MASK
        self._in_key = bool(BEGIN_KEY.search(line)) and not END_KEY.search(line)
        return clean(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def install() -> None:
    """For a process whose output goes into a log: its handlers, and what it prints past them."""
    for handler in _handlers():
        if not isinstance(handler.formatter, CleanFormatter):
            handler.setFormatter(CleanFormatter(inner=handler.formatter))
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, CleanStream):
            setattr(sys, name, cast(TextIO, CleanStream(stream)))


def _handlers() -> list[logging.Handler]:
    """Of every logger there is: a server brings its own."""
    loggers = [logging.root, *(one for one in logging.root.manager.loggerDict.values())]
    return [handler for logger in loggers if isinstance(logger, logging.Logger) for handler in logger.handlers]
