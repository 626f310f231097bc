"""Every check again, with the answers of this run, before anything is changed."""

from __future__ import annotations

import time

from installer_tasks import answer_keys
from installer_tasks.errors import InputError
from installer_tasks.runs.stages.base import Context, Progress
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

#: A worker that takes over need not look again at what was looked at a moment ago.
FRESH = 15 * 60


class Preflight:
    slug = "preflight"
    title = _("Check every system again")
    doing = _("Running all checks again")
    systems: tuple[str, ...] = answer_keys.STEPS
    shows = Progress.NONE
    reads: tuple[str, ...] = tuple(answer_keys.BY_NAME)

    def is_done(self, context: Context) -> bool:
        """Looking changes nothing outside; that it was done stands in the run's own folder."""
        mark = context.folder / self.slug
        return mark.exists() and time.time() - mark.stat().st_mtime < FRESH

    def run(self, context: Context) -> None:
        blocking = context.preflight()
        context.check_cancelled()
        if blocking:
            context.report.event("preflight.blocked", level="error", checks=", ".join(blocking))
            raise _blocked(blocking)
        context.report.event("preflight.passed")
        (context.folder / self.slug).touch()


def _blocked(names: list[str]) -> InputError:
    return InputError(
        text(
            ngettext("%(count)s check fails: %(names)s.", "%(count)s checks fail: %(names)s."),
            count=len(names),
            names=", ".join(names),
        ),
        value=", ".join(names),
        remedy=text(_("Open their steps, fix the problems or accept the risks with a reason, then resume.")),
        code="findings-block",
    )
