"""What kapp prints while it deploys: the lines that people watch for half an hour."""

from __future__ import annotations

from datetime import UTC, datetime

from installer_tasks.rehearsal.controllers.objects import Object


def resource(obj: Object) -> str:
    """`packageinstall/contour (packaging.carvel.dev/v1alpha1) namespace: tmc-local`."""
    metadata = obj["metadata"]
    where = f"namespace: {metadata['namespace']}" if metadata.get("namespace") else "cluster"
    return f"{obj['kind'].lower()}/{metadata['name']} ({obj['apiVersion']}) {where}"


class RemovalTranscript:
    """The output of one removal: what it waits for, told anew when that changes."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._waits: list[str] | None = None
        self._lines = [
            "Target cluster 'https://10.96.0.1:443'",
            "Changes",
            f"Wait to: 0 reconcile, {total} delete, 0 noop",
        ]

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in self._lines)

    def waits(self, resources: list[str]) -> None:
        if resources == self._waits:
            return
        self._waits = resources
        at = clock()
        figures = f"[{max(0, self._total - len(resources))}/{self._total} done]"
        self._lines.append(f"{at}: ---- waiting on {len(resources)} changes {figures} ----")
        self._lines += [f"{at}: ongoing: delete {name}" for name in resources]


class Transcript:
    """The output of one deploy, which only grows."""

    def __init__(self) -> None:
        self._total = 0
        self._applied: dict[str, None] = {}
        self._done: set[str] = set()
        self._ongoing: dict[str, str] = {}
        self._finished = False
        self._lines: list[str] = []

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in self._lines)

    def expect(self, total: int) -> None:
        """How many objects there will be; told once."""
        if self._lines:
            return
        self._total = total
        self._lines = [
            "Target cluster 'https://10.96.0.1:443'",
            "Changes",
            f"Op:      {total} create, 0 delete, 0 update, 0 noop, 0 exists",
            f"Wait to: {total} reconcile, 0 delete, 0 noop",
        ]

    def applied(self, objects: list[Object]) -> None:
        """These were created now, apart from those that were told before."""
        new = [name for name in map(resource, objects) if name not in self._applied]
        if not new:
            return
        self._say(f"---- applying {len(new)} changes {self._figures()} ----")
        for name in new:
            self._applied[name] = None
            self._say(f"create {name}")
        self._say(f"---- waiting on {len(self._applied) - len(self._done)} changes {self._figures()} ----")

    def ongoing(self, obj: Object, why: str) -> None:
        name = resource(obj)
        if self._ongoing.get(name) != why:
            self._ongoing[name] = why
            self._say(f"ongoing: reconcile {name}")
            self._say(f" ^ {why}")

    def done(self, obj: Object) -> None:
        name = resource(obj)
        if name not in self._done and name in self._applied:
            self._done.add(name)
            self._say(f"ok: reconcile {name}")

    def finish(self) -> None:
        if not self._finished:
            self._finished = True
            self._say(f"---- applying complete {self._figures()} ----")
            self._say(f"---- waiting complete {self._figures()} ----")
            self._lines.append("\nSucceeded")

    def _figures(self) -> str:
        return f"[{len(self._done)}/{self._total} done]"

    def _say(self, line: str) -> None:
        self._lines.append(f"{clock()}: {line}")


def clock() -> str:
    """The time as kapp begins its lines."""
    return datetime.now(UTC).strftime("%I:%M:%S%p").lstrip("0")
