"""A command that goes on hears every signal, whatever it does at that moment."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

from tests.waiting import PATIENCE

SIGNALS = 300
#: Looks again and again, so that most signals come while the event's own lock is held.
WAITING = f"""
from wizard.management.signals import asked_to_stop
asked = asked_to_stop()
for number in range({SIGNALS}):
    print("waiting", flush=True)
    while not asked.wait(0):
        pass
    asked.clear()
"""


def test_a_signal_is_heard_at_any_moment() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        deaf = threading.Timer(PATIENCE, process.kill)
        deaf.start()
        for _line in process.stdout:
            process.send_signal(signal.SIGTERM)
        deaf.cancel()
        assert process.wait() == 0, "it waited on and did not hear"
