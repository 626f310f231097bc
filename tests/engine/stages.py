"""Small stages whose outside world is a folder of files, so that what happened shows, across processes too."""

from __future__ import annotations

from pathlib import Path

from installer_tasks.errors import InstallerError
from installer_tasks.runs.stages.base import Context
from installer_tasks.text import text
from tests.waiting import until


class World:
    """A folder: `<slug>.done` is the work, `<slug>.log` has one line for each time it was done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def done(self, slug: str) -> bool:
        return (self.folder / f"{slug}.done").exists()

    def do(self, slug: str) -> None:
        self.note(slug, "ran")
        (self.folder / f"{slug}.done").touch()

    def note(self, slug: str, line: str) -> None:
        with (self.folder / f"{slug}.log").open("a") as stream:
            stream.write(f"{line}\n")

    def times(self, slug: str) -> int:
        """How often it was done."""
        log = self.folder / f"{slug}.log"
        return log.read_text().count("ran") if log.exists() else 0

    def lines(self, slug: str) -> list[str]:
        log = self.folder / f"{slug}.log"
        return log.read_text().splitlines() if log.exists() else []


class Step:
    """Does its work at once."""

    def __init__(self, world: World, slug: str, reads: tuple[str, ...] = ()) -> None:
        self.world = world
        self.slug = slug
        self.title = f"Stage {slug}"
        self.reads = reads

    def is_done(self, context: Context) -> bool:
        return self.world.done(self.slug)

    def run(self, context: Context) -> None:
        self.work(context)
        self.world.do(self.slug)

    def work(self, context: Context) -> None:
        """What a kind of step does before its work counts."""

    def is_undone(self, context: Context) -> bool:
        return not self.world.done(self.slug)

    def undo(self, context: Context) -> None:
        (self.world.folder / f"{self.slug}.done").unlink(missing_ok=True)


class Gate(Step):
    """Waits at safe points until the file `<slug>.open` is there."""

    def work(self, context: Context) -> None:
        self.world.note(self.slug, "waits")
        gate = self.world.folder / f"{self.slug}.open"
        until(lambda: context.check_cancelled() or gate.exists())


class Fails(Step):
    """Fails the first `times` times."""

    def __init__(self, world: World, slug: str, error: Exception, times: int = 1000) -> None:
        super().__init__(world, slug)
        self.error = error
        self.times = times

    def work(self, context: Context) -> None:
        self.world.note(self.slug, "tried")
        if self.world.lines(self.slug).count("tried") <= self.times:
            raise self.error


def trouble(cause: str = "no way", *, retry: bool = False, detail: str = "") -> InstallerError:
    return InstallerError(text("%(cause)s", cause=cause), value="v", retry=retry, detail=detail)
