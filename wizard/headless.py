"""The guided installation without a browser: the same forms, the same checks, the same engine.

Used by `manage.py install`, `manage.py check` and `manage.py rehearse`. Work is done by the Celery worker; this side
saves answers, waits for rows to change, and says what they say.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.core.management import call_command
from django.utils.translation import gettext as _

from installer_tasks import answers as answer_keys
from installer_tasks import checks, collecting, findings, messages, runs, sessions
from installer_tasks.checks.base import Facts, Level
from installer_tasks.checks.base import judge as judge_one
from installer_tasks.errors import InputError, InstallerError, Stalled
from installer_tasks.facts import look_at_all
from installer_tasks.models import Event, Installation, Run, RunState, Source
from installer_tasks.plan import Plan
from installer_tasks.processes import AlreadyRunning, Supervisor
from installer_tasks.secrets import Redactor
from installer_tasks.text import mark, text
from wizard import steps
from wizard.texts import render

Say = Callable[[str], None]

LOOK = 0.1  #: seconds between two looks at the rows
CHECK_DEADLINE = 600.0


def read_answers(path: Path) -> dict[str, str]:
    """Answers from a YAML file of `<step>.<field>: value`; `{file: path}` takes the value from a file beside it.

    Raises InputError for what is not such a file, for a key that is no answer, and for a secret that stands in the
    file itself: answers are passed on and kept, secrets must not be.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path) from error
    except yaml.YAMLError as error:
        raise _not_yaml(path, error) from None
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
        return _content(folder / str(value["file"]), key)
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise InputError(
            text(mark("%(key)s is neither a value nor a file."), key=key),
            value=key,
            remedy=text(mark("Write a text, or {file: path}.")),
            field=key,
        )
    if key in answer_keys.SECRETS:
        raise _open_secret(key)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _content(path: Path, key: str) -> str:
    """A file's text; the end of a single line is the editor's, not the value's."""
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, key) from error
    line = content.rstrip("\r\n")
    return content if "\n" in line else line


def _unreadable(path: Path, key: str = "") -> InputError:
    return InputError(
        text(mark("The file %(path)s cannot be read as text."), path=str(path)),
        value=str(path),
        remedy=text(mark("Check that it is there, that you may read it, and that it is UTF-8.")),
        field=key,
    )


def _not_yaml(path: Path, error: yaml.YAMLError) -> InputError:
    """Without the line itself, which the parser's own message shows: it may hold a secret."""
    place = getattr(error, "problem_mark", None)
    return InputError(
        text(mark("%(path)s is not YAML."), path=str(path)),
        value=f"{path}:{place.line + 1}" if place else str(path),
        remedy=text(mark("Write one `key: value` a line.")),
        detail=str(getattr(error, "problem", "") or ""),
    )


def _open_secret(key: str) -> InputError:
    return InputError(
        text(mark("%(key)s is a secret and stands in the answers file itself."), key=key),
        value=key,
        remedy=text(mark("Put it into a file of its own that only you can read, and write {file: path}.")),
        field=key,
    )


def answer_step(installation: Installation, step: str, answers: Mapping[str, str], source: str) -> None:
    """Validate one step with its form and save it; InputError for the first field that is wrong.

    What an installation has answered before counts where `answers` say nothing; a step they leave out stays as it is.
    """
    keys = [key.name for key in answer_keys.of_step(step)]
    given = {key: answers[key] for key in keys if key in answers}
    kept = dict(installation.answers.filter(key__in=keys, sealed="").values_list("key", "value"))
    if kept and not given:
        return
    fields = {key.partition(".")[2]: value for key, value in (kept | given).items()}
    cleaned = steps.validate(installation, step, fields)
    sessions.save_answers(installation, cleaned, source=source)


def check(installation: Installation, step: str) -> list[findings.Item]:
    """Have the worker look at one system and wait for its findings."""
    findings.request(installation, step)
    _wait(lambda: not _observing(installation, step), step)
    return findings.of_step(installation, step)


def judge(given: Mapping[str, str]) -> list[findings.Item]:
    """Look at every system with these answers, here and now, and keep nothing; InputError for one that is missing."""
    answers = Plan.from_answers(given).answers
    redactor = Redactor(answers[key] for key in answer_keys.SECRETS)
    items: list[findings.Item] = []
    facts = look_at_all(answers)
    for system in answer_keys.STEPS:
        for each in checks.of_system(system, answers):
            failed = frozenset(item.name for item in items if item.level in findings.BAD)
            verdict = judge_one(each, Facts({system: facts[system]}, answers), failed)
            items.append(findings.Item(each, verdict.level, redactor.clean_data(collecting.verdict_json(verdict))))
    return items


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
    """Start a run, or resume the one that failed or was cancelled, and follow its journal to the end."""
    last = runs.interrupted(installation)
    resumes = last is not None and not last.undoes
    return follow(runs.resume(installation) if resumes else runs.start(installation), say)


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


def console_url(run: Run) -> str:
    return runs.frozen_plan(run).console_url


def find_installation(number: int) -> Installation:
    found = Installation.objects.select_related("workspace").filter(pk=number).first()
    if found is None:
        known = ", ".join(f"{each.pk} ({each.name})" for each in Installation.objects.all()[:20])
        raise InputError(
            text(mark("There is no installation %(number)s."), number=number),
            value=str(number),
            remedy=text(mark("Known are: %(known)s."), known=known or "–"),
        )
    return found


def told(error: InstallerError) -> str:
    """An error for a terminal: where, what, the other side's words, what to do."""
    place = " ".join(dict.fromkeys(filter(None, (error.field, error.value))))
    lines = (f"{place}: {render(error.cause)}" if place else render(error.cause), error.detail, render(error.remedy))
    return "\n".join(filter(None, lines))


def prepare_database() -> None:
    """Its tables as this version wants them. The installer that runs has done so."""
    supervisor = Supervisor(settings.STATE_DIR)
    with suppress(AlreadyRunning):
        supervisor.claim()
        try:
            call_command("migrate", verbosity=0, interactive=False)
        finally:
            supervisor.stop()


@contextmanager
def at_work() -> Iterator[str]:
    """Somebody works on this state folder: the installer that runs, else one of our own until the end. Its address."""
    supervisor = Supervisor(settings.STATE_DIR)
    try:
        supervisor.claim()
    except AlreadyRunning as running:
        address: str | None = running.url
    else:
        address = None
    if address is not None:
        yield address
        return
    try:
        call_command("migrate", verbosity=0, interactive=False)
        supervisor.start()
        supervisor.wait_ready()
        yield supervisor.url
    finally:
        supervisor.stop()
