"""Rules of the house that import-linter cannot see, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks import answer_keys
from installer_tasks.models import RunKind
from installer_tasks.runs import stages
from installer_tasks.runs.stages.base import Progress

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = ("wizard", "installer_tasks")
TREES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
    for folder in PRODUCT
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "migrations" not in path.parts
}
WRITES = {"create", "bulk_create", "get_or_create", "update_or_create", "update", "bulk_update"}
#: Makes an event, or changes events, of `models.Event`: who may do it is another question.
SAMPLES = {
    "from installer_tasks.models import Event\nEvent(seq=1)": True,
    "from installer_tasks.models import Event as E\nE.objects.create(seq=1)": True,
    "from installer_tasks import models\nmodels.Event.objects.filter(run=1).update(level='x')": True,
    "run.events.create(seq=1)": True,
    "from installer_tasks.models import Event\nEvent.objects.filter(run=1)": False,
    "import threading\nthreading.Event()": False,
    "from threading import Event\nEvent()": False,
}


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported, at the top or late, and every name taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers(package: str) -> set[str]:
    return {
        name
        for name, tree in TREES.items()
        if any(module == package or module.startswith(package + ".") for module in imports(tree))
    }


def writes_events(tree: ast.AST) -> bool:
    names = _names_of_event(tree)
    return any(isinstance(node, ast.Call) and _writes(node.func, names) for node in ast.walk(tree))


def _names_of_event(tree: ast.AST) -> set[str]:
    """What the model is called in this module."""
    found = {"models.Event"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "installer_tasks.models":
            found |= {alias.asname or alias.name for alias in node.names if alias.name == "Event"}
    return found


def _writes(function: ast.expr, names: set[str]) -> bool:
    called = ast.unparse(function)
    if called in names:
        return True
    if not isinstance(function, ast.Attribute) or function.attr not in WRITES:
        return False
    return any(called.startswith(f"{name}.objects") for name in names) or ".events." in called


@pytest.mark.parametrize(("source", "expected"), SAMPLES.items())
def test_the_rule_about_events_sees_what_it_should(source: str, expected: bool) -> None:
    assert writes_events(ast.parse(source)) is expected


def test_only_the_journal_writes_events() -> None:
    assert {name for name, tree in TREES.items() if writes_events(tree)} == {"installer_tasks/runs/journal.py"}


def test_only_the_shell_starts_programs() -> None:
    """The leash starts nothing: it is started by the shell, and becomes another program."""
    assert importers("subprocess") == {"installer_tasks/local/shell.py"}
    for name, tree in TREES.items():
        if name == "installer_tasks/local/pdeathsig.py":
            continue
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not {
            call for call in called if call in ("os.system", "os.popen", "os.fork") or call.startswith("os.exec")
        }, name


def test_only_tasks_and_celery_know_celery() -> None:
    assert importers("celery") <= {"installer_tasks/celery.py", "installer_tasks/tasks.py"}


def test_only_the_cluster_package_knows_the_kubernetes_client() -> None:
    assert all(name.startswith("installer_tasks/systems/cluster/") for name in importers("kubernetes"))


def test_the_estate_is_for_its_own_command_alone() -> None:
    outside = {
        name for name in importers("installer_tasks.rehearsal") if not name.startswith("installer_tasks/rehearsal/")
    }
    assert outside <= {"wizard/management/commands/rehearse.py"}


def test_the_engine_side_knows_no_page() -> None:
    assert not {name for name in importers("wizard") if name.startswith("installer_tasks/")}


def test_no_module_waits_for_a_later_day() -> None:
    sources = {name: (ROOT / name).read_text(encoding="utf-8") for name in TREES}
    words = ("TODO", "FIXME", "NotImplementedError")
    assert [(name, word) for name, source in sources.items() for word in words if word in source] == []
    begins = "from __future__ import annotations"
    assert [name for name, source in sources.items() if TREES[name].body and begins not in source] == []


def test_every_stage_says_what_it_does_where_and_what_its_page_shows() -> None:
    for stage in stages.BY_SLUG.values():
        assert stage.doing not in ("", stage.title), stage.slug
        assert set(stage.systems) <= set(answer_keys.STEPS), stage.slug
        assert stage.systems, stage.slug
        assert isinstance(stage.shows, Progress), stage.slug


def test_every_stage_of_a_run_can_be_found_by_its_slug() -> None:
    assert stages.BY_SLUG.keys() == {stage.slug for kind in RunKind for stage in stages.of_kind(kind)}
