"""How a command that goes on is asked to stop."""

from __future__ import annotations

import signal
import threading


def asked_to_stop() -> threading.Event:
    """Set by Ctrl-C, a service manager's TERM, or the terminal going away."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup a hangup is ignored, and stays so.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: asked.set())
    return asked
