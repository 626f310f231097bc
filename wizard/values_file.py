"""An existing `values.yaml` taken over: compared with what is in force, then its values put where they belong.

What a step asks for goes through that step's form, everything else becomes a setting of the page All settings. The page
and `manage.py values` use it alike.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User

from installer_tasks import answer_keys, releases, saved_answers
from installer_tasks.answer_keys import SETTINGS
from installer_tasks.errors import InputError, InstallerError
from installer_tasks.local.secrets import KeyringError
from installer_tasks.plan import Plan
from installer_tasks.preflight.state import InstallationState
from installer_tasks.releases import settings
from installer_tasks.releases.compared import TAKEN, Compared, Outcome, as_answer, compared
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from wizard import steps
from wizard.steps.base import StepForm
from wizard.steps.fields import Problem

LARGEST = 128 * 1024
COLUMN = "values-file"


@dataclass(frozen=True)
class Comparison:
    """`refused` are the errors of the steps' forms, by answer."""

    state: InstallationState
    content: str = field(repr=False)
    entries: tuple[Compared, ...] = field(repr=False)
    refused: Mapping[str, InstallerError]

    @property
    def taken(self) -> tuple[Compared, ...]:
        return tuple(each for each in self.entries if each.outcome in TAKEN)

    @cached_property
    def token(self) -> str:
        """Another one as soon as anything of what was shown is different."""
        shown = [[each.path, each.outcome, each.value, each.now] for each in self.entries]
        return self.state.installation.workspace.box.fingerprint(json.dumps(shown))

    @property
    def sealed(self) -> str:
        """The file as a page may carry it: it may hold passwords."""
        kept = json.dumps([self.state.installation.pk, self.content])
        return self.state.installation.workspace.box.seal(COLUMN, kept)


def opened(state: InstallationState, sealed: str) -> str:
    """InputError for what was not sealed here, for this installation."""
    try:
        pk, content = json.loads(state.installation.workspace.box.open(COLUMN, sealed))
    except (KeyringError, ValueError) as error:
        raise _lost() from error
    if pk != state.installation.pk:
        raise _lost()
    return str(content)


def _lost() -> InputError:
    return InputError(
        Text(_("The values file cannot be read any more.")),
        remedy=Text(_("Choose it again.")),
        code="values-file-lost",
    )


def compare(state: InstallationState, content: str, *, anywhere: bool) -> Comparison:
    """Key by key; InputError for what is no values file."""
    if len(content.encode()) > LARGEST:
        raise InputError(
            text(_("The values file is larger than %(limit)d KiB."), limit=LARGEST // 1024),
            remedy=Text(_("Choose the values.yaml of an installation.")),
            code="values-file-large",
        )
    document = settings.document(content)
    answers = answer_keys.with_defaults(state.plain_answers())
    plan = Plan(answers["bundle.release"] or releases.RELEASES[-1].version, answers)
    after = {**answers, **_kind(plan, document)}

    def applies(key: str) -> bool:
        return answer_keys.applies(answer_keys.BY_NAME[key], after)

    entries = tuple(compared(plan.known, document, plan.values(), applies))
    refused = _refused(state, entries, anywhere=anywhere)
    return Comparison(
        state,
        content,
        tuple(
            replace(each, outcome=Outcome.WRONG) if each.outcome is Outcome.ANSWER and each.answer in refused else each
            for each in entries
        ),
        refused,
    )


def _kind(plan: Plan, document: Mapping[str, Any]) -> dict[str, str]:
    """How people sign in decides what else is asked; the file may change it."""
    name = next((name for name, source in plan.known.sources.items() if source.answer == "identity.kind"), "")
    value = settings.at(document, tuple(name.split("."))) if name else None
    return {"identity.kind": value} if isinstance(value, str) else {}


def _fields(entries: tuple[Compared, ...]) -> dict[str, dict[str, str]]:
    """By step, what its form gets."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for each in entries:
        if each.outcome is Outcome.ANSWER:
            key = answer_keys.BY_NAME[each.answer]
            found[key.step][key.field] = as_answer(each.value)
    return found


def _form(state: InstallationState, step: str, fields: Mapping[str, str], *, anywhere: bool) -> StepForm:
    return steps.BY_SLUG[step].form(dict(fields), {}, state=state, only=list(fields), anywhere=anywhere)


def _refused(
    state: InstallationState, entries: tuple[Compared, ...], *, anywhere: bool
) -> dict[str, InstallerError]:  # fmt: skip
    """What a step's form does not accept."""
    found: dict[str, InstallerError] = {}
    for step, fields in _fields(entries).items():
        form = _form(state, step, fields, anywhere=anywhere)
        form.is_valid()
        for name, errors in form.errors.as_data().items():
            first = errors[0]
            words = Text(str(first.messages[0]).replace("%", "%%"))
            found[form.key(name)] = first.error if isinstance(first, Problem) else InputError(words)
    return found


def take(comparison: Comparison, person: User | None, *, anywhere: bool) -> tuple[str, ...]:
    """Put every value that can be taken where it belongs; returns the names of those that were."""
    state, taken = comparison.state, comparison.taken
    for step, fields in _fields(taken).items():
        form = _form(state, step, fields, anywhere=anywhere)
        form.is_valid()
        steps.save(form, person)
    own = [each for each in taken if each.outcome is Outcome.SETTING]
    with saved_answers.locked(state.installation):
        tree = settings.loaded(state.installation.plain_answers().get(SETTINGS, ""))
        for each in own:
            tree = settings.put(tree, each.path, each.value)
        if own:
            saved_answers.save_answers(state.installation, {SETTINGS: settings.dumped(tree)}, person=person)
    return tuple(each.name for each in taken)
