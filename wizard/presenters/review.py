"""The review: every effective value with its source, what is there already, what will be made, and what keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from installer_tasks import answer_keys, releases
from installer_tasks.answer_keys import Key
from installer_tasks.errors import InputError
from installer_tasks.models import ACTIVE, Answer, Run, RunKind, RunState
from installer_tasks.plan import MASK, Plan
from installer_tasks.preflight import findings
from installer_tasks.preflight.shapes.bundle import CONTENTS
from installer_tasks.preflight.state import InstallationState
from installer_tasks.runs import service
from installer_tasks.systems import certificates
from installer_tasks.text import mark as _
from wizard import steps
from wizard.presenters import all_settings, download, states, what_is_there
from wizard.presenters import findings as finding_views
from wizard.presenters.findings import FindingView
from wizard.texts import render


@dataclass(frozen=True)
class Value:
    label: str
    value: str
    note: str
    secret: bool
    missing: bool
    source: Any
    changed_by: str
    changed_at: datetime | None
    url: str


@dataclass(frozen=True)
class Group:
    title: Any
    url: str
    shown: states.Shown
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Effect:
    """Something a run makes. `there` is None while nobody knows."""

    what: str
    where: str
    there: bool | None


@dataclass(frozen=True)
class Review:
    groups: tuple[Group, ...]
    missing: tuple[Value, ...]
    effects: tuple[Effect, ...]
    stages: tuple[str, ...]
    blocking: tuple[FindingView, ...]
    tolerated: tuple[FindingView, ...]  #: warnings and accepted findings: not verified, and no hindrance
    checking: bool
    active: bool
    begun: bool
    standing: str
    problem: str
    values_yaml: str
    schema_errors: tuple[str, ...]
    release: str
    answers_file: str
    required: tuple[str, ...]  #: values that the release requires and no step asks for
    unknown: str  #: the nearest known release, where this one is not known

    @property
    def ready(self) -> bool:
        return not (self.missing or self.required or self.blocking or self.problem or self.schema_errors or self.active)


def review(state: InstallationState) -> Review:
    groups = tuple(_group(state, step.slug) for step in steps.STEPS)
    plan, problem = _plan(state)
    return Review(
        groups=groups,
        missing=tuple(value for group in groups for value in group.values if value.missing),
        effects=tuple(_effects(state)),
        stages=tuple(gettext(stage.title) for stage in service.carried_out(state)),
        blocking=tuple(finding_views.blocking(state)),
        tolerated=tuple(finding_views.tolerated(state)),
        checking=findings.checking(state),
        active=any(run.state in ACTIVE for run in state.runs),
        begun=bool(state.runs),
        standing=_standing(state.last_run),
        problem=problem,
        values_yaml=plan.values_yaml(masked=True) if plan else "",
        schema_errors=tuple(render(error) for error in plan.schema_errors()) if plan else (),
        release=plan.release if plan else "",
        answers_file=answers_file(state.answers),
        required=all_settings.missing(plan) if plan else (),
        unknown=plan.known.near if plan else "",
    )


def _standing(last: Run | None) -> str:
    """What runs have done to the customer's systems so far, in one sentence."""
    if last is None:
        return gettext("Nothing has been changed yet.")
    if last.state in ACTIVE:
        return gettext("A run is in progress; changes made here apply to the next one.")
    if last.state != RunState.SUCCEEDED:
        return gettext("The last run stopped before its end; what it created is still there.")
    return gettext(_AFTER[RunKind(last.kind)])


_AFTER = {
    RunKind.INSTALL: _("The last run installed TMC-SM; another run applies the values below to it."),
    RunKind.UNDO: _("The last run removed the packages; the images and the volumes with their data are still there."),
    RunKind.UNDO_ALL: _("The last run removed the installation with its data; the images are still in the registry."),
}


def _plan(state: InstallationState) -> tuple[Plan | None, str]:
    try:
        return Plan.from_answers(state.plain_answers()), ""
    except InputError as error:
        return None, _with_label(error)


def _with_label(error: InputError) -> str:
    params = {key: gettext(value) if isinstance(value, str) else value for key, value in error.cause.params.items()}
    return render(replace(error.cause, params=params))


def _group(state: InstallationState, slug: str) -> Group:
    url = reverse("step", args=[state.installation.pk, slug])
    notes = download.notes(state) if slug == "bundle" else {}
    return Group(
        title=steps.BY_SLUG[slug].title,
        url=url,
        shown=states.STEP[findings.step_state(state, slug)],
        values=tuple(
            _value(key, state.answers.get(key.name), url, state.visible, notes.get(key.name, ""))
            for key in answer_keys.of_step(slug)
            if answer_keys.applies(key, state.visible)
        ),
    )


def _value(key: Key, row: Answer | None, url: str, visible: Mapping[str, str], seen: str) -> Value:
    """`seen`: what the checks know of it."""
    value, note = _shown(key, row, visible)
    return Value(
        label=gettext(key.label),
        value=value,
        note=note or seen,
        secret=key.secret,
        missing=key.required and not value,
        source=states.SOURCE[row.source] if row else states.SOURCE["default"] if value else "",
        changed_by=row.changed_by.get_username() if row and row.changed_by else "",
        changed_at=row.changed_at if row else None,
        url=f"{url}#{key.field}",
    )


def _shown(key: Key, row: Answer | None, visible: Mapping[str, str]) -> tuple[str, str]:
    if key.secret:
        return (MASK if row else ""), ""
    return described(key, row.value if row else answer_keys.default(key, visible))


def described(key: Key, value: str) -> tuple[str, str]:
    """The value and a note: what was chosen in words; of certificates whose they are, in place of their text."""
    if "-----BEGIN" not in value:
        return value, _chosen(key, value)
    try:
        found = [certificates.describe(each) for each in certificates.parse_bundle(value)]
    except InputError as error:
        return value.splitlines()[0], render(error.cause)
    more = gettext("and %(count)s more") % {"count": len(found) - 1} if len(found) > 1 else ""
    until = gettext("valid until %(date)s") % {"date": found[0]["not_after"][:10]}
    return " ".join(filter(None, (found[0]["subject"], more))), until


def _chosen(key: Key, value: str) -> str:
    """The words beside a choice in the form; nothing where the value says the same."""
    offered = steps.BY_SLUG[key.step].form.fixed_options().get(key.field, [])
    label = next((option.label for option in offered if option.value == value), "")
    return label if label.lower() != value.lower() else ""


def _effects(state: InstallationState) -> Iterator[Effect]:
    """In the order in which they are made."""
    answers = {key: row.value for key, row in state.answers.items()}
    release = releases.chosen(answers)
    bundle = findings.fact(state, CONTENTS)
    registry, cluster = answers.get("registry.project", "–"), answers.get("cluster.context", "–")
    project, images = what_is_there.in_registry(state)
    namespace, packages = what_is_there.in_cluster(state)
    yield Effect(gettext("Project"), registry, project)
    yield Effect(
        gettext("%(count)s images") % {"count": bundle.get("images", "–") if bundle else "–"}, registry, images
    )
    in_cluster = gettext("cluster %(name)s") % {"name": cluster}
    yield Effect(gettext("Namespace %(name)s") % {"name": release.namespace}, in_cluster, namespace)
    for what in (f"PackageRepository {release.repository_name}", f"PackageInstall {release.install_name}"):
        yield Effect(what, in_cluster, packages)
    yield Effect(gettext("%(count)s packages") % {"count": len(release.packages)}, in_cluster, packages)
    names = gettext("%(count)s certificates") % {"count": len(release.operator_certificates)}
    yield Effect(names, answers.get("certificates.cluster_issuer", "–"), packages)


def answers_file(rows: Mapping[str, Answer]) -> str:
    """The same answers as a file for the command line; secrets and long texts are named as files of their own."""
    lines, visible = [], {row.key: row.value for row in rows.values()}
    for key in answer_keys.KEYS:
        row = rows.get(key.name)
        if row is None or not answer_keys.applies(key, visible):
            continue
        in_file = key.secret or "\n" in row.value
        lines.append(f"{key.name}: {{file: {key.name}.txt}}" if in_file else f"{key.name}: {_quoted(row.value)}")
    if answer_keys.SETTINGS in rows:
        lines.append(f"{answer_keys.SETTINGS}: {{file: {answer_keys.SETTINGS}.yaml}}")
    return "\n".join(lines)


def _quoted(value: str) -> str:
    """As YAML reads it back as the same string."""
    return "'" + value.replace("'", "''") + "'"
