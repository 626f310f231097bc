"""No template says anything that the catalogues do not know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from django.template.base import Lexer, TokenType

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "templates"
#: Attributes that people see or hear.
SPOKEN = frozenset({"alt", "aria-label", "aria-description", "placeholder", "title", "label"})
#: Names, which are the same in every language, and the word for language in the other one.
NAMES = frozenset({"TMC-SM", "English", "简体中文", "· 语言", "values.yaml", "answers.yaml"})
BLOCKS = {"blocktranslate": "endblocktranslate", "comment": "endcomment"}


class Reader(HTMLParser):
    """Collects what a person would read."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        self.said += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.said.append(data)


def literals(source: str) -> list[str]:
    """Texts with a word in them that stand in the template itself."""
    reader = Reader()
    reader.feed("".join(_written(source)))
    reader.close()
    words = [" ".join(text.split()) for text in reader.said]
    return [text for text in words if re.search(r"[^\W\d_]{2,}", text) and text not in NAMES]


def _written(source: str) -> Iterator[str]:
    """What is no tag, no variable, no comment and in no block for translators; a space stands for a variable."""
    ends = ""
    for token in Lexer(source).tokenize():
        first = token.contents.split(maxsplit=1)[0] if token.contents.strip() else ""
        if token.token_type is TokenType.BLOCK:
            ends = "" if first == ends else ends or _end_of_unread(token.contents)
        elif not ends:
            yield token.contents if token.token_type is TokenType.TEXT else " "


def _end_of_unread(tag: str) -> str:
    """The tag that ends what is not for people, or is a translator's; "" for any other."""
    return "endblock" if re.fullmatch(r"block \w+_class", tag) else BLOCKS.get(tag.split(maxsplit=1)[0], "")


def test_no_template_says_anything_untranslated() -> None:
    found = {str(path.relative_to(TEMPLATES)): literals(path.read_text()) for path in sorted(TEMPLATES.rglob("*.html"))}
    assert found and {name: words for name, words in found.items() if words} == {}


def test_what_stands_in_a_template_is_found() -> None:
    source = """<h1>{% translate "Fine" %}</h1><p title="A hint">{{ value }} of {# not this #} 5 s</p>
    {% blocktranslate %}fine too{% endblocktranslate %}<b>Broken</b>
    {% comment %}<i>nor this</i>{% endcomment %}<script>let it = "be"</script><img alt="{{ alt }}">"""
    assert literals(source) == ["A hint", "of 5 s", "Broken"]
