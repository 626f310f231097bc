"""Threads and other processes share the test database here: SQLite's must be a file, not memory."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

_database = settings.DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    # Read when the test database is made, which is after all tests are collected.
    _database.setdefault("TEST", {})["NAME"] = str(Path(os.environ["TMC_INSTALLER_STATE"]) / "tests.sqlite3")
