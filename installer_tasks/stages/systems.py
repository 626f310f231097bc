"""The customer's systems as the stages of one run use them: connected once, shared and closed by the context."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from installer_tasks.errors import InstallerError, Missing
from installer_tasks.stages.base import Context
from installer_tasks.text import mark as _
from installer_tasks.text import text

if TYPE_CHECKING:
    from installer_tasks.bundle import ReleaseBundle
    from installer_tasks.cluster.client import Cluster
    from installer_tasks.registry.client import RegistryClient
    from installer_tasks.registry.reference import Reference

T = TypeVar("T")


# The libraries behind these are heavy: pages that only name the stages must not load them.


def cluster_of(context: Context) -> Cluster:
    from installer_tasks.cluster.client import connect
    from installer_tasks.cluster.kubeconfig import parse_kubeconfig

    plan = context.plan
    return _once(
        context,
        "cluster",
        lambda: connect(parse_kubeconfig(plan["cluster.kubeconfig"], context=plan["cluster.context"])),
    )


def registry_of(context: Context) -> RegistryClient:
    from installer_tasks.registry.client import RegistryClient

    plan = context.plan
    return _once(
        context,
        "registry",
        lambda: RegistryClient(
            reference_of(context).host,
            plan["registry.username"],
            plan["registry.password"],
            plan["registry.ca"] or None,
        ),
    )


def reference_of(context: Context) -> Reference:
    """Where the images go."""
    from installer_tasks.registry.reference import Reference

    return Reference.parse(context.plan.project)


def bundle_of(context: Context) -> ReleaseBundle:
    """The release on disk; it must be the one that was planned."""
    from installer_tasks.bundle import read_release_bundle

    bundle = _once(context, "bundle", lambda: read_release_bundle(Path(context.plan["bundle.path"])))
    if bundle.version != context.plan.release:
        raise Missing(
            text(
                _("The bundle holds release %(found)s, not %(wanted)s."),
                found=bundle.version,
                wanted=context.plan.release,
            ),
            value=context.plan["bundle.path"],
            remedy=text(_("Unpack release %(wanted)s, or choose the other one."), wanted=context.plan.release),
            code="bundle-other-release",
        )
    return bundle


def _once(context: Context, name: str, make: Callable[[], T]) -> T:
    if name not in context.cache:
        context.cache[name] = make()
    return cast(T, context.cache[name])


class GivesUp:
    """kapp-controller tries again for ever; after so long of nothing but failure it will not mend by itself."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def look(self, failed: bool, error: Callable[[], InstallerError]) -> None:
        """Raises the error when it has failed without a break for long enough."""
        if not failed:
            self._since = None
            return
        self._since = self._since or time.monotonic()
        if time.monotonic() - self._since > self._seconds:
            raise error()
