"""The review: every effective value with its source, what is there already, what will be made, and what keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from installer_tasks import answers as answer_keys
from installer_tasks import certificates, findings, releases
from installer_tasks.answers import Key
from installer_tasks.errors import InputError
from installer_tasks.models import ACTIVE, Answer, Installation
from installer_tasks.plan import MASK, Plan
from installer_tasks.text import Text
from wizard import steps
from wizard.presenters import findings as finding_views
from wizard.presenters import states
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
    checking: bool
    active: bool
    begun: bool
    problem: str
    values_yaml: str
    schema_errors: tuple[str, ...]
    release: str
    answers_file: str

    @property
    def ready(self) -> bool:
        return not (self.missing or self.blocking or self.problem or self.schema_errors or self.active)


def review(installation: Installation) -> Review:
    rows = {row.key: row for row in installation.answers.select_related("changed_by")}
    groups = tuple(_group(installation, step.slug, rows) for step in steps.STEPS)
    plan, problem = _plan(installation)
    return Review(
        groups=groups,
        missing=tuple(value for group in groups for value in group.values if value.missing),
        effects=tuple(_effects(installation)),
        stages=tuple(gettext(stage.title) for stage in _stages()),
        blocking=tuple(finding_views.blocking(installation)),
        checking=findings.checking(installation),
        active=installation.runs.filter(state__in=ACTIVE).exists(),
        begun=installation.runs.exists(),
        problem=problem,
        values_yaml=plan.values_yaml(masked=True) if plan else "",
        schema_errors=tuple(render(error) for error in plan.schema_errors()) if plan else (),
        release=plan.release if plan else "",
        answers_file=answers_file(rows),
    )


def _stages() -> tuple[Any, ...]:
    from installer_tasks.stages import STAGES

    return STAGES


def _plan(installation: Installation) -> tuple[Plan | None, str]:
    try:
        return Plan.from_answers(installation.plain_answers()), ""
    except InputError as error:
        return None, _with_label(error)


def _with_label(error: InputError) -> str:
    params = {key: gettext(value) if isinstance(value, str) else value for key, value in error.cause.params.items()}
    return render(Text(error.cause.template, params))


def _group(installation: Installation, slug: str, rows: Mapping[str, Answer]) -> Group:
    url = reverse("step", args=[installation.pk, slug])
    visible = {row.key: row.value for row in rows.values()}
    return Group(
        title=steps.BY_SLUG[slug].title,
        url=url,
        shown=states.STEP[findings.step_state(installation, slug)],
        values=tuple(
            _value(key, rows.get(key.name), url, visible)
            for key in answer_keys.of_step(slug)
            if answer_keys.applies(key, visible)
        ),
    )


def _value(key: Key, row: Answer | None, url: str, visible: Mapping[str, str]) -> Value:
    value, note = _shown(key, row, visible)
    return Value(
        label=gettext(key.label),
        value=value,
        note=note,
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


def _effects(installation: Installation) -> Iterator[Effect]:
    """In the order in which they are made."""
    answers = {row.key: row.value for row in installation.answers.all()}
    release = releases.chosen(answers)
    project = findings.fact(installation, "registry", "project") or {}
    bundle = findings.fact(installation, "bundle", "contents") or {}
    left = findings.fact(installation, "cluster", "leftovers")
    registry, cluster = answers.get("registry.project", "–"), answers.get("cluster.context", "–")
    yield Effect(gettext("Project"), registry, project.get("exists"))
    yield Effect(gettext("%(count)s images") % {"count": bundle.get("images", "–")}, registry, None)
    in_cluster = gettext("cluster %(name)s") % {"name": cluster}
    known = None if left is None else bool(left.get("objects"))
    for what in (
        gettext("Namespace %(name)s") % {"name": release.namespace},
        f"PackageRepository {release.repository_name}",
        f"PackageInstall {release.install_name}",
    ):
        yield Effect(what, in_cluster, known)
    yield Effect(gettext("%(count)s packages") % {"count": len(release.packages)}, in_cluster, known)
    names = gettext("%(count)s certificates") % {"count": len(release.certificates)}
    yield Effect(names, answers.get("certificates.cluster_issuer", "–"), known)


def answers_file(rows: Mapping[str, Answer]) -> str:
    """The same answers as a file for the command line; secrets and long texts are named as files of their own."""
    lines, visible = [], {row.key: row.value for row in rows.values()}
    for key in answer_keys.KEYS:
        row = rows.get(key.name)
        if row is None or not answer_keys.applies(key, visible):
            continue
        in_file = key.secret or "\n" in row.value
        lines.append(f"{key.name}: {{file: {key.name}.txt}}" if in_file else f"{key.name}: {_quoted(row.value)}")
    return "\n".join(lines)


def _quoted(value: str) -> str:
    """As YAML reads it back as the same string."""
    return "'" + value.replace("'", "''") + "'"
