"""What the practice registry answers: a status, headers and a body; refusals in the shape of the OCI specification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True)
class FileSlice:
    """A part of a file as a body, so that a blob is never held in memory."""

    path: Path
    offset: int
    length: int


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes | FileSlice = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def length(self) -> int:
        return self.body.length if isinstance(self.body, FileSlice) else len(self.body)


def json_answer(status: int, content: Any, **headers: str) -> Answer:
    return Answer(status, json.dumps(content).encode(), {"Content-Type": JSON, **headers})


def page_not_found() -> Answer:
    """Distribution answers paths it has no route for in plain text, invalid repository names among them."""
    return Answer(404, b"404 page not found\n", {"Content-Type": "text/plain; charset=utf-8"})


class Refusal(Exception):
    """The registry says no; becomes an answer with an `errors` list."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: list[Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def answer(self) -> Answer:
        errors: list[dict[str, Any]] = [{"code": self.code, "message": self.message}]
        if self.details:
            errors = [{"code": self.code, "message": self.message, "detail": detail} for detail in self.details]
        content = json.dumps({"errors": errors}).encode()
        return Answer(self.status, content, {"Content-Type": JSON, **self.headers})
