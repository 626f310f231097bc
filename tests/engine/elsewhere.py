"""Other processes on the same database as the test."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).parent.parent.parent


def environment(folder: Path, **more: str) -> dict[str, str]:
    """For a process with its state in `folder`, but this test's database and keyring."""
    folder.mkdir(mode=0o700, exist_ok=True)
    own = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "DJANGO_SETTINGS_MODULE": "wizard.settings",
        "TMC_INSTALLER_STATE": str(folder),
        "TMC_INSTALLER_SECRET_KEY": "only-for-tests",
        "TMC_INSTALLER_KEYRING": str(settings.KEYRING_FILE),
    }
    return {**own, **_database(folder), **more}


def _database(folder: Path) -> dict[str, str]:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        link = folder / "installer.sqlite3"
        if not link.is_symlink():
            link.symlink_to(database["NAME"])
        return {}
    place = f"{quote(database['HOST'], safe='')}:{database['PORT']}".rstrip(":")
    return {"DATABASE_URL": f"postgresql://{database['USER']}:{database['PASSWORD']}@{place}/{database['NAME']}"}
