"""The user documents in Simplified Chinese have the structure of the English ones: nothing is missing or left over."""

from __future__ import annotations

import re
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CHINESE = ROOT / "docs" / "zh-hans"
CATALOGUE = ROOT / "wizard" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
PAIRS = {
    "README.md": ROOT / "README.md",
    **{name: ROOT / "docs" / name for name in ("guide.md", "operations.md", "security.md")},
}


def structure(text: str) -> list[str]:
    """Each line that has a form: its kind, and for code what is in it but for comments."""
    found = []
    for line in text.splitlines():
        if heading := re.match(r"#+ ", line):
            found.append(heading[0])
        elif item := re.match(r"( *)(-|\d+\.) ", line):
            found.append(f"{item[1]}{item[2]} item")
        elif line.startswith("|"):
            found.append(f"{line.count('|') - 1} cells")
        elif line.startswith("    "):
            found.append(re.sub(r"\s+# .*$", "", line))
        elif image := re.match(r"!\[.*\]\((?:.*/)?(.+)\)", line):
            found.append(image[1])
    return found


def named(text: str) -> set[str]:
    """Commands, settings and files in the text."""
    return set(re.findall(r"`([^`]+)`", text))


@pytest.mark.parametrize("name", PAIRS)
def test_the_chinese_page_has_the_structure_of_the_english_one(name: str) -> None:
    english, chinese = (path.read_text(encoding="utf-8") for path in (PAIRS[name], CHINESE / name))
    assert structure(chinese) == structure(english)


@pytest.mark.parametrize("name", PAIRS)
def test_it_names_the_same_commands_settings_and_files(name: str) -> None:
    english, chinese = (path.read_text(encoding="utf-8") for path in (PAIRS[name], CHINESE / name))
    assert {each.removeprefix("docs/") for each in named(chinese)} == {
        each.removeprefix("docs/") for each in named(english)
    }


@pytest.mark.parametrize("name", PAIRS)
def test_what_stands_on_the_pages_is_called_the_same(name: str) -> None:
    """Buttons and pages that the English text sets in italics."""
    english, chinese = (path.read_text(encoding="utf-8") for path in (PAIRS[name], CHINESE / name))
    said = {entry.msgid: entry.msgstr for entry in polib.pofile(str(CATALOGUE)) if entry.msgstr}
    labels = set(re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", english)) & set(said)
    assert {label for label in labels if said[label] not in chinese} == set()


@pytest.mark.parametrize("name", PAIRS)
def test_its_links_lead_somewhere(name: str) -> None:
    for path in (PAIRS[name], CHINESE / name):
        links = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
        assert [link for link in links if not (path.parent / link).exists()] == []


def test_there_is_no_other_page_in_chinese() -> None:
    assert {path.name for path in CHINESE.iterdir()} == set(PAIRS)
