"""One step's page: its fields, and the list of all steps with their states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from installer_tasks import answer_keys, releases, saved_answers
from installer_tasks.errors import InputError
from installer_tasks.models import Answer
from installer_tasks.preflight import findings
from installer_tasks.preflight.state import InstallationState, Levels
from installer_tasks.systems import certificates
from wizard import steps
from wizard.presenters import states
from wizard.presenters.states import Shown
from wizard.steps import versions
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import (
    AnswerField,
    CertificateField,
    ChoiceField,
    Conflict,
    DocumentField,
    Option,
    Problem,
    SecretField,
)
from wizard.texts import render


@dataclass(frozen=True)
class ConflictView:
    """What another has saved meanwhile, beside what this form was sent with; no value of a secret."""

    who: str
    at: datetime | None
    theirs: str
    mine: str
    secret: bool


@dataclass(frozen=True)
class ProblemView:
    message: str
    value: str = ""
    remedy: str = ""
    code: str = ""
    conflict: ConflictView | None = None


@dataclass(frozen=True)
class Offer:
    """Certificates that were given elsewhere and may be the right ones here too."""

    key: str
    label: str  #: of the other field
    subject: str


@dataclass(frozen=True)
class FieldView:
    """Everything `_field.html` needs. `value` is empty for secrets, whatever is kept."""

    name: str
    label: Any
    help: Any
    kind: str
    value: str
    example: str
    required: bool
    rows: int
    accept: str
    generated: bool
    options: tuple[Option, ...]
    open: bool
    other: str  #: the value when it is none of the options
    kept: bool
    source: Any
    changed_at: datetime | None
    changed_by: str
    problems: tuple[ProblemView, ...]
    only_with: str = ""  #: the kind of identity that it is asked for; the page hides it with the other
    unsaved: bool = False  #: it holds something that was not saved
    seen: str = ""  #: which version of the answer this is; sent back with the field
    in_force: str = ""  #: what is saved, or the default; empty for secrets and documents
    focus: bool = False  #: the first that is wrong
    again: str = ""  #: why a secret is needed again
    suggested: str = ""  #: why the value is there, which is not saved yet
    fills: bool = False  #: a person may leave it empty
    offers: tuple[Offer, ...] = ()  #: certificates that other fields have

    @property
    def secret(self) -> bool:
        return self.kind.startswith("secret")


@dataclass(frozen=True)
class StepItem:
    """One line of the list of steps."""

    slug: str
    number: int
    title: Any
    url: str
    state: str
    shown: Shown
    summary: str
    current: bool


def fields(form: StepForm, step: Step, state: InstallationState) -> tuple[FieldView, ...]:
    """`state` is that of now, which may be newer than the form's."""
    release = releases.chosen(state.visible)
    asked = (name for name, _field in step.fields if releases.asks(release, form.key(name)))
    found = [
        replace(field(form, name, state.answers.get(form.key(name))), offers=offers(step, name, state))
        for name in asked
    ]
    first = next((view.name for view in found if view.problems), "")
    return tuple(replace(view, focus=view.name == first) for view in found)


def one_field(form: StepForm, name: str) -> FieldView:
    row = form.installation.answers.select_related("changed_by").filter(key=form.key(name)).first()
    return field(form, name, row)


def handouts(step: Step, answers: Mapping[str, str]) -> dict[str, str]:
    """What to send the team that is asked: by the kind of identity where it differs with that, else by ""."""
    if step.handout is None:
        return {}
    if "kind" not in step.form.base_fields:
        return {"": step.handout(answers)}
    kinds = (answer_keys.FEDERATED, answer_keys.LDAP)
    return {kind: step.handout({**answers, "identity.kind": kind}) for kind in kinds}


def field(form: StepForm, name: str, row: Answer | None) -> FieldView:
    declared = form.fields.get(name) or form.base_fields[name]
    assert isinstance(declared, AnswerField)  # noqa: S101 - every field of a step is one
    options = tuple(form.field_options(name))
    value = "" if declared.kind.startswith("secret") else _value(form, name)
    key = answer_keys.BY_NAME[form.key(name)]
    return FieldView(
        name=name,
        label=declared.label,
        help=declared.help_text,
        kind=declared.kind if options or declared.kind != "choice" else "text",
        value=value or _only(options),
        example=declared.example,
        required=key.required,
        rows=declared.rows if isinstance(declared, DocumentField) else 1,
        accept=declared.accept if isinstance(declared, DocumentField) else "",
        generated=isinstance(declared, SecretField) and declared.generated,
        options=options,
        open=isinstance(declared, ChoiceField) and declared.open,
        other=value if value not in {option.value for option in options} else "",
        kept=row is not None,
        source=states.SOURCE[row.source] if row else states.SOURCE["default"] if key.default else "",
        changed_at=row.changed_at if row else None,
        changed_by=row.changed_by.get_username() if row and row.changed_by else "",
        problems=problems(form, name),
        only_with=key.kind,
        unsaved=name in form.unsaved,
        seen=versions.of(form.installation, key.name, row, row.value if row else form.given.value(key.name)),
        in_force=_in_force(form, name, declared, options),
        again="" if row else _again(form, key.name),
        suggested=form.suggested.get(name, ("", ""))[1],
        fills=name in form.filled_in,
    )


def offers(step: Step, name: str, state: InstallationState) -> tuple[Offer, ...]:
    """For a field of certificates that has none yet: those of the other fields, each once."""
    if not isinstance(step.form.base_fields.get(name), CertificateField) or f"{step.slug}.{name}" in state.answers:
        return ()
    found: dict[str, Offer] = {}
    for other in steps.STEPS:
        for field_name, declared in other.fields:
            row = state.answers.get(f"{other.slug}.{field_name}")
            if row is not None and isinstance(declared, CertificateField):
                found.setdefault(row.fingerprint, Offer(row.key, str(declared.label), _subject(row.value)))
    return tuple(found.values())


def _subject(pem: str) -> str:
    try:
        return str(certificates.describe(certificates.parse_bundle(pem)[0])["subject"])
    except InputError:
        return ""


def _again(form: StepForm, key: str) -> str:
    error = saved_answers.needed_again(form.installation, key)
    return f"{render(error.cause)} {render(error.remedy)}" if error else ""


@dataclass(frozen=True)
class Editor:
    """One answer that can be changed away from its step's page."""

    step: Step
    field: FieldView


def editors(state: InstallationState, keys: Iterable[str]) -> tuple[Editor, ...]:
    """A field for each of these answers, in the order of the steps."""
    wanted = set(keys)
    concerned = {answer_keys.BY_NAME[key].step for key in wanted}
    found = ((step, fields(step.form(state=state), step, state)) for step in steps.STEPS if step.slug in concerned)
    return tuple(
        Editor(step, replace(view, only_with=""))
        for step, views in found
        for view in views
        if f"{step.slug}.{view.name}" in wanted
    )


def _value(form: StepForm, name: str) -> str:
    if not form.is_bound or name not in form.fields:
        return str(form.initial.get(name) or "")
    sent = form[name].value()
    # A key that was pasted in place of a certificate is refused, and no page repeats it.
    return sent if isinstance(sent, str) and "PRIVATE KEY" not in sent else ""


def _in_force(form: StepForm, name: str, declared: AnswerField, options: tuple[Option, ...]) -> str:
    if declared.kind not in ("text", "choice"):
        return ""
    value = form.given.value(form.key(name))
    return next((str(option.label) for option in options if option.value == value), value)


def _only(options: tuple[Option, ...]) -> str:
    return options[0].value if len(options) == 1 else ""


def problems(form: StepForm, name: str) -> tuple[ProblemView, ...]:
    if not form.is_bound:
        return ()
    errors = form.errors.as_data().get(name, [])
    return tuple(_problem(form, name, error) for error in errors)


def _problem(form: StepForm, name: str, error: ValidationError) -> ProblemView:
    message = " ".join(error.messages)
    if isinstance(error, Conflict):
        return ProblemView(message, conflict=_conflict(form, name, error.row))
    if isinstance(error, Problem):
        return ProblemView(message, error.value, error.remedy, error.error.code)
    return ProblemView(message)


def _conflict(form: StepForm, name: str, row: Answer | None) -> ConflictView:
    secret = answer_keys.BY_NAME[form.key(name)].secret
    return ConflictView(
        who=row.changed_by.get_username() if row and row.changed_by else "",
        at=row.changed_at if row else None,
        theirs=row.value if row and not secret else "",
        mine="" if secret else _value(form, name),
        secret=secret,
    )


def rail(state: InstallationState, current: str) -> tuple[StepItem, ...]:
    """Every step with its state and a word of what was chosen, and review."""
    items = [_item(state, step, number, current) for number, step in enumerate(steps.STEPS, 1)]
    return (*items, _review_item(state, len(items) + 1, current))


def _item(known: InstallationState, step: Step, number: int, current: str) -> StepItem:
    state = findings.step_state(known, step.slug)
    return StepItem(
        slug=step.slug,
        number=number,
        title=step.title,
        url=reverse("step", args=[known.installation.pk, step.slug]),
        state=state,
        shown=states.STEP[state],
        summary=summary(step.slug, known),
        current=step.slug == current,
    )


def summary(slug: str, state: InstallationState) -> str:
    """A word of what was chosen on this step."""
    asked = (key for key in SUMMARY[slug] if answer_keys.applies(answer_keys.BY_NAME[key], state.visible))
    return " · ".join(state.answers[key].value for key in asked if key in state.answers and state.answers[key].value)


def _review_item(state: InstallationState, number: int, current: str) -> StepItem:
    last = state.last_run
    shown = states.of_run(last) if last else Shown(gettext_lazy("at the end"), "ring", "idle")
    return StepItem(
        slug="review",
        number=number,
        title=gettext_lazy("Review and install"),
        url=reverse("review", args=[state.installation.pk]),
        state=last.state if last else "empty",
        shown=shown,
        summary="",
        current=current == "review",
    )


#: What the list of steps repeats of each.
SUMMARY: Mapping[str, tuple[str, ...]] = {
    "bundle": ("bundle.release", "bundle.path"),
    "cluster": ("cluster.context",),
    "dns": ("dns.zone",),
    "identity": ("identity.issuer_url", "identity.ldap_host"),
    "registry": ("registry.project",),
    "certificates": ("certificates.cluster_issuer",),
    "services": ("services.load_balancer_ip", "services.load_balancer_class"),
}


def first_open(state: Levels) -> str:
    """The first step that needs a person, else "review"."""
    settled = {"proven", "warned", "checking"}
    return next((step.slug for step in steps.STEPS if findings.step_state(state, step.slug) not in settled), "review")


@dataclass(frozen=True)
class NextAction:
    """The one thing to do next on a step's page."""

    label: str
    url: str
    note: str = ""


def next_action(state: InstallationState, slug: str) -> NextAction | None:
    """Going on, once this step is proven; None while it still has to be saved and checked."""
    if findings.step_state(state, slug) not in ("proven", "warned"):
        return None
    following = steps.after(slug)
    if following is None:
        return NextAction(gettext("Continue to review"), reverse("review", args=[state.installation.pk]))
    title = gettext("Continue: %(step)s") % {"step": following.title}
    return NextAction(title, reverse("step", args=[state.installation.pk, following.slug]))
