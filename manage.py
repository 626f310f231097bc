#!/usr/bin/env python
"""Django's command line for the installer. `--state DIR` works with every command."""

from __future__ import annotations

import os
import sys

from installer_tasks.local import state_folder


def without_state(argv: list[str]) -> list[str]:
    """Take `--state DIR` out and into the environment: the settings need it before any command reads its options."""
    left: list[str] = []
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if name != "--state":
            left.append(word)
            continue
        folder = value if equals else next(words, "")
        if not folder:
            sys.exit("--state needs the path of a folder")
        os.environ["TMC_INSTALLER_STATE"] = folder
    return left


def _practise_apart() -> None:
    """A rehearsal has a state folder of its own: it must neither meet nor disturb a real installation."""
    os.environ.setdefault(state_folder.VARIABLE, str(state_folder.default_folder() / "practice"))


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wizard.settings")
    argv = without_state(sys.argv)
    if argv[1:2] == ["rehearse"]:
        _practise_apart()
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - after the environment is set

    execute_from_command_line(argv)


if __name__ == "__main__":
    main()
