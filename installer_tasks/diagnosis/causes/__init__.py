"""The table: every cause that is known. The first line that fits a sign is the one that counts."""

from __future__ import annotations

from installer_tasks.diagnosis.base import Cause
from installer_tasks.diagnosis.causes import (
    admission,
    applications,
    certificates,
    containers,
    fetching,
    images,
    packages,
    scheduling,
    services,
    stages,
    volumes,
)

CAUSES: tuple[Cause, ...] = (
    *stages.CAUSES,
    *admission.CAUSES,
    *fetching.CAUSES,
    *packages.CAUSES,
    *images.CAUSES,
    *scheduling.CAUSES,
    *volumes.CAUSES,
    *certificates.CAUSES,
    *services.CAUSES,
    *applications.CAUSES,
    *containers.CAUSES,
)
BY_NAME = {cause.name: cause for cause in CAUSES}
