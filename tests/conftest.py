"""What every test shares: the programs that a mark asks for, an alarm, and a report of what was real."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.waiting import alarm

# In CI the same examples every time: what a random one finds belongs into a test of its own, not into somebody's run.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# A shell starts what it puts into the background with SIGINT ignored, and every program started here would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

#: Marks that say which real program a test runs against; counted at the end.
REAL = {
    "redis": "Redis",
    "postgresql": "PostgreSQL",
    "docker_registry": "docker-registry",
    "browser": "Chromium",
    "oracle": "Go",
}
_counts: dict[str, int] = dict.fromkeys(REAL, 0)


def pytest_configure() -> None:
    from django.conf import settings as django_settings

    # The real cost is left to the tests that start real processes.
    django_settings.PASSWORD_HASHERS = ["tests.quick_passwords.QuickPBKDF2"]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a test whose program is not on this machine."""
    for mark in item.iter_markers("program"):
        name = mark.args[0]
        if shutil.which(name, path=os.environ["PATH"] + os.pathsep + "/usr/sbin") is None:
            message = f"{name} is not installed"
            if os.environ.get("CI"):
                pytest.fail(f"{message}; in CI a missing program is a failure")
            pytest.skip(message)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """What is never left alone by a server, a thread or a child fails here instead of standing still for ever."""
    with alarm():
        return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        for name in REAL:
            _counts[name] += name in report.keywords


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _on_postgresql():
        _counts["postgresql"] = len(terminalreporter.stats.get("passed", []))
    counts = ", ".join(f"{_counts[name]} against {title}" for name, title in REAL.items())
    terminalreporter.write_line(f"real programs: {counts}")


@pytest.fixture(scope="session", autouse=True)
def _no_stragglers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Before PostgreSQL drops the test database: end the sessions of threads that tests of servers left in it."""
    if not _on_postgresql():
        yield
        return
    request.getfixturevalue("django_db_setup")
    yield
    with request.getfixturevalue("django_db_blocker").unblock():
        _end_other_sessions()


def _on_postgresql() -> bool:
    from django.conf import settings

    return str(settings.DATABASES["default"]["ENGINE"]).endswith("postgresql")


def _end_other_sessions() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty state folder of this test's own."""
    monkeypatch.setenv("TMC_INSTALLER_STATE", str(tmp_path))
    yield tmp_path
