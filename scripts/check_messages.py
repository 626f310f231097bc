#!/usr/bin/env python3
"""Whether the catalogues are whole: every sentence translated, none doubtful, none left over, placeholders alike."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "wizard" / "locale"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
#: What holds no sentence for people.
IGNORED = (".venv", "tests", "scripts", "build", "wizard/locale")


def extracted(folder: Path) -> list[Path]:
    """The catalogues as makemessages would write them now, in a copy."""
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "wizard.settings"
    os.environ["TMC_INSTALLER_STATE"] = str(folder / "state")
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    locale = folder / "locale"
    shutil.copytree(LOCALE, locale)
    settings.LOCALE_PATHS = [locale]
    names = [path.name for path in locale.iterdir() if (path / "LC_MESSAGES").is_dir()]
    call_command("makemessages", locale=names, ignore_patterns=list(IGNORED), verbosity=0)
    return sorted(locale.glob("*/LC_MESSAGES/*.po"))


def faults(catalogue: Path) -> Iterator[str]:
    for entry in polib.pofile(str(catalogue)):
        where = entry.occurrences[0][0] if entry.occurrences else ""
        for fault in _faults_of(entry):
            yield f"{catalogue.parent.parent.name}: {fault}: {entry.msgid[:100]!r} {where}"


def _faults_of(entry: polib.POEntry) -> Iterator[str]:
    if entry.obsolete:
        yield "obsolete, delete it"
        return
    if entry.fuzzy:
        yield "fuzzy, translate it again"
    texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
    if not all(texts):
        yield "not translated"
    wanted = {frozenset(PLACEHOLDER.findall(text)) for text in (entry.msgid, entry.msgid_plural) if text}
    if any(text and frozenset(PLACEHOLDER.findall(text)) not in wanted for text in texts):
        yield "other placeholders than the English"


def main() -> int:
    if not any(LOCALE.glob("*/LC_MESSAGES/*.po")):
        print("messages: no catalogue yet")
        return 0
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as name:
        found = [fault for catalogue in extracted(Path(name)) for fault in faults(catalogue)]
    print("\n".join(found) or "messages: whole")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
