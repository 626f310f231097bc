"""The guided installation without a browser: the same forms, the same checks, the same engine.

Used by `manage.py install`, `manage.py check` and `manage.py rehearse`. Work is done by the Celery worker; this side
saves answers, waits for rows to change, and says what they say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from django.utils.translation import gettext as _

from installer_tasks import answers as answer_keys
from installer_tasks import findings, messages, runs, sessions
from installer_tasks.checks.base import Level
from installer_tasks.errors import InputError, Stalled
from installer_tasks.models import Event, Installation, Run, RunState, Source
from installer_tasks.text import mark, text
from wizard import steps
from wizard.texts import render

Say = Callable[[str], None]

LOOK = 0.1  #: seconds between two looks at the rows
CHECK_DEADLINE = 600.0


def read_answers(path: Path) -> dict[str, str]:
    """Answers from a YAML file of `<step>.<field>: value`; `{file: path}` takes the value from a file beside it.

    Raises InputError for what is not such a file, and for a key that is no answer.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(
            text(mark("%(path)s cannot be read as YAML."), path=str(path)), value=str(path), detail=str(error)
        ) from error
    if not isinstance(document, dict):
        raise InputError(text(mark("%(path)s holds no answers."), path=str(path)), value=str(path))
    return {str(key): _value(str(key), value, path.parent) for key, value in document.items()}


def _value(key: str, value: Any, folder: Path) -> str:
    if key not in answer_keys.BY_NAME:
        raise InputError(
            text(mark("%(key)s is not an answer."), key=key),
            value=key,
            remedy=text(mark("Known are: %(keys)s."), keys=", ".join(answer_keys.BY_NAME)),
            field=key,
        )
    if isinstance(value, dict) and set(value) == {"file"}:
        return (folder / str(value["file"])).read_text(encoding="utf-8")
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def answer_step(installation: Installation, step: str, answers: Mapping[str, str], source: str) -> None:
    """Validate one step with its form and save it; InputError for the first field that is wrong."""
    fields = {key.field: answers[key.name] for key in answer_keys.of_step(step) if key.name in answers}
    cleaned = steps.validate(installation, step, fields)
    sessions.save_answers(installation, cleaned, source=source)


def check(installation: Installation, step: str) -> list[findings.Item]:
    """Have the worker look at one system and wait for its findings."""
    findings.request(installation, step)
    _wait(lambda: not _observing(installation, step), step)
    return findings.of_step(installation, step)


def _observing(installation: Installation, step: str) -> bool:
    return installation.observations.get(system=step).running


def _wait(done: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + CHECK_DEADLINE
    while not done():
        if time.monotonic() > end:
            raise Stalled(text(mark("Nothing was heard of %(what)s; is a worker running?"), what=what))
        time.sleep(LOOK)


def walk(installation: Installation, answers: Mapping[str, str], say: Say, source: str = Source.IMPORT) -> bool:
    """Every step in its order: answer, prove, say. True when nothing blocks a run."""
    for step in answer_keys.STEPS:
        answer_step(installation, step, answers, source)
    # Checks read answers of later steps too, hence all answers before the first look.
    for step in answer_keys.STEPS:
        say_findings(step, check(installation, step), say)
    return not findings.blocking(installation)


def say_findings(step: str, items: list[findings.Item], say: Say) -> None:
    passes = sum(item.level is Level.PASS for item in items)
    say(f"  {step:<13} {_('%(passes)d of %(all)d checks passed') % {'passes': passes, 'all': len(items)}}")
    for item in items:
        if item.level is not Level.PASS:
            say(f"    {item.level}: {item.name}: {render(item.verdict.get('message'))}")
            say(f"      {render(item.verdict.get('remedy'))}")


def carry_out(installation: Installation, say: Say) -> Run:
    """Start a run and follow its journal to the end."""
    run = runs.start(installation, None)
    return follow(run, say)


def follow(run: Run, say: Say) -> Run:
    """Say every event as it comes; returns the run in its final state."""
    seen = 0
    while True:
        run.refresh_from_db()
        final = run.final  # before reading the events: none comes after it
        for event in run.events.filter(seq__gt=seen):
            seen = event.seq
            for line in _lines(event):
                say(line)
        if final:
            return run
        time.sleep(LOOK)


def _lines(event: Event) -> Iterator[str]:
    mark_ = {"error": "✗", "warning": "!"}.get(event.level, " ")
    yield f"  {event.at:%H:%M:%S} {mark_} {event.stage:<20} {messages.render(event.code, event.params, _)}"


def succeeded(run: Run) -> bool:
    return run.state == RunState.SUCCEEDED
