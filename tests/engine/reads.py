"""Which answers a stage asks its plan for, noted while it is carried out in the usual way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any

from installer_tasks.answer_keys import BY_NAME, DESCRIBED, applies
from installer_tasks.plan import Plan
from installer_tasks.runs.stages.base import Context, Stage
from tests.calibration.reads import Keys, Noted


class NotedPlan(Plan):
    """Its release is an answer too."""

    def __getattribute__(self, name: str) -> Any:
        if name == "release":
            self.answers["bundle.release"]
        return super().__getattribute__(name)


class NotedStage:
    """A stage that meets a plan which notes what is asked, and shares no connection that another has made."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._keys: Keys = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stage, name)

    def is_done(self, context: Context) -> bool:
        return bool(self._noting(context, self.stage.is_done))

    def run(self, context: Context) -> None:
        self._noting(context, self.stage.run)

    def _noting(self, context: Context, work: Callable[[Context], Any]) -> Any:
        plan = NotedPlan(context.plan.release, Noted(context.plan.answers, self._keys.add))
        alone = dataclasses.replace(context, plan=plan, cache={})
        try:
            return work(alone)
        finally:
            for shared in alone.cache.values():
                with suppress(AttributeError), closing(shared):
                    pass

    @property
    def asks(self) -> Keys:
        return self._keys & BY_NAME.keys()


#: Read wherever the plan reads its release, and empty for each that is known; `bundle.release` stands for both.
OF_AN_UNKNOWN_RELEASE = {DESCRIBED}


def differing(noted: tuple[NotedStage, ...], answers: Mapping[str, str], states: Mapping[str, str]) -> dict[str, Keys]:
    """By stage the answers that it asked for and does not declare, or declares and never asked for.

    Where people sign in with a provider nobody asks for what is known of a directory, and the other way round. What
    was not carried out to its end has not asked for everything; the project of the registry is all asked for by the
    look whether it is there. The first stage looks at everything by the checks, which the calibration holds.
    """
    wrong = {}
    for stage in noted:
        declared = {key for key in stage.reads if applies(BY_NAME[key], answers)}
        whole = states.get(stage.slug) == "succeeded" or (stage.slug, states.get(stage.slug)) == (
            "registry-project",
            "kept",
        )
        keys = (stage.asks ^ declared if whole else stage.asks - declared) - OF_AN_UNKNOWN_RELEASE
        if keys and stage.slug != "preflight":
            wrong[stage.slug] = keys
    return wrong
