"""What is said of an object (`Sign`), what that means (`Cause`), and what was found in the end (`Diagnosis`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from installer_tasks.text import Text

# Kinds of signs, from the top of a chain to its bottom.
STAGE = "stage"  #: the error of the stage itself: `code: detail`
ERROR = "error"  #: what kapp-controller reports of a package or repository: its usefulErrorMessage
OUTPUT = "output"  #: what kapp printed last
OBJECT = "object"  #: the condition of a Service, claim, Certificate, request, proxy
NODE = "node"
EVENT = "event"  #: `Reason: message`
SCHEDULING = "scheduling"  #: why no node takes the pod
WAITING = "waiting"  #: why a container waits: `Reason: message`
ENDED = "ended"  #: how a container ended last: `Reason, exit code N: message`
LOG = "log"  #: the last lines of a container
#: The nearer to the bottom, the nearer to the cause.
DEPTH = {
    kind: depth
    for depth, kind in enumerate((STAGE, OUTPUT, ERROR, NODE, OBJECT, EVENT, ENDED, WAITING, SCHEDULING, LOG))
}
POD = (EVENT, SCHEDULING, WAITING, ENDED, LOG)
PACKAGE = (ERROR, OUTPUT, STAGE)


@dataclass(frozen=True)
class Sign:
    """The smallest piece of evidence: somebody said this about that object."""

    kind: str
    about: str  #: `Pod/postgres-postgresql-0`
    text: str
    wave: int = 0  #: of the package that it belongs to: what comes first keeps the others waiting

    @property
    def name(self) -> str:
        return self.about.partition("/")[2]


class Rank(IntEnum):
    """How much a cause explains."""

    SYMPTOM = 1  #: names what stands still, and no more
    GENERAL = 2  #: names the part that fails
    CAUSE = 3  #: names what has to be changed
    FIRST = 4  #: nothing else can go on before this is fixed


@dataclass(frozen=True)
class Cause:
    """One line of the table: symptom, cause, owner, fix, proof.

    `pattern` is searched in the signs of these `kinds`; its named groups fill the sentences, as `%(name)s`, `%(about)s`
    and `%(namespace)s` do. Without `says` and `fix` the words of the stage's error stand.
    """

    name: str
    kinds: tuple[str, ...]
    pattern: str
    says: str = ""  #: marked for translation
    fix: str = ""  #: marked for translation
    owner: str = ""  #: the step whose system has to change
    answer: str = ""  #: the answer to change, where it is an answer
    proof: str = ""  #: the command that shows that it is fixed
    rank: Rank = Rank.CAUSE
    settles: float = 40.0  #: seconds that it may last before it is named while a stage waits

    def match(self, sign: Sign) -> re.Match[str] | None:
        return re.search(self.pattern, sign.text, re.IGNORECASE | re.DOTALL) if sign.kind in self.kinds else None


@dataclass(frozen=True)
class Match:
    """A cause that explains a sign."""

    cause: Cause
    sign: Sign
    words: Mapping[str, str]
    count: int = 1  #: objects that say the same

    @property
    def order(self) -> tuple[int, int, int]:
        """Sorts the likeliest first."""
        return -self.cause.rank, self.sign.wave, -DEPTH[self.sign.kind]

    def sentence(self, template: str) -> Text:
        return Text(template, self.words)

    @property
    def proof(self) -> str:
        return self.cause.proof % _Known(self.words) if self.cause.proof else ""


class _Known(dict[str, str]):
    """A name that nobody said shows as itself."""

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


@dataclass(frozen=True)
class Link:
    """One object on the way down from the parent package to what fails."""

    kind: str
    name: str
    said: str = ""

    def as_json(self) -> dict[str, str]:
        return {"kind": self.kind, "name": self.name, "said": self.said}


@dataclass(frozen=True)
class Diagnosis:
    """What the facts say, the likeliest cause first. Without causes it is unknown, and `places` is where to look."""

    matches: tuple[Match, ...] = ()
    chain: tuple[Link, ...] = ()
    places: tuple[Sign, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """What only names what stands still does not say why."""
        return any(match.cause.rank >= Rank.GENERAL for match in self.matches)

    def as_json(self) -> dict[str, Any]:
        return {
            "known": self.known,
            "causes": [_told(match) for match in self.matches],
            "chain": [link.as_json() for link in self.chain],
            "places": [{"about": sign.about, "said": sign.text[:SHOWN]} for sign in self.places],
            "facts": dict(self.facts),
        }


SHOWN = 600  #: characters of one piece of evidence on a page


def _told(match: Match) -> dict[str, Any]:
    cause = match.cause
    return {
        "name": cause.name,
        "cause": match.sentence(cause.says).as_json() if cause.says else None,
        "fix": match.sentence(cause.fix).as_json() if cause.fix else None,
        "owner": cause.owner,
        "answer": cause.answer,
        "proof": match.proof,
        "about": match.sign.about,
        "evidence": shortened(match.sign.text),
        "count": match.count,
    }


def shortened(text: str) -> str:
    """The end of a log says how it ended, so the middle goes."""
    text = text.strip()
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 3]} … {text[-2 * SHOWN // 3 :]}"
