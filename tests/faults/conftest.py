"""Real processes work on the test database here too: it must be a file."""

from __future__ import annotations

from tests.engine import conftest as database_in_a_file  # noqa: F401
