"""The words of a page, whatever page it is."""

from __future__ import annotations

import pytest

from installer_tasks.systems.markup import words_of_page
from tests.growth import grows_linearly


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<html><title>T</title><body><h1>Sign&nbsp;in</h1> here</body>", "Sign in here"),
        ("<SCRIPT>var a = '<p>';</SCRIPT >after<style>p{}</style>.", "after ."),
        ("a < b and <p>c", "a c"),
        ("<script>never ends", ""),
        ("<p", ""),
        ("", ""),
    ],
)
def test_words(page: str, words: str) -> None:
    assert words_of_page(page) == words


@pytest.mark.parametrize(
    "unit", ["<script>", "<script", "<title ", "<", "<p>", "</script", "<style></style", "&lt;", "< "]
)
def test_a_long_page_takes_no_more_than_its_length(unit: str) -> None:
    assert grows_linearly(lambda size: words_of_page(unit * (size // len(unit))))
