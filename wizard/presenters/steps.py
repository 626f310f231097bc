"""One step's page: its fields, and the list of all steps with their states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from installer_tasks import answers as answer_keys
from installer_tasks import findings
from installer_tasks.models import Answer, Installation
from wizard import steps
from wizard.presenters import states
from wizard.presenters.states import Shown
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import AnswerField, ChoiceField, DocumentField, Option, Problem, SecretField


@dataclass(frozen=True)
class ProblemView:
    message: str
    value: str = ""
    remedy: str = ""


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
    focus: bool = False  #: the first that is wrong

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


def fields(form: StepForm, step: Step) -> tuple[FieldView, ...]:
    rows = {row.key: row for row in form.installation.answers.select_related("changed_by")}
    found = [field(form, name, rows.get(form.key(name))) for name, _field in step.fields]
    first = next((view.name for view in found if view.problems), "")
    return tuple(replace(view, focus=view.name == first) for view in found)


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
    )


@dataclass(frozen=True)
class Editor:
    """One answer that can be changed away from its step's page."""

    step: Step
    field: FieldView


def editors(installation: Installation, keys: Iterable[str]) -> tuple[Editor, ...]:
    """A field for each of these answers, in the order of the steps."""
    wanted = set(keys)
    found = ((step, fields(step.form(installation=installation), step)) for step in steps.STEPS)
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


def _only(options: tuple[Option, ...]) -> str:
    return options[0].value if len(options) == 1 else ""


def problems(form: StepForm, name: str) -> tuple[ProblemView, ...]:
    if not form.is_bound:
        return ()
    errors = form.errors.as_data().get(name, [])
    return tuple(
        ProblemView(" ".join(error.messages), error.value, error.remedy)
        if isinstance(error, Problem)
        else ProblemView(" ".join(error.messages))
        for error in errors
    )


def rail(installation: Installation, current: str) -> tuple[StepItem, ...]:
    """Every step with its state and a word of what was chosen, and review."""
    values = {row.key: row.value for row in installation.answers.all()}
    items = [_item(installation, step, number, current, values) for number, step in enumerate(steps.STEPS, 1)]
    return (*items, _review_item(installation, len(items) + 1, current))


def _item(installation: Installation, step: Step, number: int, current: str, values: Mapping[str, str]) -> StepItem:
    state = findings.step_state(installation, step.slug)
    return StepItem(
        slug=step.slug,
        number=number,
        title=step.title,
        url=reverse("step", args=[installation.pk, step.slug]),
        state=state,
        shown=states.STEP[state],
        summary=summary(step.slug, values),
        current=step.slug == current,
    )


def summary(slug: str, values: Mapping[str, str]) -> str:
    """A word of what was chosen on this step."""
    asked = (key for key in SUMMARY[slug] if answer_keys.applies(answer_keys.BY_NAME[key], values))
    return " · ".join(filter(None, (values.get(key, "") for key in asked)))


def _review_item(installation: Installation, number: int, current: str) -> StepItem:
    last = installation.runs.first()
    shown = states.of_run(last) if last else Shown(gettext_lazy("at the end"), "ring", "idle")
    return StepItem(
        slug="review",
        number=number,
        title=gettext_lazy("Review and install"),
        url=reverse("review", args=[installation.pk]),
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


def first_open(installation: Installation) -> str:
    """The first step that needs a person, else "review"."""
    settled = {"proven", "warned", "checking"}
    return next(
        (step.slug for step in steps.STEPS if findings.step_state(installation, step.slug) not in settled), "review"
    )


@dataclass(frozen=True)
class NextAction:
    """The one thing to do next on a step's page."""

    label: str
    url: str
    note: str = ""


def next_action(installation: Installation, slug: str) -> NextAction | None:
    """Going on, once this step is proven; None while it still has to be saved and checked."""
    if findings.step_state(installation, slug) not in ("proven", "warned"):
        return None
    following = steps.after(slug)
    if following is None:
        return NextAction(gettext("Continue to the review"), reverse("review", args=[installation.pk]))
    title = gettext("Continue: %(step)s") % {"step": following.title}
    return NextAction(title, reverse("step", args=[installation.pk, following.slug]))
