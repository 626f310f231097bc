"""A check: a small named value that judges facts. Pure: no client, no clock but the one it is given, no database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from installer_tasks.answer_keys import kind_of
from installer_tasks.preflight.shapes.base import Fact
from installer_tasks.text import Param, Text, text
from installer_tasks.text import mark as _

log = logging.getLogger(__name__)

T = TypeVar("T")
Item = TypeVar("Item")


class Level(StrEnum):
    """The outcome of a check. STALE and WAIVED are never judged: they follow from rows (see models.Finding)."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"
    BLOCKED = "blocked"  #: a check it needs has failed
    ERROR = "error"  #: could not run; never green
    STALE = "stale"  #: the answer it judged has changed, or it is too old
    WAIVED = "waived"


#: Levels of a check that did not succeed, and that may be waived.
BAD = frozenset({Level.FAIL, Level.BLOCKED, Level.ERROR})


class Owner(StrEnum):
    """Who in the customer's organisation can mend it."""

    INSTALLER = "installer"  #: the person in front of the page
    PLATFORM = "platform"
    NETWORK = "network"
    IDENTITY = "identity"
    REGISTRY = "registry"
    SECURITY = "security"


@dataclass(frozen=True)
class Verdict:
    """What a check found: one sentence, and for anything but `pass` the value, the cause and what to do."""

    level: Level
    message: Text
    value: str = ""
    cause: Text | None = None
    remedy: Text | None = None
    command: str = ""  #: to copy: a command, a manifest, a record
    evidence: Mapping[str, Any] = field(default_factory=dict)
    hopeless: bool = False  #: no run can succeed with it, so nobody may accept it


class Failed(Exception):
    """A fact that was asked for could not be collected: carries the collector's error as plain data."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(error.get("code", ""))
        self.error = error


class NotYet(Exception):
    """A fact that was asked for may still come in."""


class Facts:
    """What was observed, by system; `facts(shapes.RECORDS)` raises Failed where collecting it failed.

    While facts are still `coming`, one that is not there raises NotYet.
    """

    def __init__(
        self, systems: Mapping[str, Mapping[str, Any]], answers: Mapping[str, str], *, coming: bool = False
    ) -> None:
        self._systems = systems
        self._coming = coming
        self.answers = answers
        self.asked: set[str] = set()  #: names of the facts that were asked for so far

    def __call__(self, fact: Fact[T]) -> T:
        """The fact; Failed when its collector met an error or never ran."""
        self.asked.add(str(fact))
        observed = self._systems.get(fact.system, {}).get(fact)
        if observed is None and self._coming:
            raise NotYet
        if observed is None:
            raise Failed(NOT_COLLECTED)
        if not observed["ok"]:
            raise Failed(observed["error"])
        value: T = observed["value"]
        return value

    def some(self, fact: Fact[T]) -> T:
        """The fact, in which there must be something: what says nothing proves nothing."""
        found = self(fact)
        if not found:
            raise Failed(NOTHING_OBSERVED)
        return found

    def listed(self, fact: Fact[list[Item]]) -> list[Item]:
        """A list that may be empty: that there is nothing of the kind is what was observed."""
        found = self(fact)
        if not isinstance(found, list):
            raise TypeError(f"{fact} is no list")
        return found


NOT_COLLECTED: Mapping[str, Any] = {
    "code": "not-collected",
    "value": "",
    "cause": Text(_("No data was collected for this check.")).as_json(),
    "remedy": Text(_("Run the check again.")).as_json(),
    "detail": "",
}

NOTHING_OBSERVED: Mapping[str, Any] = {
    "code": "nothing-observed",
    "value": "",
    "cause": Text(_("The system responded, but its response contains nothing to check.")).as_json(),
    "remedy": Text(_("Run the check again; report it if the system is healthy.")).as_json(),
    "detail": "",
}

Judge = Callable[[Facts], Verdict]

#: Errors of a look that another check tells in whole: where that one has failed, this is not a second red line.
TOLD_BY = {"kubernetes-forbidden": "cluster.rights", "registry-quota": "registry.room"}


@dataclass(frozen=True)
class Check:
    """A named judgement. `needs` are names of checks that must not have failed before it makes sense."""

    name: str  #: stable, `<system>.<what>`; operators refer to it
    title: str  #: what is proven, marked for translation
    owner: Owner
    reads: tuple[
        str, ...
    ]  #: keys of the answers it asks for, all and no others; a change of one makes the finding stale
    judge: Judge
    needs: tuple[str, ...] = ()
    strict: bool = False  #: may not be waived
    kind: str = ""  #: of identity, where it says something of one kind alone
    touches: str = ""  #: what it does to the system, if anything, marked for translation

    @property
    def system(self) -> str:
        """Also the step whose page shows it."""
        return self.name.partition(".")[0]

    def applies(self, answers: Mapping[str, str]) -> bool:
        """Whether there is anything to judge: a directory has no discovery document, and a provider no base."""
        return self.kind in ("", kind_of(answers))


def passed(message: str, *, evidence: Mapping[str, Any] | None = None, **params: Param) -> Verdict:
    """`message` is a marked template with these parameters."""
    return Verdict(Level.PASS, text(message, **params), evidence=evidence or {})


def judge(check: Check, facts: Facts, failed: frozenset[str]) -> Verdict:
    """Run one check. A fact that could not be had is a failure with that error's words; a bug is `error`.

    Raises NotYet while a fact that it reads is still coming in.
    """
    blockers = sorted(failed & set(check.needs))
    if blockers:
        return _blocked(blockers[0])
    try:
        return check.judge(facts)
    except Failed as failure:
        told_by = TOLD_BY.get(failure.error.get("code", ""), "")
        return _blocked(told_by) if told_by in failed else from_error(failure.error)
    except NotYet:
        raise
    except Exception as error:
        # Its words may repeat an answer: the log's formatter takes secrets out, and the finding has none of them.
        log.exception("check %s failed inside the installer", check.name)
        return _internal_error(error)


def asked_by(check: Check, facts: Facts) -> set[str]:
    """Names of the facts that the check asks for. What it makes of them is no matter: one that it needs may have failed."""
    with suppress(Exception):
        check.judge(facts)
    return facts.asked


def _blocked(name: str) -> Verdict:
    return Verdict(
        Level.BLOCKED,
        text(_("Not checked: %(check)s failed."), check=name),
        cause=text(_("This check depends on %(check)s."), check=name),
        remedy=text(_("Fix %(check)s first."), check=name),
        evidence={"blocked_by": name},
    )


def _internal_error(error: Exception) -> Verdict:
    return Verdict(
        Level.ERROR,
        text(_("Internal error in this check: %(kind)s."), kind=type(error).__name__),
        cause=text(_("The check failed inside the installer. Nothing is known of the system.")),
        remedy=text(_("Run the check again. If it still fails, send the support bundle.")),
        evidence={"code": "internal-error", "error": type(error).__name__},
    )


def from_error(error: Mapping[str, Any], *, level: Level | None = None) -> Verdict:
    """A verdict from a collector's error (InstallerError.as_json). Not collected is `error`, never `pass`."""
    could_not_run = error.get("code") in ("not-collected", "nothing-observed", "crashed")
    return Verdict(
        level or (Level.ERROR if could_not_run else Level.FAIL),
        Text.from_json(error["cause"]),
        value=str(error.get("value") or error.get("field") or ""),
        cause=Text.from_json(error["cause"]),
        remedy=Text.from_json(error["remedy"]),
        evidence={"code": error.get("code", ""), "detail": error.get("detail", "")},
    )


def judge_all(
    checks: tuple[Check, ...], facts: Facts, failed_elsewhere: frozenset[str] = frozenset()
) -> dict[str, Verdict]:
    """Every check's verdict, in dependency order; `checks` lists a needed check before those that need it."""
    verdicts: dict[str, Verdict] = {}
    failed = set(failed_elsewhere)
    for check in checks:
        verdict = judge(check, facts, frozenset(failed))
        verdicts[check.name] = verdict
        if verdict.level in (Level.FAIL, Level.BLOCKED, Level.ERROR):
            failed.add(check.name)
    return verdicts
