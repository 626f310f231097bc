"""The steps of the wizard, in order; a new step is one module here and one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from installer_tasks import saved_answers
from installer_tasks.errors import InputError
from installer_tasks.models import Installation, Source
from installer_tasks.preflight.state import load
from installer_tasks.text import Text
from wizard import system_guesses
from wizard.steps import bundle, certificates, cluster, dns, identity, registry, services
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import AnswerField, Problem

STEPS: tuple[Step, ...] = (
    bundle.STEP,
    cluster.STEP,
    dns.STEP,
    identity.STEP,
    registry.STEP,
    certificates.STEP,
    services.STEP,
)

BY_SLUG: Mapping[str, Step] = {step.slug: step for step in STEPS}


def after(slug: str) -> Step | None:
    """The next step, or None when review comes next."""
    position = [step.slug for step in STEPS].index(slug)
    return STEPS[position + 1] if position + 1 < len(STEPS) else None


def field(key: str) -> AnswerField:
    """The form field of an answer."""
    step, _dot, name = key.partition(".")
    found = BY_SLUG[step].form.base_fields[name]
    if not isinstance(found, AnswerField):
        raise TypeError(key)
    return found


def validate(installation: Installation, slug: str, fields: Mapping[str, Any]) -> dict[str, str]:
    """The answers of a step by key, as an administrator's form gives them; InputError for the first that is wrong."""
    form = BY_SLUG[slug].form(dict(fields), {}, state=load(installation), anywhere=True)
    form.is_valid()
    for name, errors in form.errors.as_data().items():
        raise _as_input_error(form, name, errors[0])
    given = {*map(form.key, fields), *form.given.found}
    return {key: value for key, value in form.answers(final=True).items() if key in given}


def _as_input_error(form: StepForm, name: str, error: ValidationError) -> InputError:
    again = saved_answers.needed_again(form.installation, form.key(name)) if error.code == "required" else None
    if again is not None:
        return again
    if isinstance(error, Problem):
        error.error.field = error.error.field or form.key(name)
        return error.error
    return InputError(Text(str(error.messages[0]).replace("%", "%%")), field=form.key(name), value=name)


def save(form: StepForm, person: User | None) -> tuple[str, ...]:
    """Keep what is valid; returns the keys that changed. What stands at its default, or was emptied, has no row.

    What another has saved since the form's page was opened is not overwritten: the form has an error then.
    """
    with saved_answers.locked(form.installation):
        form.refuse_overwriting()
        if person is not None:
            system_guesses.limit(form, person)
        return _store(form, person)


def _store(form: StepForm, person: User | None) -> tuple[str, ...]:
    values = {key: value for key, value in form.answers().items() if not _is_default(form, key, value)}
    suggested = {form.key(name): value for name, (value, _why) in form.suggestions().items()}
    by_source: dict[str, dict[str, str]] = {Source.PERSON: {}, Source.FOUND: {}, Source.GENERATED: {}}
    for key, value in values.items():
        by_source[_source(form, key, value, suggested)][key] = value
    changed = tuple(
        key
        for source, some in by_source.items()
        for key in saved_answers.save_answers(form.installation, some, source=source, person=person)
    )
    form.ask_again()
    return changed


def _source(form: StepForm, key: str, value: str, suggested: Mapping[str, str]) -> str:
    if key in form.given.generated:
        return Source.GENERATED
    return Source.FOUND if key in form.given.found or suggested.get(key) == value else Source.PERSON


def _is_default(form: StepForm, key: str, value: str) -> bool:
    return not form.given.is_saved(key) and value == form.given.default(key)
