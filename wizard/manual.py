"""The documents of docs/, read in the product: a jump host has no other place to read them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urldefrag

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

#: The first is what *Guide* leads to. Each is there in both languages.
NAMES = ("guide", "operations", "security")
FOLDERS = {"en": "docs", "zh-hans": "docs/zh-hans"}


@dataclass(frozen=True)
class Heading:
    anchor: str
    title: str


@dataclass(frozen=True)
class Document:
    title: str
    headings: tuple[Heading, ...]  #: of the second level
    html: SafeString


@cache
def document(name: str, language: str) -> Document:
    """`name` is one of NAMES; a language that no document is written in reads English."""
    # No raw HTML, so that what is marked safe below is made of Markdown alone.
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    files = {f"{each}.md": _source(each, language) for each in NAMES}
    titles = {file: source.partition("\n")[0].removeprefix("# ") for file, source in files.items()}
    tokens = list(_shown(reader.parse(files[f"{name}.md"]), titles))
    first = next(index for index, token in enumerate(tokens) if token.type == "heading_close") + 1
    return Document(
        titles[f"{name}.md"],
        tuple(Heading(anchor(text), text) for index, text in _headings(tokens) if tokens[index].tag == "h2"),
        mark_safe(reader.renderer.render(tokens[first:], reader.options, {})),  # noqa: S308 - our own files, no HTML
    )


def _source(name: str, language: str) -> str:
    folder = Path(settings.BASE_DIR) / FOLDERS.get(language, FOLDERS["en"])
    return (folder / f"{name}.md").read_text(encoding="utf-8")


def anchor(title: str) -> str:
    """As GitHub makes it, so that a link works there and here."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _shown(tokens: Sequence[Token], titles: Mapping[str, str]) -> Iterator[Token]:
    """Without pictures of the page that the reader has before them, and the link to the other language."""
    left = 0
    for index, token in enumerate(tokens):
        if token.type == "paragraph_open" and _is_left_out(tokens[index + 1]):
            left = 3
        if left:
            left -= 1
            continue
        if token.type == "table_open":
            token.attrSet("class", "table")
        _lead_on(token.children or (), titles)
        yield token
    for index, text in _headings(tokens):
        tokens[index].attrSet("id", anchor(text))


def _is_left_out(inline: Token) -> bool:
    children = [child for child in inline.children or () if child.type != "softbreak"]
    if len(children) == 1 and children[0].type == "image":
        return True
    return len(children) == 3 and children[0].type == "link_open" and children[1].content in ("English", "简体中文")


def _headings(tokens: Sequence[Token]) -> Iterator[tuple[int, str]]:
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            parts = tokens[index + 1].children or ()
            yield index, "".join(part.content for part in parts if part.type in ("text", "code_inline"))


def _lead_on(children: Iterable[Token], titles: Mapping[str, str]) -> None:
    """A link to a document that is served here has its title and its page; to another file it is only words."""
    opened: list[bool] = []
    for token in children:
        if token.type == "link_open":
            target, fragment = urldefrag(str(token.attrGet("href")))
            name = target.removesuffix(".md")
            opened.append(not target or name in NAMES)
            if name in NAMES:
                token.attrSet("href", "#".join(filter(None, (reverse("manual", args=[name]), fragment))))
        elif token.type == "text" and token.content in titles:
            token.content = titles[token.content]
        if token.type in ("link_open", "link_close") and not (opened[-1] if token.nesting == 1 else opened.pop()):
            token.type, token.tag, token.attrs = "span", "span", {}
