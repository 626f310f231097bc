"""Which version of an answer a page shows: sent along with its field, so that an old page overwrites nothing unseen.

A version says when the answer was saved and, by a keyed digest, what it was; of a secret only when.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from installer_tasks import answer_keys
from installer_tasks.models import Answer, Installation

SUFFIX = "_seen"
NONE = "0"  #: no answer: the default applies, or nothing


@dataclass(frozen=True)
class Seen:
    time: str
    digest: str


def given(data: Any, name: str) -> Seen | None:
    sent = data.get(f"{name}{SUFFIX}") if data else None
    if not isinstance(sent, str) or "." not in sent:
        return None
    return Seen(*sent.split(".", 1))


def of(installation: Installation, key: str, row: Answer | None, value: str) -> str:
    """For the page; `value` is what it shows."""
    return f"{time(row)}.{'' if key in answer_keys.SECRETS else digest(installation, value)}"


def rows(installation: Installation) -> dict[str, Answer]:
    return {row.key: row for row in installation.answers.select_related("changed_by")}


def time(row: Answer | None) -> str:
    return str(round(row.changed_at.timestamp() * 1_000_000)) if row else NONE


def digest(installation: Installation, value: str) -> str:
    """The same for what a browser makes of a text: other line ends, none at its end."""
    return installation.workspace.box.fingerprint(value.replace("\r\n", "\n").strip())[:16]
