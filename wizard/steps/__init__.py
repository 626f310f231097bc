"""The steps of the wizard, in order; a new step is one module here and one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from installer_tasks import answers as answer_keys
from installer_tasks import sessions
from installer_tasks.errors import InputError
from installer_tasks.models import Installation, Source
from installer_tasks.text import Text
from wizard.steps import bundle, certificates, cluster, dns, identity, registry, services
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import Problem

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


def validate(installation: Installation, slug: str, fields: Mapping[str, Any]) -> dict[str, str]:
    """The answers of a step by key, as a person's form would give them; InputError for the first that is wrong."""
    form = BY_SLUG[slug].form(dict(fields), {}, installation=installation)
    form.is_valid()
    for name, errors in form.errors.as_data().items():
        raise _as_input_error(form, name, errors[0])
    given = {form.key(name) for name in set(fields) | form.found}
    return {key: value for key, value in form.answers().items() if key in given}


def _as_input_error(form: StepForm, name: str, error: ValidationError) -> InputError:
    if isinstance(error, Problem):
        error.error.field = error.error.field or form.key(name)
        return error.error
    return InputError(Text(str(error.messages[0]).replace("%", "%%")), field=form.key(name), value=name)


def save(form: StepForm, person: User | None) -> tuple[str, ...]:
    """Keep what is valid; returns the keys that changed. What stands at its default, or was emptied, has no row."""
    answers = form.answers()
    empty = [key for key, value in answers.items() if not value]
    kept = {key: value for key, value in answers.items() if value and not _is_default(form, key, value)}
    found = {form.key(name) for name in form.found}
    forgotten = tuple(key for key in empty if key in form.kept)
    for key in forgotten:
        sessions.forget_answer(form.installation, key)
    changed = sessions.save_answers(
        form.installation, {key: value for key, value in kept.items() if key not in found}, person=person
    )
    by_us = {key: value for key, value in kept.items() if key in found}
    return (*forgotten, *changed, *sessions.save_answers(form.installation, by_us, source=Source.FOUND, person=person))


def _is_default(form: StepForm, key: str, value: str) -> bool:
    return key not in form.kept and value == answer_keys.default(answer_keys.BY_NAME[key], form.chosen)
