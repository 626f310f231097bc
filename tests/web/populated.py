"""Installations with everything a page can show, and every address of the URL map that can be read of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any

from django.contrib.auth.models import User
from django.urls import URLPattern, reverse
from django.utils import timezone

from installer_tasks import answer_keys, saved_answers
from installer_tasks.models import AuditEntry, Finding, Installation, Observation, Waiver, Workspace
from installer_tasks.preflight import checks, collecting
from installer_tasks.preflight.checks.base import Check, Level, Verdict
from installer_tasks.text import text
from tests.answers import ANSWERS
from tests.web.run_rows import PACKAGES, PUSH, a_run, sentence, show, write
from wizard import manual, steps, urls

#: Nobody listens there, and that is known at once.
NEAR = {"identity.issuer_url": "https://127.0.0.1:9/realms/tmc", "registry.project": "127.0.0.1:9/tmc"}
ERROR: dict[str, Any] = {
    "code": "x",
    "value": "kafka",
    "cause": sentence("It stands still."),
    "remedy": sentence("Wait."),
}
PROOFS = [
    {"name": f"acceptance.tls.{host}", "level": "pass", "message": sentence("It answers."), "evidence": {"a": 1}}
    for host in ("console", "blob", "s3")
]
NODES = [{"name": f"worker-{number}", "schedulable": True, "ready": True} for number in range(12)]
FACTS: dict[str, dict[str, Any]] = {
    "bundle": {"contents": {"release": "1.4.1", "images": 157}},
    "cluster": {"nodes": NODES, "leftovers": {"objects": []}},
    "registry": {"project": {"exists": True}},
    "certificates": {"issuers": [{"name": "local-issuer", "ready": True, "message": ""}]},
}

#: How an installation can stand: the states of its attempts, oldest first, and the stage at which each stopped.
HISTORIES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "prepared": (),
    "failed": (("failed", "push-images", "install"), ("cancelled", "acceptance", "install"),
               ("failed", "packages-and-pods", "install")),
    "running": (("failed", "push-images", "install"), ("running", "push-images", "install")),
    "installed": (("failed", "acceptance", "install"), ("cancelled", "acceptance", "install"),
                  ("succeeded", "", "install")),
    "undone": (("succeeded", "", "install"), ("failed", "undo-package-install", "undo"), ("succeeded", "", "undo")),
}  # fmt: skip


def populated(
    name: str,
    history: str = "failed",
    *,
    judged: tuple[Check, ...] = checks.CHECKS,
    events: int = 1000,
    workspace: Workspace | None = None,
) -> Installation:
    """All of `judged` judged, a failure and a waiver in every step, several attempts, a journal."""
    made = saved_answers.create_installation(name, workspace=workspace, person=_somebody("founder"))
    saved_answers.save_answers(made, ANSWERS | NEAR, person=_somebody("founder"))
    now = timezone.now()
    for system in answer_keys.STEPS:
        facts = {fact: {"ok": True, "value": value} for fact, value in FACTS.get(system, {}).items()}
        Observation.objects.create(installation=made, system=system, facts=facts, requested_at=now, collected_at=now)
    _judge(made, judged)
    _attempts(made, HISTORIES[history], events)
    AuditEntry.objects.create(installation=made, person=_somebody("founder"), action="handover")
    return made


def _somebody(name: str) -> User:
    return User.objects.get_or_create(username=name)[0]


def _judge(installation: Installation, judged: tuple[Check, ...]) -> None:
    prints, redactor = installation.fingerprints(), installation.redactor()
    verdicts: dict[str, Verdict] = {}
    levels = (Level.PASS, Level.WARN, Level.FAIL, Level.PASS)
    for number, check in enumerate(judged):
        level = levels[number % len(levels)]
        verdicts[check.name] = Verdict(level, text("fine"), value="x", evidence={"exists": False, "harbor": True})
        if level is Level.FAIL and not check.strict and number % 8 == 2:
            waiver = {"reason": "It is known.", "expires_at": timezone.now() + timedelta(days=3)}
            Waiver.objects.create(
                installation=installation, check_name=check.name, person=_somebody("security"), **waiver
            )
    collecting.keep_findings(installation, verdicts, prints, redactor)
    Finding.objects.filter(installation=installation, check_name="registry.project").update(level=Level.FAIL)


def _attempts(installation: Installation, history: tuple[tuple[str, str, str], ...], events: int) -> None:
    for state, at, kind in history:
        run = a_run(installation, state, at=at, kind=kind, error=ERROR if state == "failed" else None)
        if kind == "install":
            show(run, "push-images", progress=PUSH | {"series": [[second, second * 900] for second in range(200)]})
            show(run, "packages-and-pods", progress=PACKAGES)
            show(run, "acceptance", progress={"findings": PROOFS})
        write(run, events // len(history))


@dataclass(frozen=True)
class Address:
    """One address of the URL map, filled in."""

    route: str
    url: str


def addresses(installation: Installation) -> Iterator[Address]:
    """Every address of the URL map, with each value that it can have on this installation."""
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        assert pattern.name, pattern
        names = list(pattern.pattern.converters)
        for values in product(*(_values(pattern.name, name, installation) for name in names)):
            kwargs = dict(zip(names, values, strict=True))
            yield Address(pattern.name, reverse(pattern.name, kwargs=kwargs))


def _values(route: str, name: str, installation: Installation) -> list[Any]:
    if name == "name":
        return {"options": ["context"], "generate": ["password"], "take-over": ["ca"]}.get(route, ["registry.project"])
    last = installation.runs.first()
    return {
        "pk": [installation.pk],
        "slug": [step.slug for step in steps.STEPS]
        if route not in ("options", "generate", "take-over")
        else ["cluster"],
        "attempt": [last.attempt] if last else [1],
        "current": ["review"],
        "number": [1],
        "code": ["code"],
        "document": list(manual.NAMES),
    }[name]
