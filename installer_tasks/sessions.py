"""Saved sessions: answers saved one by one, findings kept beside them, and what follows for the steps.

The services that pages, `manage.py install` and the rehearsal all call; none of them writes these rows itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from installer_tasks import answers as answer_keys
from installer_tasks.errors import InputError
from installer_tasks.models import SECRET_COLUMN, Answer, AuditEntry, Installation, Source, Workspace
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

DEFAULT_WORKSPACE = "default"


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


@transaction.atomic
def save_answers(
    installation: Installation,
    values: Mapping[str, str],
    *,
    source: str = Source.PERSON,
    person: User | None = None,
) -> tuple[str, ...]:
    """Save these answers; returns the keys whose value really changed.

    An empty secret is left as it was: secrets are write-only, so a form sends them empty when nobody typed.
    """
    for key, value in values.items():
        _require_text(key, value)
    before = installation.fingerprints()
    changed = tuple(
        key
        for key, value in values.items()
        if _differs(installation, key, value, before) and _store(installation, key, value, source, person)
    )
    if changed:
        AuditEntry.objects.create(
            person=person, installation=installation, action="answers.changed", detail={"keys": list(changed)}
        )
        installation.touch()
    return changed


def _require_text(key: str, value: str) -> None:
    """PostgreSQL keeps no NUL in a text, and no answer has a use for one."""
    if "\0" in value:
        raise InputError(
            text(_("%(label)s contains a NUL character."), label=answer_keys.BY_NAME[key].label),
            value=key,
            remedy=Text(_("Type it again, or upload the file as text.")),
            field=key,
            code="nul-character",
        )


def _differs(installation: Installation, key: str, value: str, before: Mapping[str, str]) -> bool:
    if key in answer_keys.SECRETS and not value:
        return False
    return before.get(key) != installation.workspace.box.fingerprint(value)


def _store(installation: Installation, key: str, value: str, source: str, person: User | None) -> bool:
    box = installation.workspace.box
    secret = answer_keys.BY_NAME[key].secret
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
    return True


def forget_answer(installation: Installation, key: str) -> None:
    """Remove an answer, so that its default applies again."""
    if installation.answers.filter(key=key).delete()[0]:
        installation.touch()


def visible_answers(installation: Installation) -> dict[str, str]:
    """Answers for pages: effective values without the secrets, which are "" here always."""
    rows = dict(installation.answers.values_list("key", "value"))
    return {**answer_keys.with_defaults(rows), **rows}


def has_answer(installation: Installation, keys: Iterable[str]) -> bool:
    """Whether each required key among these that applies has an answer or a default."""
    known = dict(installation.answers.values_list("key", "value"))
    wanted = (key for key in map(answer_keys.BY_NAME.__getitem__, keys) if answer_keys.applies(key, known))
    return all(not key.required or key.default or key.name in known for key in wanted)


def remember_step(installation: Installation, step: str) -> None:
    """Where the person was last, so that another browser opens there."""
    Installation.objects.filter(pk=installation.pk).exclude(step=step).update(step=step)
