"""What a registry answered, as a value, and what had been seen of its user by then."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from installer_tasks.local.outside import page, shortened
from installer_tasks.systems.registry.wire import Headers


class Known(StrEnum):
    """What was seen of the user before: a refusal means one thing then and another thing without."""

    NOT_YET = ""
    BY_ANSWER = "answer"  #: something was answered; a registry that lets anybody read may not have looked
    BY_TOKEN = "token"  # noqa: S105 - a word; the token service gave a token for user and password


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    method: str
    url: str  #: without query: it may carry upload state
    status: int
    headers: Headers
    body: bytes = field(repr=False)
    known: Known = Known.NOT_YET
    by_token_service: bool = False  #: of a registry, not of the registry itself

    @property
    def request(self) -> str:
        return f"{self.method} {self.url}"

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The registry's own list of errors; empty when the body is not of that form."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return []
        found = document.get("errors") if isinstance(document, dict) else None
        return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []

    @property
    def codes(self) -> set[str]:
        return {str(entry.get("code", "")) for entry in self.errors}

    @property
    def words(self) -> str:
        """What the registry said, short enough for a person."""
        said = "; ".join(str(entry.get("message") or entry.get("code")) for entry in self.errors)
        if not said:
            import html  # noqa: PLC0415 - only for pages of proxies; start-up time of a push

            found = page(self.body, 4000)
            said = " ".join(html.unescape(_title(found) or found).split())
        return shortened(said, 500)

    @property
    def retry_after(self) -> float:
        """Seconds that the registry asks to wait; dates are not worth a parser, no registry sends them."""
        value = self.headers.get("Retry-After", "")
        return min(float(value), 600.0) if value.isdigit() else 0.0

    @property
    def detail(self) -> str:
        """For the support view: request, status, server, its words."""
        marks = [f"{key}: {self.headers[key]}" for key in ("Server", "X-Request-Id") if key in self.headers]
        return "\n".join([f"{self.request} answered {self.status}", *marks, self.words])

    @property
    def where(self) -> dict[str, str | int]:
        """Parameters that every sentence about this answer may use."""
        return {
            "request": self.request,
            "status": self.status,
            "words": self.words.removesuffix(".") or "-",
            "server": self.headers.get("Server", "-"),
        }


def _title(page: str) -> str:
    lower = page.lower()
    begin = lower.find("<title>")
    end = lower.find("</title>", begin) if begin >= 0 and len(lower) == len(page) else -1
    return page[begin + len("<title>") : end] if end >= 0 else ""
