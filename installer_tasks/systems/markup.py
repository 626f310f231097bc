"""The words of a web page that answered in place of something else: one pass, whatever the page is."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

UNREAD = ("script", "style", "title")  #: what stands between these tags is not read by people

LONGEST_TAG = 500
_PASSWORD = re.compile(r"\btype=[\"']?password\b")


def words_of_page(page: str) -> str:
    """What a person would read, in one line."""
    return " ".join(html.unescape(" ".join(_pieces(page))).split())


def asks_for_password(page: str) -> bool:
    """Whether the page has a field for a password."""
    return any(_PASSWORD.search(tag) for tag in _tags(page, "<input"))


def _tags(page: str, opening: str) -> Iterator[str]:
    """Each tag of this name, up to its end or as far as a tag of a page goes."""
    lower, place = page.lower(), 0
    while (begin := lower.find(opening, place)) >= 0:
        end = lower.find(">", begin, begin + LONGEST_TAG)
        yield lower[begin : end if end >= 0 else begin + LONGEST_TAG]
        place = begin + len(opening)


def _pieces(page: str) -> Iterator[str]:
    """The text between tags. A tag that never ends, or an element, ends with the page."""
    place, lower = 0, page.lower()
    if len(lower) != len(page):  # some letters have no lower case of the same length
        lower = page
    while (begin := page.find("<", place)) >= 0:
        yield page[place:begin]
        end = page.find(">", begin)
        if end < 0:
            return
        name = lower[begin + 1 : end].split(maxsplit=1)[:1]
        closing = lower.find(f"</{name[0]}", end) if name and name[0] in UNREAD else end
        place = page.find(">", closing) + 1 if closing >= 0 else 0
        if not place:
            return
    yield page[place:]
