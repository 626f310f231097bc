"""The stages of a run, in order; a new stage is one module here and one line."""

from __future__ import annotations

from installer_tasks.stages.base import Stage

STAGES: tuple[Stage, ...] = ()
