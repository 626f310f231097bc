"""The customer's systems as the stages of one run use them: connected once, shared and closed by the context."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from installer_tasks.errors import InstallerError, IntegrityFailure, Missing
from installer_tasks.runs.stages.base import Context
from installer_tasks.systems.bundle import ReleaseBundle, read_release_bundle
from installer_tasks.systems.cluster.access import connect
from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.kubeconfig import parse_kubeconfig
from installer_tasks.systems.registry.client import RegistryClient
from installer_tasks.systems.registry.reference import Reference
from installer_tasks.text import mark as _
from installer_tasks.text import text

T = TypeVar("T")


def cluster_of(context: Context) -> Cluster:
    plan = context.plan
    return _once(
        context,
        "cluster",
        lambda: connect(parse_kubeconfig(plan["cluster.kubeconfig"], context=plan["cluster.context"])),
    )


def registry_of(context: Context) -> RegistryClient:
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
    return Reference.parse(context.plan.project)


def bundle_of(context: Context) -> ReleaseBundle:
    """The release on disk; it must be the one that was planned, and hold what was checked."""
    bundle = _once(context, "bundle", lambda: read_release_bundle(Path(context.plan["bundle.path"])))
    if bundle.version != context.plan.release:
        raise Missing(
            text(
                _("The bundle contains release %(found)s, not %(wanted)s."),
                found=bundle.version,
                wanted=context.plan.release,
            ),
            value=context.plan["bundle.path"],
            remedy=text(_("Unpack release %(wanted)s, or choose the other release."), wanted=context.plan.release),
            code="bundle-other-release",
        )
    _require_content(bundle, context.plan.content_sha256)
    return bundle


def _require_content(bundle: ReleaseBundle, checked: str) -> None:
    """Whatever is pushed was in the folder when it was checked, and is named by a digest in it."""
    if bundle.content_digest == checked or not checked:
        return
    raise IntegrityFailure(
        text(_("The content of the bundle folder changed after it was checked.")),
        value=str(bundle.path),
        remedy=text(_("Run the checks of the bundle again and find out who changed it. Then resume.")),
        detail=f"checked {checked}, found {bundle.content_digest}",
        field="bundle.path",
        code="bundle-changed",
    )


def _once(context: Context, name: str, make: Callable[[], T]) -> T:
    if name not in context.cache:
        context.cache[name] = make()
    return cast(T, context.cache[name])


class FailureDeadline:
    """kapp-controller tries again for ever; so long after its first failure it will not get well by itself.

    Between two tries it says `Reconciling` for a moment: that is no success, and the time goes on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None

    def look(self, failed: bool, error: Callable[[], InstallerError]) -> None:
        """Raises the error when it fails now, and failed for the first time long enough ago."""
        if not failed:
            return
        self._since = self._since or time.monotonic()
        if time.monotonic() - self._since > self._seconds:
            raise error()
