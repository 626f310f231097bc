"""Saved sessions: answers saved one by one, findings kept beside them, and what follows for the steps.

The services that pages, `manage.py install` and the rehearsal all call; none of them writes these rows itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from installer_tasks import answer_keys, destinations
from installer_tasks.errors import InputError
from installer_tasks.local import log_redaction
from installer_tasks.models import SECRET_COLUMN, Answer, AuditEntry, Installation, Source, Workspace
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

DEFAULT_WORKSPACE = "default"
LONGEST_AUDITED = 20_000  #: characters of a value; a list of authorities may be a megabyte


def default_workspace() -> Workspace:
    return Workspace.objects.get_or_create(name=DEFAULT_WORKSPACE)[0]


@transaction.atomic
def create_installation(
    name: str, *, person: User | None = None, workspace: Workspace | None = None, practice: bool = False
) -> Installation:
    """A new saved session, empty but for the defaults, which apply until somebody answers."""
    installation = Installation.objects.create(
        workspace=workspace or default_workspace(), name=name, created_by=person, practice=practice
    )
    AuditEntry.objects.create(person=person, installation=installation, action="installation.created")
    return installation


@contextmanager
def locked(installation: Installation) -> Iterator[None]:
    """Nobody else saves an answer of this installation meanwhile; others of them can."""
    with transaction.atomic():
        list(Installation.objects.select_for_update().filter(pk=installation.pk).values_list("pk"))
        yield


@transaction.atomic
def save_answers(
    installation: Installation,
    values: Mapping[str, str | None],
    *,
    source: str = Source.PERSON,
    person: User | None = None,
) -> tuple[str, ...]:
    """The one way in which answers are written; returns the keys whose value really changed.

    None, or an empty text, removes an answer, so that its default applies again. An empty secret is left as it was:
    secrets are write-only, so a form sends them empty when nobody typed. A secret whose destination changes is removed
    unless it is given anew, and is needed again.
    """
    for key, value in values.items():
        _require_text(key, value or "")
    before = {row.key: row for row in installation.answers.all()}
    changed = {key: value or None for key, value in values.items() if _differs(installation, key, value, before)}
    if not changed:
        return ()
    taken_back = _taken_back(installation, before, values, changed)
    for key, value in {**changed, **dict.fromkeys(taken_back)}.items():
        _store(installation, key, value, source, person)
    after = {row.key: row for row in installation.answers.filter(key__in=changed)}
    changes = [_change(key, before.get(key), after.get(key)) for key in changed]
    _audit(installation, person, "answers.changed", keys=list(changed), changes=changes)
    if taken_back:
        because = list(dict.fromkeys(taken_back.values()))
        _audit(installation, person, "secrets.taken-back", keys=list(taken_back), because=because)
    _remember_needed(installation, taken_back, [key for key, value in changed.items() if value])
    installation.touch()
    return tuple(changed)


def _require_text(key: str, value: str) -> None:
    """PostgreSQL keeps no NUL in a text, and no answer has a use for one."""
    if "\0" in value:
        raise InputError(
            text(_("%(label)s contains a NUL character."), label=answer_keys.BY_NAME[key].label),
            value=key,
            remedy=Text(_("Enter it again, or upload the file as text.")),
            field=key,
            code="nul-character",
        )


def _differs(installation: Installation, key: str, value: str | None, before: Mapping[str, Answer]) -> bool:
    row = before.get(key)
    if not value:
        return row is not None and (value is None or key not in answer_keys.SECRETS)
    return row is None or row.fingerprint != installation.workspace.box.fingerprint(value)


def _taken_back(
    installation: Installation,
    before: Mapping[str, Answer],
    values: Mapping[str, str | None],
    changed: Mapping[str, str | None],
) -> dict[str, str]:
    """See destinations. A secret that is typed again, if only the same, is given for the new destination."""
    if not destinations.concerned(changed):
        return {}
    for row in before.values():
        row.installation = installation
    plain = {key: row.reveal() for key, row in before.items()}
    after = {**plain, **{key: value or "" for key, value in changed.items()}}
    return destinations.taken_back(plain, after, [key for key, value in values.items() if value])


def _store(installation: Installation, key: str, value: str | None, source: str, person: User | None) -> None:
    if value is None:
        installation.answers.filter(key=key).delete()
        return
    box = installation.workspace.box
    secret = answer_keys.BY_NAME[key].secret
    if secret:
        log_redaction.remember(*answer_keys.secret_texts({key: value}))
    Answer.objects.update_or_create(
        installation=installation,
        key=key,
        defaults={
            "value": "" if secret else value,
            "sealed": box.seal(SECRET_COLUMN, value) if secret else "",
            "fingerprint": box.fingerprint(value),
            "source": source,
            "changed_by": person,
            "changed_at": timezone.now(),
        },
    )


def _change(key: str, before: Answer | None, after: Answer | None) -> dict[str, str]:
    """Both values; of a secret keyed fingerprints, which say whether it is another and nothing else."""
    kept = "fingerprint" if key in answer_keys.SECRETS else "value"
    old, new = (str(getattr(row, kept)) if row else "" for row in (before, after))
    return {"key": key, "before": old[:LONGEST_AUDITED], "after": new[:LONGEST_AUDITED]}


def _audit(installation: Installation, person: User | None, action: str, **detail: object) -> None:
    AuditEntry.objects.create(person=person, installation=installation, action=action, detail=detail)


def _remember_needed(installation: Installation, taken_back: Mapping[str, str], given: Collection[str]) -> None:
    """For the pages: which secrets are needed again, and which answer's change did it."""
    if not taken_back and answer_keys.SECRETS.isdisjoint(given):
        return
    rows = Installation.objects.filter(pk=installation.pk)
    kept = {key: why for key, why in rows.values_list("needed_again", flat=True).get().items() if key not in given}
    installation.needed_again = {**kept, **taken_back}
    rows.update(needed_again=installation.needed_again)


def needed_again(installation: Installation, key: str) -> InputError | None:
    """What to say of a secret that was taken back, until it is given again."""
    why = installation.needed_again.get(key, "")
    if why not in answer_keys.BY_NAME:
        return None
    return InputError(
        text(_("Removed because “%(label)s” has changed."), label=Text(answer_keys.BY_NAME[why].label)),
        remedy=Text(_("Enter it again, for the new address.")),
        field=key,
        code="secret-needed-again",
    )


def require_given_again(installation: Installation) -> None:
    """Raises InputError for the first secret that was taken back, for whoever is shown no form."""
    effective = visible_answers(installation)
    for key in answer_keys.KEYS:
        error = needed_again(installation, key.name) if key.required and answer_keys.applies(key, effective) else None
        if error is not None:
            raise error


def visible_answers(installation: Installation) -> dict[str, str]:
    """Answers for pages: effective values without the secrets, which are "" here always."""
    rows = dict(installation.answers.values_list("key", "value"))
    return {**answer_keys.with_defaults(rows), **rows}


def remember_step(installation: Installation, step: str) -> None:
    """Where the person was last, so that another browser opens there."""
    Installation.objects.filter(pk=installation.pk).exclude(step=step).update(step=step)
