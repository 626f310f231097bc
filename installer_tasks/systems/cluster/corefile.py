"""CoreDNS's configuration, as far as it decides who answers for a name. Pure.

    tmc.example.com:53 {
        forward . 10.0.0.53
    }

The block with the longest zone that a name is in answers for it; in a block, each plugin may answer or pass it on.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

#: Plugins that answer out of themselves for the zones they name, or for all of their block.
OWN_ANSWERS = frozenset(
    {"auto", "azure", "clouddns", "erratic", "etcd", "file", "hosts", "route53", "secondary", "template"}
)
ROOT = "."
DEEPEST = 5  #: imports in imports
MOST_IMPORTS = 50
LONGEST_PATTERN = 100


@dataclass
class Directive:
    """A plugin with its words, and the lines within its braces."""

    words: tuple[str, ...]
    lines: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def plugin(self) -> str:
        return self.words[0]


@dataclass
class Block:
    """What one server block says, for each of its zones."""

    zones: tuple[str, ...]
    directives: list[Directive] = field(default_factory=list)

    def of(self, *plugins: str) -> list[Directive]:
        return [found for found in self.directives if found.plugin in plugins]

    def hosts(self) -> dict[str, list[str]]:
        """Addresses by name, as the hosts plugin has them written in."""
        found: dict[str, list[str]] = {}
        for directive in self.of("hosts"):
            for address, *names in filter(_has_address, directive.lines):
                for name in names:
                    found.setdefault(_zone(name), []).append(address)
        return found

    def forwards(self, name: str) -> list[str]:
        """Where the name is sent to: servers, or a file that names them; [] for nowhere."""
        fitting = [found for found in self.of("forward") if len(found.words) > 2 and covers(found.words[1], name)]
        best = max(fitting, key=lambda found: len(_zone(found.words[1])), default=None)
        return list(best.words[2:]) if best else []

    def answers_itself(self, name: str) -> str:
        """The plugin that answers for the name and asks nobody; "" for none."""
        for directive in self.directives:
            zones = [word for word in directive.words[1:] if not word.startswith(("/", "{")) and "." in word]
            if zones and not any(covers(zone, name) for zone in zones):
                continue
            if directive.plugin == "kubernetes" and zones:
                return directive.plugin
            if directive.plugin in OWN_ANSWERS and not _passes_on(directive):
                return directive.plugin
        return ""


def _has_address(line: tuple[str, ...]) -> bool:
    return line[0][0].isdigit() or ":" in line[0]


def _passes_on(directive: Directive) -> bool:
    return any(line[0] == "fallthrough" for line in directive.lines)


def parse(text: str) -> list[Block]:
    """Every server block; lines that make no sense are passed over, as this is not CoreDNS's own judgement."""
    blocks: list[Block] = []
    depth = 0
    for line in filter(None, map(_words, text.splitlines())):
        opens, closes = line[-1] == "{", line[0] == "}"
        words = line[:-1] if opens else line
        if closes:
            depth = max(depth - 1, 0)
        elif depth == 0 and opens:
            blocks.append(Block(tuple(map(_zone, words))))
        elif depth == 1 and words:
            blocks[-1].directives.append(Directive(words))
        elif depth > 1 and words and blocks[-1].directives:
            blocks[-1].directives[-1].lines.append(words)
        depth += opens
    return [block for block in blocks if not any(zone.startswith("(") for zone in block.zones)]


def expanded(text: str, files: Mapping[str, str]) -> str:
    """The configuration with what it imports in its place: snippets of its own, and files of the same volume.

    `hosts FILE` is such an import too. Files are known by the last part of their path; one that nothing imports counts
    for nothing. Circles and files that import each other many times end.
    """
    return _Expansion(files).of(text, DEEPEST)


class _Expansion:
    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._left = MOST_IMPORTS

    def of(self, text: str, depth: int) -> str:
        snippets, lines = _snippets(text.splitlines())
        return "\n".join(found for line in lines for found in self._in_place_of(line, snippets, depth))

    def _in_place_of(self, line: str, snippets: Mapping[str, str], depth: int) -> list[str]:
        words = _words(line)
        if len(words) < 2 or words[0] not in ("import", "hosts"):
            return [line]
        name = words[1].rpartition("/")[2][:LONGEST_PATTERN]
        if words[0] == "hosts":
            return _hosts_of(self._files[name], line, opened=words[-1] == "{") if name in self._files else [line]
        fitting = [self._files[key] for key in sorted(self._files) if fnmatch.fnmatchcase(key, name)]
        return [self._imported(found, depth) for found in ([snippets[words[1]]] if words[1] in snippets else fitting)]

    def _imported(self, text: str, depth: int) -> str:
        self._left -= 1
        return self.of(text, depth - 1) if depth and self._left >= 0 else ""


def _hosts_of(content: str, line: str, *, opened: bool) -> list[str]:
    return [line, content] if opened else [f"{line} {{", content, "}"]


def _snippets(lines: list[str]) -> tuple[dict[str, str], list[str]]:
    """Blocks `(name) { ... }` by name, and the lines outside of them."""
    found: dict[str, list[str]] = {}
    rest: list[str] = []
    name, depth = "", 0
    for line in lines:
        words = _words(line)
        opens, closes = bool(words) and words[-1] == "{", bool(words) and words[0] == "}"
        if not name and opens and words[0].startswith("(") and words[0].endswith(")"):
            name, depth = words[0][1:-1], 1
            continue
        if not name:
            rest.append(line)
            continue
        depth += opens - closes
        if depth:
            found.setdefault(name, []).append(line)
        else:
            name = ""
    return {key: "\n".join(value) for key, value in found.items()}, rest


def _words(line: str) -> tuple[str, ...]:
    words: list[str] = []
    for word in line.split():
        if word.startswith("#"):
            break
        words.append(word)
    return tuple(words)


def best(blocks: Iterable[Block], name: str) -> tuple[str, Block] | None:
    """The zone and the block that answer for the name."""
    fitting = [(zone, block) for block in blocks for zone in block.zones if covers(zone, name)]
    return max(fitting, key=lambda found: 0 if found[0] == ROOT else len(found[0]), default=None)


def covers(zone: str, name: str) -> bool:
    zone, name = _zone(zone), name.lower().rstrip(".")
    return zone in (ROOT, name) or name.endswith(f".{zone}")


def _zone(word: str) -> str:
    """`dns://tmc.example.com.:53,` as `tmc.example.com`; the root as a dot."""
    bare = word.rpartition("://")[2].rstrip(",").lower()
    return bare.partition(":")[0].rstrip(".") or ROOT
