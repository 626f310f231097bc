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
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.translation import gettext

from installer_tasks import answer_keys, releases, saved_answers
from installer_tasks.decoding import decoded
from installer_tasks.errors import InputError, InstallerError, Stalled
from installer_tasks.local.processes import AlreadyRunning, Supervisor
from installer_tasks.local.redaction import Redactor
from installer_tasks.models import Event, Installation, Run, RunState, Source, StageState
from installer_tasks.plan import Plan
from installer_tasks.preflight import bundle_access, checks, collecting, findings
from installer_tasks.preflight.checks.base import BAD, Facts, Level
from installer_tasks.preflight.checks.base import judge as judge_one
from installer_tasks.preflight.facts import observe_all, observing
from installer_tasks.preflight.facts.base import Granted
from installer_tasks.preflight.state import Item, load
from installer_tasks.releases import settings as release_settings
from installer_tasks.runs import events, rows, service
from installer_tasks.text import mark as _
from installer_tasks.text import text
from wizard import answers_file, steps
from wizard.presenters import diagnoses
from wizard.presenters import runs as run_views
from wizard.texts import render

Say = Callable[[str], None]

POLL_SECONDS = 0.1  #: seconds between two looks at the rows
CHECK_DEADLINE = 600.0
SHOWN_LINES = 12  #: of what a system said, in a terminal
#: Answers that are true or false.
_SWITCHES = tuple(key.name for key in answer_keys.KEYS if key.default in ("true", "false"))
#: What a file may name: nobody enters what the download says of itself.
_NAMES = tuple(key for key in answer_keys.BY_NAME if key != answer_keys.DESCRIBED)


def read_answers(path: Path) -> dict[str, str]:
    """Answers from a YAML file of `<step>.<field>: value`; `{file: path}` takes the value from a file beside it.

    Raises InputError for what is not such a file, for a key that is no answer, and for a secret that stands in the
    file itself: answers are passed on and kept, secrets must not be.
    """
    try:
        document = answers_file.parse(decoded(path.read_bytes(), name=str(path)))
    except OSError as error:
        raise _unreadable(path) from error
    except yaml.YAMLError as error:
        raise _not_yaml(path, error) from None
    if not isinstance(document, dict):
        raise InputError(text(_("The answers file %(path)s contains no answers."), path=str(path)), value=str(path))
    return {str(key): _value(str(key), value, path.parent) for key, value in document.items()}


def _value(key: str, value: Any, folder: Path) -> str:
    if key not in _NAMES:
        raise InputError(
            text(_("%(key)s is not the name of an answer."), key=key),
            value=key,
            remedy=text(_("Use one of: %(keys)s."), keys=", ".join(_NAMES)),
            field=key,
        )
    if isinstance(value, dict) and set(value) == {"file"}:
        return _content(folder / str(value["file"]), key)
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise InputError(
            text(_("The value of %(key)s is neither a text nor {file: path}."), key=key),
            value=key,
            remedy=text(_("Enter a text, or {file: path}.")),
            field=key,
        )
    if key in answer_keys.SECRETS:
        raise _open_secret(key)
    return answers_file.yes_or_no(str(value)) if key in _SWITCHES else str(value)


def _content(path: Path, key: str) -> str:
    """A file's text; the end of a single line is the editor's, not the value's."""
    try:
        if key == answer_keys.SETTINGS:
            return release_settings.dumped(release_settings.document(decoded(path.read_bytes(), name=str(path))))
        content = steps.field(key).read(path.read_bytes(), str(path))
    except OSError as error:
        raise _unreadable(path, key) from error
    except InputError as error:
        error.field = key
        raise
    line = content.rstrip("\r\n")
    return content if "\n" in line else line


def _unreadable(path: Path, key: str = "") -> InputError:
    return InputError(
        text(_("Cannot read the file %(path)s."), path=str(path)),
        value=str(path),
        remedy=text(_("Check that the file exists and that you have permission to read it.")),
        field=key,
    )


def _not_yaml(path: Path, error: yaml.YAMLError) -> InputError:
    """Without the line itself, which the parser's own message shows: it may hold a secret."""
    place = getattr(error, "problem_mark", None)
    return InputError(
        text(_("The answers file %(path)s is not valid YAML."), path=str(path)),
        value=f"{path}:{place.line + 1}" if place else str(path),
        remedy=text(_("Write one `key: value` per line.")),
        detail=str(getattr(error, "problem", "") or ""),
    )


def _open_secret(key: str) -> InputError:
    return InputError(
        text(_("The answers file contains the secret %(key)s itself."), key=key),
        value=key,
        remedy=text(_("Put the secret into its own file that only you can read, and write {file: path} as the value.")),
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
    saved_answers.save_answers(installation, cleaned, source=source)


def check(installation: Installation, step: str) -> list[Item]:
    """Have the worker look at one system and wait for its findings."""
    findings.request(installation, step)
    _wait(lambda: not _observing(installation, step), step)
    return findings.of_step(load(installation), step)


def judge(given: Mapping[str, str]) -> list[Item]:
    """Look at every system with these answers, here and now, and keep nothing; InputError for one that is missing."""
    answers = Plan.from_answers(_described(given)).answers
    redactor = Redactor(answer_keys.secret_texts(answers))
    items: list[Item] = []
    facts = observe_all(answers, Granted(programs=_confirmed_programs(answers)))
    for system in answer_keys.STEPS:
        for each in checks.of_system(system, answers):
            failed = frozenset(item.name for item in items if item.level in BAD)
            verdict = judge_one(each, Facts({system: facts[system]}, answers), failed)
            items.append(Item(each, verdict.level, redactor.clean_data(collecting.verdict_json(verdict))))
    return items


def _described(given: Mapping[str, str]) -> Mapping[str, str]:
    """With what the download of an unknown release says of itself, as far as it can be read."""
    if given.get("bundle.release", "") in releases.known() or not given.get("bundle.path"):
        return given
    answers = answer_keys.with_defaults(given)
    *_before, (seen, _whole) = observing(answers, ["bundle"], wanted=frozenset({"packages"}))
    packages = seen["bundle"].get("packages")
    found = packages["value"]["described"] if packages and packages["ok"] else ""
    return {**given, answer_keys.DESCRIBED: found}


def _confirmed_programs(answers: Mapping[str, str]) -> frozenset[str]:
    """As far as one is to run. None where there is no database yet: nothing is kept, so none is made either."""
    file = Path(str(settings.DATABASES["default"]["NAME"]))
    if answers["bundle.engine"] != answer_keys.VENDOR or (connection.vendor == "sqlite" and not file.exists()):
        return frozenset()
    try:
        return bundle_access.confirmed_programs()
    except DatabaseError:
        return frozenset()


def _observing(installation: Installation, step: str) -> bool:
    return installation.observations.get(system=step).running


def _wait(done: Callable[[], bool], what: str) -> None:
    end, minutes = time.monotonic() + CHECK_DEADLINE, CHECK_DEADLINE // 60
    while not done():
        if time.monotonic() > end:
            raise Stalled(
                text(
                    _("Timed out after %(minutes)d minutes waiting for the checks of step %(what)s."),
                    minutes=minutes,
                    what=what,
                ),
                value=what,
                remedy=text(_("Check that a worker is running, then run the command again.")),
            )
        time.sleep(POLL_SECONDS)


def walk(installation: Installation, answers: Mapping[str, str], say: Say, source: str = Source.IMPORT) -> bool:
    """Every step in its order: answer, prove, say. True when nothing blocks a run."""
    for step in answer_keys.STEPS:
        answer_step(installation, step, answers, source)
    if kept := answers.get(answer_keys.SETTINGS):
        saved_answers.save_answers(installation, {answer_keys.SETTINGS: kept}, source=source)
    saved_answers.require_given_again(installation)
    # Checks read answers of later steps too, hence all answers before the first look.
    for step in answer_keys.STEPS:
        say_findings(step, check(installation, step), say)
    return not findings.blocking(load(installation))


def say_findings(step: str, items: list[Item], say: Say) -> None:
    passes = sum(item.level is Level.PASS for item in items)
    say(f"  {step:<13} {gettext('%(passes)d of %(all)d checks passed') % {'passes': passes, 'all': len(items)}}")
    for item in items:
        if item.level is not Level.PASS:
            say(f"    {item.level}: {item.name}: {render(item.verdict.get('message'))}")
            say(f"      {render(item.verdict.get('remedy'))}")


def carry_out(installation: Installation, say: Say) -> Run:
    """Start a run, or resume the one that failed or was cancelled, and follow its journal to the end."""
    last = service.interrupted(installation)
    resumes = last is not None and not last.undoes
    return follow(service.resume(installation) if resumes else service.start(installation), say)


def follow(run: Run, say: Say) -> Run:
    """Say every event as it comes; returns the run in its final state."""
    seen, waits = 0, _Waits(run, say)
    while True:
        run.refresh_from_db()
        final = run.final  # before reading the events: none comes after it
        for event in run.events.filter(seq__gt=seen):
            seen = event.seq
            for line in _lines(event):
                say(line)
        if final:
            return run
        waits.look()
        time.sleep(POLL_SECONDS)


def _lines(event: Event) -> Iterator[str]:
    """With the system's own words, which often say more than the sentence."""
    mark_ = {"error": "✗", "warning": "!"}.get(event.level, " ")
    yield f"  {event.at:%H:%M:%S} {mark_} {event.stage:<20} {render(events.sentence(event.code, event.params))}"
    if mark_ != " ":
        yield from (f"      {line}" for line in event.text.splitlines()[-SHOWN_LINES:])


class _Waits:
    """What is waited for: said when it begins, when it changes, and once a minute while it lasts."""

    def __init__(self, run: Run, say: Say) -> None:
        self._run, self._say = run, say
        self._said: tuple[str, int] | None = None
        self._problem = ""

    def look(self) -> None:
        problem = run_views.local_problem()
        if problem != self._problem and problem:
            self._say(f"  {timezone.now():%H:%M:%S} ✗ {problem}")
        self._problem = problem
        row = self._run.stages.filter(state=StageState.RUNNING).values("slug", "waiting_for", "waiting_since").first()
        if row is None or not row["waiting_for"] or not row["waiting_since"]:
            self._said = None
            return
        minutes = int((timezone.now() - row["waiting_since"]).total_seconds() // 60)
        said = str(row["waiting_for"].get("template", "")), minutes
        if said == self._said:
            return
        self._said = said
        what = gettext("waiting for %(what)s") % {"what": render(row["waiting_for"])}
        since = gettext(" (for %(minutes)d min)") % {"minutes": minutes} if minutes else ""
        self._say(f"  {timezone.now():%H:%M:%S} … {row['slug']:<20} {what}{since}")


def why(run: Run) -> list[str]:
    """Where it failed, the cause, the fix and who can do it; nothing where nothing was found out."""
    row = run.stages.filter(state=StageState.FAILED).defer("facts").first()
    found = diagnoses.view(row.diagnosis, run.installation_id) if row else None
    return list(diagnoses.lines(found)) if found else []


def succeeded(run: Run) -> bool:
    return run.state == RunState.SUCCEEDED


def console_url(run: Run) -> str:
    return rows.frozen_plan(run).console_url


def find_installation(number: int) -> Installation:
    found = Installation.objects.select_related("workspace").filter(pk=number).first()
    if found is None:
        known = ", ".join(f"{each.pk} ({each.name})" for each in Installation.objects.all()[:20])
        raise InputError(
            text(_("Installation %(number)s does not exist."), number=number),
            value=str(number),
            remedy=text(_("Existing installations: %(known)s."), known=known or "–"),
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
