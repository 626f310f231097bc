"""All settings: every value that the release accepts, what sets it, and what is required and still open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from installer_tasks import answer_keys, releases
from installer_tasks.errors import InputError
from installer_tasks.plan import Plan
from installer_tasks.preflight.state import InstallationState
from installer_tasks.releases import described, settings
from installer_tasks.releases.settings import Setting
from wizard.presenters.steps import ProblemView
from wizard.texts import render

SHOWS = ("all", "changed", "required")
_MISSING = object()


@dataclass(frozen=True)
class SettingView:
    """`value` is empty for a secret, whatever is kept."""

    id: str
    path: str
    name: str
    help: str
    kind: str
    default: str
    value: str
    choices: tuple[str, ...]
    several_lines: bool
    required: bool
    missing: bool
    secret: bool
    own: bool
    step_url: str
    step_label: str
    problem: ProblemView | None = None


@dataclass(frozen=True)
class AllSettings:
    release: releases.Release
    differences: described.Differences | None
    settings: tuple[SettingView, ...]
    count: int
    missing: tuple[str, ...]
    unknown: tuple[str, ...]  #: set, but no value of this release
    query: str
    show: str


@dataclass(frozen=True)
class Posted:
    """What could not be saved, to be shown in its place again."""

    path: settings.Path
    value: str
    error: InputError


def all_settings(
    state: InstallationState, *, query: str = "", show: str = "all", posted: Posted | None = None
) -> AllSettings:
    plan = _plan(state)
    release, own = plan.known, plan.own_values
    open_ = frozenset(plan.missing_values())
    views = [_view(state, setting, plan, open_, posted) for setting in settings.all_of(release)]
    return AllSettings(
        release=release,
        differences=described.differences(release, releases.get(release.near)) if release.near else None,
        settings=tuple(view for view in views if _is_shown(view, query, show)),
        count=len(views),
        missing=tuple(view.name for view in views if view.missing),
        unknown=tuple(_unknown(release.values_schema, own)),
        query=query,
        show=show,
    )


def _plan(state: InstallationState) -> Plan:
    """As far as it is answered: nothing is refused here."""
    answers = answer_keys.with_defaults(state.plain_answers())
    return Plan(answers["bundle.release"] or releases.RELEASES[-1].version, answers)


def missing(plan: Plan) -> tuple[str, ...]:
    """Required values that no step asks for and that nobody has set."""
    return tuple(".".join(path) for path in plan.missing_values() if not _asked(plan.known, path))


def _asked(release: releases.Release, path: settings.Path) -> str:
    return release.sources.get(".".join(path), releases.Source()).answer


def _view(
    state: InstallationState, setting: Setting, plan: Plan, open_: frozenset[settings.Path], posted: Posted | None
) -> SettingView:
    own, answer = settings.at(plan.own_values, setting.path, _MISSING), setting.source.answer
    wrong = posted if posted and posted.path == setting.path else None
    value = "" if setting.secret or own is _MISSING else settings.shown(own)
    key = answer_keys.BY_NAME.get(answer)
    return SettingView(
        id="-".join(("setting", *setting.path)).replace(".", "-"),
        path=json.dumps(setting.path),
        name=setting.name,
        help=str(setting.schema.get("description") or ""),
        kind=setting.kind,
        default=settings.shown(setting.schema["default"]) if "default" in setting.schema else "",
        value=wrong.value if wrong and not setting.secret else value,
        choices=tuple(each for each in setting.schema.get("enum") or () if isinstance(each, str)),
        several_lines=setting.kind in ("object", "array") or "\n" in value,
        required=setting.required,
        missing=setting.path in open_ and not answer,
        secret=setting.secret,
        own=own is not _MISSING,
        step_url=f"{reverse('step', args=[state.installation.pk, key.step])}#{key.field}" if key else "",
        step_label=gettext(key.label) if key else "",
        problem=_problem(wrong.error) if wrong else None,
    )


def _problem(error: InputError) -> ProblemView:
    return ProblemView(render(error.cause), error.value, render(error.remedy))


def _is_shown(view: SettingView, query: str, show: str) -> bool:
    words = f"{view.name} {view.help}".lower()
    if not all(word in words for word in query.lower().split()):
        return False
    return {"changed": view.own, "required": view.required}.get(show, True)


def _unknown(schema: Mapping[str, Any], own: Mapping[str, Any], above: str = "") -> Iterator[str]:
    known = schema.get("properties") or {}
    for key, value in own.items():
        if key not in known:
            yield f"{above}{key}"
        elif isinstance(value, dict) and known[key].get("properties"):
            yield from _unknown(known[key], value, f"{above}{key}.")
