"""Our own compiler of message catalogues against the one of gettext."""

from __future__ import annotations

import gettext
import io
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import compile_messages  # noqa: E402
from check_messages import faults  # noqa: E402

CATALOGUE = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

#: wizard/steps/registry.py
#, python-format
msgid "The registry %(host)s refused"
msgstr "注册表 %(host)s 拒绝了"

msgctxt "noun"
msgid "Run"
msgstr "运行"
msgid "Run"
msgstr "跑"

msgid ""
"two "
"lines\n"
msgstr ""
"两"
"行 \"引号\"\\ \t\n"

msgid "%(n)s image"
msgid_plural "%(n)s images"
msgstr[0] "%(n)s 个"
msgstr[1] "%(n)s 些"

#, fuzzy
msgid "doubtful"
msgstr "可疑"

msgid "nothing"
msgstr ""

#~ msgid "gone"
#~ msgstr "没了"
"""


def translations(compiled: bytes) -> gettext.GNUTranslations:
    return gettext.GNUTranslations(io.BytesIO(compiled))


@pytest.mark.program("msgfmt")
def test_it_compiles_as_msgfmt_does(tmp_path: Path) -> None:
    source = tmp_path / "django.po"
    source.write_text(CATALOGUE, encoding="utf-8")
    subprocess.run(["msgfmt", "-o", str(tmp_path / "theirs.mo"), str(source)], check=True)
    theirs = translations((tmp_path / "theirs.mo").read_bytes())
    ours = translations(compile_messages.compiled(CATALOGUE))
    assert vars(ours)["_catalog"] == vars(theirs)["_catalog"]
    assert ours.info() == theirs.info()


def test_sentences_are_found_again() -> None:
    ours = translations(compile_messages.compiled(CATALOGUE))
    assert ours.gettext("two lines\n") == '两行 "引号"\\ \t\n'
    assert (ours.pgettext("noun", "Run"), ours.gettext("Run")) == ("运行", "跑")
    assert ours.ngettext("%(n)s image", "%(n)s images", 2) == "%(n)s 些"
    assert (ours.gettext("doubtful"), ours.gettext("nothing"), ours.gettext("gone")) == ("doubtful", "nothing", "gone")


def test_only_a_newer_catalogue_is_compiled_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "zh_Hans" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text(CATALOGUE, encoding="utf-8")
    compile_messages.main(tmp_path)
    assert (folder / "django.mo").exists()
    assert "Compiled" in capsys.readouterr().out
    compile_messages.main(tmp_path)
    assert capsys.readouterr().out == ""


def test_what_is_wrong_with_a_catalogue_is_named(tmp_path: Path) -> None:
    source = tmp_path / "zh_Hans" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text(CATALOGUE.replace("%(host)s 拒绝", "%(name)s 拒绝"), encoding="utf-8")
    found = "\n".join(faults(source))
    assert [line.split(": ")[1] for line in found.splitlines()] == [
        "other placeholders than the English",
        "fuzzy, translate it again",
        "not translated",
        "obsolete, delete it",
    ]


@pytest.mark.program("msgfmt")
def test_the_real_catalogues_compile_alike(tmp_path: Path) -> None:
    for source in (ROOT / "wizard" / "locale").glob("*/LC_MESSAGES/*.po"):
        target = tmp_path / f"{source.parent.parent.name}.mo"
        subprocess.run(["msgfmt", "-o", str(target), str(source)], check=True)
        ours = translations(compile_messages.compiled(source.read_text(encoding="utf-8")))
        assert vars(ours)["_catalog"] == vars(translations(target.read_bytes()))["_catalog"]
