"""How a command that goes on is asked to stop."""

from __future__ import annotations

import queue
import signal
import threading


def asked_to_stop() -> threading.Event:
    """Set by Ctrl-C, a service manager's TERM, or the terminal going away.

    A handler runs in the main thread, which may just hold the event's own lock: setting it there would wait for ever.
    So the handler only puts into a queue that may be entered twice, and a thread sets the event.
    """
    asked, heard = threading.Event(), queue.SimpleQueue[int]()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup a hangup is ignored, and stays so.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda received, _frame: heard.put(received))
    threading.Thread(target=_relay, args=(heard, asked), name="signals", daemon=True).start()
    return asked


def _relay(heard: queue.SimpleQueue[int], asked: threading.Event) -> None:
    while heard.get():
        asked.set()
