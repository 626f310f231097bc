"""Documents say what the code does: settings, options, make targets, files; and the pins name no address."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
VARIABLE = re.compile(r"env\.(text|boolean|words|folders|networks)\(\s*\"(\w+)\"")


def settings() -> set[tuple[str, str]]:
    source = (ROOT / "wizard" / "settings.py").read_text(encoding="utf-8")
    return {(match[1], match[2]) for match in VARIABLE.finditer(source)}


def test_every_setting_is_documented_and_no_other() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)`(?: \*)? \|", OPERATIONS, re.MULTILINE))
    assert documented - {"TMC_INSTALLER_STATE"} == {name for _, name in settings()}


def test_the_star_stands_where_a_file_may_be_named() -> None:
    starred = set(re.findall(r"^\| `([A-Z_]+)` \* \|", OPERATIONS, re.MULTILINE))
    assert starred == {name for kind, name in settings() if kind != "boolean"}


def test_every_option_of_up_is_documented() -> None:
    source = (ROOT / "wizard" / "management" / "commands" / "up.py").read_text(encoding="utf-8")
    options = set(re.findall(r"add_argument\(\"(--\w+)\"", source))
    assert options
    assert {option for option in options if f"`{option}" not in OPERATIONS} == set()


def test_the_commands_of_the_readme_are_targets_and_listed() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"rehearse", "run", "test", "check"} <= named <= targets
    wanted = {"rehearse", "run", "test", "check", "shots", "bench-push", "lock", "messages", "clean"}
    assert wanted <= set(re.findall(r'@echo "make ([a-z-]+)', MAKEFILE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_file_of_ours_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"(?:docs|tests|scripts)/[\w/.-]+\.(?:md|py|png)", text)
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements.in", "requirements-dev.in"])
def test_the_pins_name_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--(index-url|extra-index-url|find-links|trusted-host)", text, re.MULTILINE)


def test_both_pins_agree() -> None:
    product, everything = (_pins(ROOT / name) for name in ("requirements.txt", "requirements-dev.txt"))
    assert product.items() <= everything.items()


def _pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))
