"""Answers in a file: as they are written, each once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from installer_tasks.errors import InputError
from wizard.headless import read_answers


def answers(tmp_path: Path, content: str) -> dict[str, str]:
    (tmp_path / "answers.yaml").write_text(content)
    return read_answers(tmp_path / "answers.yaml")


@pytest.mark.parametrize(
    "written",
    ["03303560", "No", "1.40", "1_000_001", "0x10", "1e3", "2026-11-29", "12:30:45", "On", "y", ".5", "0b1", "TRUE", "=",
     "-.inf", "+1", "0o17"],
)  # fmt: skip
def test_a_plain_scalar_is_the_text_that_stands_there(tmp_path: Path, written: str) -> None:
    for form in (written, f"'{written}'", f'"{written}"'):
        assert answers(tmp_path, f"registry.username: {form}\n") == {"registry.username": written}


@pytest.mark.parametrize(("written", "value"), [("", ""), ("~", ""), ("null", ""), ("'null'", "null"), ("''", "")])
def test_nothing_is_nothing(tmp_path: Path, written: str, value: str) -> None:
    assert answers(tmp_path, f"registry.username: {written}\n") == {"registry.username": value}


@pytest.mark.parametrize(("written", "value"), [("true", "true"), ("No", "false"), ("off", "false"), ("TRUE", "true")])
def test_a_switch_takes_the_words_of_yaml(tmp_path: Path, written: str, value: str) -> None:
    assert answers(tmp_path, f"services.telemetry: {written}\n") == {"services.telemetry": value}


@pytest.mark.parametrize(
    "content",
    [
        "registry.username: a\nregistry.project: h/p\nregistry.username: b\n",
        "registry.username: a\n'registry.username': a\n",
        "registry.ca: {file: a.pem, file: b.pem}\n",
    ],
)
def test_a_key_twice_is_refused_with_its_line(tmp_path: Path, content: str) -> None:
    with pytest.raises(InputError) as caught:
        answers(tmp_path, content)
    assert caught.value.code == "answers-key-twice"
    assert caught.value.cause.params["line"] == content.count("\n")


def test_a_secret_under_a_doubled_key_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        answers(tmp_path, "registry.password: canary-one\nregistry.password: canary-two\n")
    assert "canary" not in str(caught.value.as_json())


def test_tags_make_no_objects(tmp_path: Path) -> None:
    with pytest.raises((InputError, yaml.YAMLError)):
        answers(tmp_path, "registry.username: !!python/object/apply:os.getcwd []\n")
