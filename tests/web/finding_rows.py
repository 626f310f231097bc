"""Findings as a worker would have left them, for the pages that show them."""

from __future__ import annotations

from typing import Any

from installer_tasks.models import Finding, Installation
from installer_tasks.preflight import checks, collecting
from installer_tasks.preflight.checks.base import Verdict


def put(installation: Installation, name: str, verdict: Verdict) -> None:
    prints = installation.fingerprints()
    reads = {key: prints.get(key, "") for key in checks.BY_NAME[name].reads}
    values: dict[str, Any] = {"level": verdict.level, "verdict": collecting.verdict_json(verdict), "reads": reads}
    Finding.objects.update_or_create(installation=installation, check_name=name, defaults=values)
