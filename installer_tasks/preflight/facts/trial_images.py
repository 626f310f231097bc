"""Trial images in the customer's registry: marked by their tag, and removed also when the trial fails or is killed.

A tag says whose it is and when it was made: registries do not tell how old a tag is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from installer_tasks.errors import InstallerError
from installer_tasks.preflight.facts import trial_owner
from installer_tasks.preflight.facts.trials import ABANDONED
from installer_tasks.systems.registry import RegistryClient
from installer_tasks.systems.registry.trial import TrialImage, sweep_trials

_TAG = re.compile(r"trial-(?P<mark>[0-9a-f]{12})-(?P<made>\d{1,12})-[0-9a-f]{8}")


@contextmanager
def trial_image(client: RegistryClient, project: str) -> Iterator[TrialImage]:
    """A tiny image that others can pull meanwhile, and that is gone afterwards where this user may delete it."""
    sweep(client, project)
    image = TrialImage(client, project, new_tag())
    with trial_owner.running(image.tag):
        image.push()
        try:
            yield image
        finally:
            image.remove()


def sweep(client: RegistryClient, project: str) -> int:
    """Remove the images of interrupted trials; returns how many."""
    with suppress(InstallerError):  # who may not list or delete may still push
        return sweep_trials(client, project, is_left_over)
    return 0


def is_left_over(tag: str) -> bool:
    """Whether this tag is of a trial that does not run any more."""
    found = _TAG.fullmatch(tag)
    if found is None:
        return False
    if found["mark"] == trial_owner.mark():
        return not trial_owner.is_running(tag)
    return time.time() - int(found["made"]) > ABANDONED.total_seconds()


def new_tag() -> str:
    """One that a sweep knows for ours; hold `trial_owner.running` of it while it is in use."""
    return trial_owner.new_name(f"trial-{trial_owner.mark()}-{int(time.time())}")
