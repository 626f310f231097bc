"""A pytest plugin, named in pyproject.toml: before Django reads its settings, a state folder that is nobody's.

Not in `conftest.py`: pytest-django reads the settings before any of those, and the tests then worked on the state folder
of whoever ran them, next to a real keyring and to the socket of a Redis that may be running.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="tmc-tests-"))
os.environ["TMC_INSTALLER_STATE"] = str(FOLDER)
os.environ.setdefault("TMC_INSTALLER_SECRET_KEY", "only-for-tests")


def pytest_unconfigure() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
