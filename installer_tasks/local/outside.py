"""Words of another system, as they come in: known secrets are taken out before anything else is done to them.

Of a secret that is cut, filtered or joined first, a part might stay that no redactor knows any more.
"""

from __future__ import annotations

from installer_tasks import errors
from installer_tasks.local import log_redaction

#: As much of an answer as is read for people; far more than is ever shown, so that what is cut here is not shown.
READ = 64 * 1024


def heard(words: str) -> str:
    """The words without the secrets of this process."""
    return log_redaction.without_known(words)


def shortened(words: str, most: int) -> str:
    """Their first `most` characters."""
    return heard(words)[:most]


def one_line(words: str, most: int) -> str:
    """The same with every run of white space as one blank."""
    return " ".join(heard(words).split())[:most]


def page(body: bytes, most: int) -> str:
    """The beginning of an answer's body, for people."""
    return heard(body[:READ].decode("utf-8", "replace"))[:most]


errors.use_redactor(heard)
