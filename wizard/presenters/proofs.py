"""What the last stage of a run has proven, in groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy

from installer_tasks.models import Run
from installer_tasks.runs import stages
from installer_tasks.runs.stages.base import Progress
from wizard.presenters import states
from wizard.presenters.evidence import evidence
from wizard.texts import render


@dataclass(frozen=True)
class Proof:
    """One acceptance finding."""

    name: str
    shown: states.Shown
    message: str
    value: str
    remedy: str
    evidence: tuple[tuple[str, str], ...]

    @property
    def passed(self) -> bool:
        return self.shown is states.LEVEL["pass"]


@dataclass(frozen=True)
class ProofGroup:
    title: Any
    proofs: tuple[Proof, ...]

    @property
    def passed(self) -> int:
        return sum(proof.passed for proof in self.proofs)

    @property
    def shown(self) -> states.Shown:
        """That of the first proof that did not pass."""
        return next((proof.shown for proof in self.proofs if not proof.passed), states.LEVEL["pass"])


#: Which proofs belong together, by the second word of their names; others come last.
PROOF_GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (gettext_lazy("Console and sign-in"), ("console", "landing", "supervisor", "sign-in")),
    (gettext_lazy("Names and certificates"), ("load-balancer", "dns", "tls")),
    (gettext_lazy("Packages and images"), ("packages", "unchanged", "images")),
)


def figures(run: Run, kind: Progress) -> Mapping[str, Any]:
    """What the stage of this run that reports such figures has reported."""
    slugs = [slug for slug, stage in stages.BY_SLUG.items() if stage.shows is kind]
    row = run.stages.filter(slug__in=slugs).first()
    return row.progress if row else {}


def proof_groups(run: Run) -> tuple[ProofGroup, ...]:
    found = [_proof(each) for each in figures(run, Progress.PROOFS).get("findings") or []]
    known = {kind for _title, kinds in PROOF_GROUPS for kind in kinds}
    others = tuple({_kind(proof) for proof in found} - known)
    groups = (*PROOF_GROUPS, (gettext_lazy("Further acceptance checks"), others))
    made = (ProofGroup(title, tuple(proof for proof in found if _kind(proof) in kinds)) for title, kinds in groups)
    return tuple(group for group in made if group.proofs)


def _kind(proof: Proof) -> str:
    return proof.name.removeprefix("acceptance.").partition(".")[0]


def _proof(each: Mapping[str, Any]) -> Proof:
    return Proof(
        name=str(each.get("name", "")),
        shown=states.LEVEL.get(each.get("level", ""), states.LEVEL[""]),
        message=render(each.get("message")),
        value=str(each.get("value") or ""),
        remedy=render(each.get("remedy")),
        evidence=evidence(each.get("evidence") or {}),
    )
