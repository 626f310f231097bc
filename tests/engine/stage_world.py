"""What tests of stages share beside the fixtures."""

from __future__ import annotations

from installer_tasks import releases
from installer_tasks.runs import stages
from installer_tasks.runs.stages.base import Context, Stage

RELEASE = releases.get("1.4.1")
ZONE = "tmc.example.com"


def of(slug: str) -> Stage:
    return next(stage for stage in stages.STAGES if stage.slug == slug)


def up_to(slug: str, context: Context) -> None:
    for stage in stages.STAGES:
        if stage.slug == slug:
            return
        if not stage.is_done(context):
            stage.run(context)
