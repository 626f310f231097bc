"""The vendor's SHA-256 of a download, as people have it: 64 digits, or a checksum file that lists many files.

Kept as `<digest>`, or as `<digest>  <name>` where a file named what it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from installer_tasks.errors import InputError
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

FIELD = "bundle.checksum"
MOST_LINES = 10_000
LONGEST_LINE = 5000
_HEX = re.compile(r"[0-9a-fA-F]+")
_ALGORITHM = re.compile(r"[A-Za-z0-9/-]{1,20}")
#: By the number of digits.
OTHERS = {32: "MD5", 40: "SHA-1", 56: "SHA-224", 96: "SHA-384", 128: "SHA-512"}
DIGITS = 64
_ENTER = Text(_("Enter the SHA-256 that the vendor publishes for the download: 64 digits from 0 to 9 and a to f."))


@dataclass(frozen=True)
class Checksum:
    """One line: a digest of whatever algorithm, in lower case, and the file that it belongs to, if it says so."""

    digest: str
    name: str = ""

    @property
    def algorithm(self) -> str:
        return "" if len(self.digest) == DIGITS else OTHERS.get(len(self.digest), "")

    def __str__(self) -> str:
        return f"{self.digest}  {self.name}" if self.name else self.digest


NONE = Checksum("")


def given(answer: str) -> Checksum:
    """Of the kept answer; an empty one is NONE."""
    digest, _spaces, name = answer.strip().partition("  ")
    return Checksum(digest, name)


def parse(value: str, names: Collection[str] = ()) -> str:
    """As it is kept. `names` are those that the download may have; a file that lists others is refused."""
    lines = [line for each in _lines(value) if (line := each.strip())]
    if len(lines) == 1 and (alone := _alone(lines[0])):
        return str(_sha256(alone, value))
    found = [checksum for line in lines if (checksum := _listed(line))]
    if not found:
        raise InputError(
            text(_("This is neither a SHA-256 nor a checksum file.")),
            value=value.strip()[:100],
            remedy=_ENTER,
            field=FIELD,
            code="checksum-unreadable",
        )
    return str(_of(found, names))


def _lines(value: str) -> list[str]:
    lines = value.replace("\ufeff", "").splitlines()
    if len(lines) > MOST_LINES or any(len(line) > LONGEST_LINE for line in lines):
        raise InputError(
            text(_("This checksum file is too long.")),
            value=str(len(lines)),
            remedy=_ENTER,
            field=FIELD,
            code="checksum-unreadable",
        )
    return lines


def _alone(line: str) -> Checksum | None:
    """A digest by itself, perhaps with the name of its algorithm before it: `sha256:…`."""
    algorithm, colon, digest = line.rpartition(":")
    if colon and not _ALGORITHM.fullmatch(algorithm.strip()):
        return None
    digest = digest.strip()
    return Checksum(digest.lower()) if _HEX.fullmatch(digest) else None


def _listed(line: str) -> Checksum | None:
    """A line of `sha256sum` (GNU), of `shasum --tag`, `sha256` (BSD) or `openssl dgst`."""
    before, equals, after = line.rpartition("=")
    if equals and _HEX.fullmatch(after.strip()) and "(" in before and before.rstrip().endswith(")"):
        return Checksum(after.strip().lower(), _base(before.rstrip()[before.index("(") + 1 : -1]))
    escaped = line.startswith("\\")
    digest, space, name = line.removeprefix("\\").partition(" ")
    if not space or not _HEX.fullmatch(digest) or not name.strip(" *"):
        return None
    name = name[1:] if name[:1] in (" ", "*") else name
    return Checksum(digest.lower(), _base(name.replace("\\n", "\n").replace("\\\\", "\\") if escaped else name))


def _base(name: str) -> str:
    return name.strip().replace("\\", "/").rpartition("/")[2]


def _of(found: list[Checksum], names: Collection[str]) -> Checksum:
    """The line of this download: by its name, else the only one there is."""
    mine = [each for each in found if each.name in names] if names else found
    best = [each for each in mine if not each.algorithm and len(each.digest) == DIGITS]
    different = {each.digest for each in best}
    if len(different) == 1:
        return best[0]
    if different:
        raise _several(best, names)
    if mine:
        raise _no_sha256(mine[0])
    raise _not_named(found, names)


def _sha256(checksum: Checksum, value: str) -> Checksum:
    if len(checksum.digest) == DIGITS:
        return checksum
    if checksum.algorithm:
        raise _no_sha256(checksum)
    raise InputError(
        text(_("A SHA-256 has 64 digits; this has %(count)d."), count=len(checksum.digest)),
        value=value.strip()[:200],
        remedy=_ENTER,
        field=FIELD,
        code="checksum-length",
    )


def _no_sha256(checksum: Checksum) -> InputError:
    count = len(checksum.digest)
    cause = (
        text(_("The checksum is %(algorithm)s, not SHA-256."), algorithm=checksum.algorithm)
        if checksum.algorithm
        else text(_("A SHA-256 has 64 digits; this has %(count)d."), count=count)
    )
    return InputError(
        cause, value=str(checksum)[:200], remedy=_ENTER, field=FIELD,
        code="checksum-algorithm" if checksum.algorithm else "checksum-length",
    )  # fmt: skip


def _several(found: list[Checksum], names: Collection[str]) -> InputError:
    if names:
        cause = text(_("The checksum file contains two different SHA-256 for %(name)s."), name=found[0].name)
    else:
        cause = text(_("The checksum file lists several files."))
    return InputError(
        cause,
        value=", ".join(_names(found)),
        remedy=text(_("Enter the downloaded file first, or only its SHA-256.")),
        field=FIELD,
        code="checksum-several",
    )


def _not_named(found: list[Checksum], names: Collection[str]) -> InputError:
    return InputError(
        text(_("The checksum file does not list %(name)s."), name=" / ".join(names)),
        value=", ".join(_names(found)),
        remedy=text(_("Choose the checksum file of this download. If you renamed the file, enter only its SHA-256.")),
        field=FIELD,
        code="checksum-not-listed",
    )


def _names(found: list[Checksum]) -> Iterator[str]:
    yield from list(dict.fromkeys(each.name[:100] for each in found))[:10]
