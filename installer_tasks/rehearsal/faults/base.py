"""What a fault is: a defect a server asks for, a change to the running estate, or a wrong answer of its customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

#: Changes the running estate; what it returns changes it back.
Change = Callable[["Estate"], Callable[[], None]]
#: What this customer answers differently, by key.
Answering = Callable[["Estate"], Mapping[str, str]]


@dataclass(frozen=True)
class Fault:
    """A switchable defect of the estate. Servers ask for it by name; `change` and `answers` do what no server can."""

    name: str  #: `<system>.<what>`
    title: str  #: what is wrong, marked for translation
    caught_by: str = ""  #: the check that must say so; without one nothing can foresee it
    says: str = ""  #: in that finding's words or value, in English: the right cause
    change: Change | None = None
    answers: Answering | None = None

    @property
    def system(self) -> str:
        return self.name.partition(".")[0]

    @property
    def foreseeable(self) -> bool:
        return bool(self.caught_by)


@dataclass(frozen=True)
class Variant:
    """Another estate that is healthy: no check may say anything of it."""

    name: str
    title: str
    change: Change | None = None
    answers: Answering | None = None
