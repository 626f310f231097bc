"""Why a stage failed or stands still, as a page, a terminal and a document show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from installer_tasks import answer_keys
from installer_tasks.preflight.checks.base import Owner
from wizard.presenters import states
from wizard.presenters.topology import TITLES
from wizard.texts import render

#: Which team answers for the system of a step.
_TEAMS = {
    "bundle": Owner.INSTALLER,
    "cluster": Owner.PLATFORM,
    "dns": Owner.NETWORK,
    "identity": Owner.IDENTITY,
    "registry": Owner.REGISTRY,
    "certificates": Owner.SECURITY,
    "services": Owner.PLATFORM,
}


@dataclass(frozen=True)
class CauseView:
    name: str
    cause: str
    fix: str
    proof: str
    system: str
    owner: str
    answer: str  #: its label
    answer_url: str
    about: str
    evidence: str
    count: int


@dataclass(frozen=True)
class LinkView:
    kind: str
    name: str
    said: str


@dataclass(frozen=True)
class DiagnosisView:
    known: bool
    first: CauseView | None
    others: tuple[CauseView, ...]
    chain: tuple[LinkView, ...]
    places: tuple[tuple[str, str], ...]
    key: str  #: of the answer to change, if the cause is about one
    system: str  #: slug of the step whose system has to change

    @property
    def way(self) -> str:
        return " → ".join(f"{link.kind} {link.name}" for link in self.chain)


def view(found: Mapping[str, Any] | None, installation_id: int) -> DiagnosisView | None:
    """Of a stage's row; None where nothing was found out, as in runs of earlier versions."""
    if not found:
        return None
    told = found.get("causes") or []
    causes = tuple(_cause(each, installation_id) for each in told)
    return DiagnosisView(
        known=bool(found.get("known")),
        first=causes[0] if causes else None,
        others=tuple(cause for cause in causes[1:] if cause.cause),
        chain=tuple(LinkView(each["kind"], each["name"], each.get("said", "")) for each in found.get("chain") or []),
        places=tuple((each["about"].replace("/", " ", 1), each["said"]) for each in found.get("places") or []),
        key=str(told[0].get("answer", "")) if told else "",
        system=str(told[0].get("owner", "")) if told and found.get("known") else "",
    )


def _cause(each: Mapping[str, Any], installation_id: int) -> CauseView:
    step, key = str(each.get("owner", "")), answer_keys.BY_NAME.get(str(each.get("answer", "")))
    return CauseView(
        name=str(each["name"]),
        cause=render(each.get("cause")),
        fix=render(each.get("fix")),
        proof=str(each.get("proof", "")),
        system=str(TITLES.get(step, "")),
        owner=str(states.OWNER[_TEAMS[step]]) if step in _TEAMS else "",
        answer=gettext(key.label) if key else "",
        answer_url=_url(key, installation_id) if key else "",
        about=str(each.get("about", "")).replace("/", " ", 1),
        evidence=str(each.get("evidence", "")),
        count=int(each.get("count") or 1),
    )


def _url(key: answer_keys.Key, installation_id: int) -> str:
    if key in answer_keys.CARRIED:
        return reverse("all-settings", args=[installation_id])
    return f"{reverse('step', args=[installation_id, key.step])}#{key.field}"


def lines(found: DiagnosisView) -> Iterator[str]:
    """For a terminal."""
    if found.way:
        yield gettext("Where it fails: %(chain)s") % {"chain": found.way}
    if found.known and found.first is not None:
        yield from _cause_lines(found.first)
        return
    yield gettext("The cause is unknown. Look here first:")
    yield from (f"  {about}: {said}" for about, said in found.places)


def _cause_lines(first: CauseView) -> Iterator[str]:
    if first.cause:
        yield gettext("Cause: %(cause)s") % {"cause": first.cause}
        yield gettext("Fix: %(fix)s") % {"fix": first.fix}
    if first.owner:
        yield gettext("System: %(system)s; can be fixed by: %(owner)s") % {"system": first.system, "owner": first.owner}
    if first.answer:
        yield gettext("Value to change: %(answer)s") % {"answer": first.answer}
    if first.proof:
        yield gettext("Verify: %(proof)s") % {"proof": first.proof}
