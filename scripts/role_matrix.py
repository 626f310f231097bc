#!/usr/bin/env python3
"""Asks every address as every role with every method, and writes the counts into docs/security.md and its twin.

Says what was answered otherwise than `wizard/accounts/routes.py` declares, and ends with 1 then. Real database, in
memory; nothing of it is kept. `tests/web/test_role_matrix.py` holds the same.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    from django.db import connection
    from django.test.utils import setup_test_environment

    from tests.web import role_matrix

    setup_test_environment()
    connection.creation.create_test_db(verbosity=0)
    answered = list(role_matrix.matrix(role_matrix.World()))
    for name, titles in role_matrix.DOCUMENTS.items():
        path = ROOT / name
        path.write_text(role_matrix.written(path.read_text(encoding="utf-8"), answered), encoding="utf-8")
        print("\n".join([name, *(role_matrix.row(role, answered, title) for role, title in titles.items())]))
    found = role_matrix.wrong(answered)
    print("\n".join([f"{len(answered):,} requests, {len(found)} answered otherwise than declared", *found]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as state:
        os.environ |= {"TMC_INSTALLER_STATE": state, "DJANGO_SETTINGS_MODULE": "wizard.settings"}
        os.environ.pop("DATABASE_URL", None)
        import django

        django.setup()
        sys.exit(main())
