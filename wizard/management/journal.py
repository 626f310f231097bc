"""Whether what a command prints ends up in a log."""

from __future__ import annotations

import contextlib
import os
from typing import Any


def is_journal(stream: Any) -> bool:
    """Whether systemd has connected this stream to its journal, as it does for a service."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        found = os.fstat(stream.fileno())
        return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
    return False
