"""One example of every component, for the page of all of them."""

from __future__ import annotations

from typing import Any

from wizard.presenters import states


def examples() -> dict[str, Any]:
    return {
        "groups": (states.STEP, states.LEVEL, states.STAGE, states.RUN),
        "icons": (
            "check", "cross", "warn", "busy", "clock", "ring", "half", "block", "question", "waived", "arrow", "copy",
            "again", "undo", "plus", "lock", "key", "people", "download", "pause", "search", "mark",
        ),
        "tones": (("good", "check"), ("warn", "warn"), ("bad", "cross"), ("busy", "busy"), ("idle", "ring")),
        "code": "kubectl get clusterissuers",
    }  # fmt: skip
