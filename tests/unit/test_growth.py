"""Everything that reads text from outside: a long text costs its length, not the square of it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

import pytest

from installer_tasks.preflight.facts import trial_pull
from installer_tasks.systems.cluster import corefile, quantity
from installer_tasks.systems.directory import names as directory_names
from installer_tasks.systems.identity import claims
from installer_tasks.systems.markup import asks_for_password, words_of_page
from installer_tasks.systems.registry import vendor
from installer_tasks.systems.registry.answer import Answer
from installer_tasks.systems.registry.answers import error_of
from installer_tasks.systems.registry.wire import Headers
from tests.growth import grows_linearly

Read = Callable[[str], object]


def _answer(text: str) -> object:
    headers = Headers({"WWW-Authenticate": text, "Server": text})
    return error_of(Answer("GET", "https://r.example/v2/", 401, headers, text.encode()))


def _quantity(text: str) -> object:
    with contextlib.suppress(ValueError):
        return quantity.parse(text)
    return None


def _vendor(text: str) -> object:
    return [re.search(sign.pattern, text, re.IGNORECASE) for sign in vendor.OUTPUT_PATTERNS]


def _kinds(text: str) -> object:
    return [re.search(pattern, text, re.IGNORECASE) for _kind, pattern in trial_pull._KINDS]


READERS: dict[str, tuple[Read, tuple[str, ...]]] = {
    "answer of a registry": (_answer, ("<title>", "<title", '{"errors":[', "sha256:aaaa", "Bearer ", " ", '"')),
    "quantity": (_quantity, ("1", ".", "1e", "1.", "E")),
    "page": (words_of_page, ("<script>", "<title>", "<p", "&amp;")),
    "sign-in page": (asks_for_password, ("<input ", "<input type=", "type=password ", '<input type="')),
    "kubelet": (_kinds, ("lookup a on b: ", "lookup ", "x509 ", "40", "a on b: ")),
    "vendor's program": (_vendor, ("x509: ", "dial tcp ", "a" * 8, "lookup a ", ": ", "http: ", "/")),
    "Corefile": (
        lambda text: corefile.parse(corefile.expanded(text, {"a.server": text})),
        ("{\n", "}\n", "(a) {\n", "x "),
    ),
    "group": (claims._common_name, ("CN=", "\\,")),
    "name in a directory": (directory_names._COMMA.split, ("\\", ",", "\\,", "a=")),
}


@pytest.mark.parametrize(
    ("read", "unit"), [(read, unit) for read, units in READERS.values() for unit in units],
    ids=[f"{name}-{unit.strip()[:12]!r}" for name, (_read, units) in READERS.items() for unit in units],
)  # fmt: skip
def test_time_grows_with_the_length(read: Read, unit: str) -> None:
    assert grows_linearly(lambda size: read(unit * (size // len(unit))))


def test_imports_that_multiply_end() -> None:
    """Each file imports all of them many times."""
    files = {f"{number}.server": "import custom/*.server\n" * 200 for number in range(20)}
    assert len(corefile.expanded("import custom/*.server\n", files)) < 1_000_000
