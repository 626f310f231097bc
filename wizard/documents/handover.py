"""The handover document: what stands now, from which answers, proven how, accepted by whom, and what ends when.

Told from the record of the run that succeeded: what was changed after it is not in here. No secret is either, only
where each is kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.utils.translation import gettext

from installer_tasks import answer_keys
from installer_tasks.errors import InputError
from installer_tasks.models import Answer, Run
from installer_tasks.plan import MASK, Plan
from installer_tasks.preflight import findings
from installer_tasks.preflight.shapes.cluster import KUBECONFIG
from installer_tasks.preflight.state import InstallationState
from installer_tasks.releases import Package
from installer_tasks.runs import journal, rows, service
from installer_tasks.runs.stages.base import Progress
from installer_tasks.systems import certificates
from installer_tasks.systems.cluster import carvel
from wizard import steps
from wizard.presenters import download, progress, states
from wizard.presenters import findings as finding_views
from wizard.presenters import proofs as proof_views
from wizard.presenters import runs as run_views
from wizard.presenters.findings import FindingView
from wizard.presenters.review import described

#: What somebody accepted, or was only warned of.
ACCEPTED = ("waived", "warn")


@dataclass(frozen=True)
class Value:
    """One answer as the run used it; `source` is empty when somebody has changed it since."""

    label: str
    value: str
    note: str
    source: Any
    person: str


@dataclass(frozen=True)
class Group:
    title: Any
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Name:
    """A public name, and what answered there when the run proved it."""

    name: str
    addresses: str
    issuer: str
    until: datetime | None


@dataclass(frozen=True)
class Ending:
    """What stops working on a day that is known today."""

    at: datetime
    what: str
    note: str


@dataclass(frozen=True)
class Attempt:
    number: int
    shown: states.Shown
    person: str
    started_at: datetime | None
    seconds: float | None
    error: str
    events: int
    seal: str  #: the last link of its journal's chain
    whole: bool


@dataclass(frozen=True)
class Handover:
    """`plan` holds the secrets: templates are given the properties here, and never the plan."""

    run: Run
    _plan: Plan
    _state: InstallationState

    @property
    def installation(self) -> str:
        return self.run.installation.name

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        plan = self._plan
        return (
            (gettext("Console"), plan.console_url),
            (gettext("Release"), plan.release),
            *download.rows(plan),
            (gettext("Cluster"), plan["cluster.context"]),
            (gettext("Namespace"), plan.known.namespace),
            (gettext("Registry project"), plan.project),
            (gettext("Load balancer"), str(self._seen("acceptance.load-balancer").get("address", "–"))),
        )

    @property
    def namespace(self) -> str:
        return self._plan.known.namespace

    @property
    def admin_group(self) -> str:
        return self._plan["identity.admin_group"]

    @cached_property
    def names(self) -> tuple[Name, ...]:
        release = self._plan.known
        named = zip(release.hosts, release.public_names(self._plan.zone), strict=True)
        return tuple(self._name(host or "console", name) for host, name in named)

    def _name(self, host: str, name: str) -> Name:
        secured, resolved = self._seen(f"acceptance.tls.{host}"), self._seen(f"acceptance.dns.{host}")
        until = secured.get("not_after")
        return Name(
            name=name,
            addresses=", ".join(resolved.get("addresses") or ()),
            issuer=str(secured.get("issuer", "")),
            until=datetime.fromisoformat(until) if until else None,
        )

    def _seen(self, proof: str) -> Mapping[str, Any]:
        """The evidence of a proof of the last stage."""
        return self._evidence.get(proof, {})

    @cached_property
    def _evidence(self) -> dict[str, Mapping[str, Any]]:
        found = proof_views.figures(self.run, Progress.PROOFS).get("findings") or []
        return {each["name"]: each.get("evidence") or {} for each in found}

    @property
    def proofs(self) -> tuple[proof_views.ProofGroup, ...]:
        return proof_views.proof_groups(self.run)

    @property
    def packages(self) -> tuple[Package, ...]:
        return self._plan.known.packages

    @property
    def push(self) -> progress.Push | None:
        figures = proof_views.figures(self.run, Progress.PUSH)
        return progress.push(figures, running=False) if figures else None

    @property
    def groups(self) -> tuple[Group, ...]:
        return tuple(Group(step.title, tuple(self._values(step.slug, self._state.answers))) for step in steps.STEPS)

    def _values(self, step: str, rows: Mapping[str, Answer]) -> Iterator[Value]:
        for key in answer_keys.of_step(step):
            value = self._plan[key.name]
            if not value or not answer_keys.applies(key, self._plan.answers):
                continue
            shown, note = (MASK, "") if key.secret else described(key, value)
            yield Value(gettext(key.label), shown, note, *self._origin(rows.get(key.name)))

    def _origin(self, row: Answer | None) -> tuple[Any, str]:
        if row is None:
            return states.SOURCE["default"], ""
        if row.changed_at > self.run.created_at:
            return gettext("changed after this run"), ""
        return states.SOURCE[row.source], row.changed_by.get_username() if row.changed_by else ""

    @property
    def values_yaml(self) -> str:
        return self._plan.values_yaml(masked=True)

    @property
    def values_secret(self) -> str:
        """The Secret in the namespace that holds `values.yaml` with the real passwords."""
        return carvel.Names(self._plan.known.install_name, self.namespace).values

    @property
    def secrets(self) -> tuple[str, ...]:
        """Labels of the secrets that were used."""
        keys = (key for key in answer_keys.KEYS if key.secret and answer_keys.applies(key, self._plan.answers))
        return tuple(gettext(key.label) for key in keys if self._plan[key.name])

    @cached_property
    def accepted(self) -> tuple[FindingView, ...]:
        views = finding_views.grouped(self._state, self._state.items)
        return tuple(view for view in views if view.level in ACCEPTED)

    @cached_property
    def endings(self) -> tuple[Ending, ...]:
        found = (*self._public_certificates(), *self._authorities(), *self._access(), *self._waivers())
        return tuple(sorted(found, key=attrgetter("at")))

    def _public_certificates(self) -> Iterator[Ending]:
        """Those of one day together."""
        dated = sorted((name.until, name.name) for name in self.names if name.until)
        for _day, group in groupby(dated, key=lambda each: each[0].date()):
            (until, first), *others = group
            more = gettext("and %(count)s more") % {"count": len(others)} if others else ""
            what = gettext("Certificate of %(name)s") % {"name": f"{first} {more}".strip()}
            yield Ending(until, what, gettext("cert-manager renews it automatically while its issuer is ready"))

    def _authorities(self) -> Iterator[Ending]:
        """Each once, whatever it is supplied for."""
        used: dict[tuple[datetime, str], list[str]] = {}
        for key in answer_keys.KEYS:
            value = self._plan[key.name]
            if "-----BEGIN" in value and not key.secret and answer_keys.applies(key, self._plan.answers):
                for ending in _first_to_end(value):
                    used.setdefault(ending, []).append(gettext(key.label))
        told = gettext("%(label)s; enter a new one before that day, and install again")
        for (at, subject), labels in used.items():
            yield Ending(at, subject, told % {"label": ", ".join(labels)})

    def _access(self) -> Iterator[Ending]:
        access = findings.fact(self._state, KUBECONFIG)
        expires = access.get("expires") if access else None
        if expires:
            note = gettext("only this installer uses it; TMC-SM does not")
            yield Ending(datetime.fromisoformat(expires["at"]), gettext("Credentials of the kubeconfig"), note)

    def _waivers(self) -> Iterator[Ending]:
        for view in self.accepted:
            if view.waived_until:
                yield Ending(
                    view.waived_until, gettext("Waiver: %(title)s") % {"title": view.title}, view.waiver_reason
                )

    @cached_property
    def attempts(self) -> tuple[Attempt, ...]:
        oldest_first = [run for run in reversed(self._state.runs) if run.attempt <= self.run.attempt]
        journals = journal.verified(oldest_first)
        return tuple(_attempt(self._state, run, journals[run.pk]) for run in oldest_first)


def handover(state: InstallationState) -> Handover | None:
    """Of the last run that succeeded; None before there is one."""
    run = service.installed(state)
    return Handover(run, rows.frozen_plan(run), state) if run else None


def _first_to_end(pem: str) -> Iterator[tuple[datetime, str]]:
    """When the first of these certificates ends, and whose it is; nothing of what cannot be read."""
    with contextlib.suppress(InputError):
        found = [certificates.describe(each) for each in certificates.parse_bundle(pem)]
        yield min((datetime.fromisoformat(each["not_after"]), str(each["subject"])) for each in found)


def _attempt(state: InstallationState, run: Run, kept: journal.Verified) -> Attempt:
    return Attempt(
        number=run.attempt,
        shown=states.of_run(run),
        person=run.created_by.get_username() if run.created_by else "",
        started_at=run.started_at,
        seconds=run_views.between(run.started_at, run.finished_at),
        error=run_views.cause_of_failure(state, run),
        events=run.last_seq,
        seal=kept.seal,
        whole=kept.first_broken is None,
    )
