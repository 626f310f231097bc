"""Every stage there is. A release says which of them its runs have, and in which order: a new one is one line."""

from __future__ import annotations

from collections.abc import Mapping

from installer_tasks.releases import Release
from installer_tasks.runs.stages.acceptance import Acceptance
from installer_tasks.runs.stages.base import Stage, Undoing
from installer_tasks.runs.stages.certificate_issuer import CertificateIssuer
from installer_tasks.runs.stages.namespace_and_trust import NamespaceAndTrust
from installer_tasks.runs.stages.package_install import PackageInstall
from installer_tasks.runs.stages.package_repository import PackageRepository
from installer_tasks.runs.stages.packages_and_pods import PackagesAndPods
from installer_tasks.runs.stages.preflight import Preflight
from installer_tasks.runs.stages.push_images import PushImages
from installer_tasks.runs.stages.registry_project import RegistryProject

_namespace, _repository, _package = NamespaceAndTrust(), PackageRepository(), PackageInstall()
STAGES: tuple[Stage, ...] = (
    Preflight(),
    RegistryProject(),
    PushImages(),
    _namespace,
    CertificateIssuer(),
    _repository,
    _package,
    PackagesAndPods(),
    Acceptance(),
)
#: The way back, by the kind of the run.
UNDOING: Mapping[str, tuple[Stage, ...]] = {
    "undo": (Undoing(_package), Undoing(_repository)),
    "undo-all": (Undoing(PackageInstall(volumes_too=True)), Undoing(_repository), Undoing(_namespace)),
}


BY_SLUG: Mapping[str, Stage] = {stage.slug: stage for stage in (*STAGES, *UNDOING["undo-all"])}


def of_kind(kind: str, release: Release | None = None) -> tuple[Stage, ...]:
    """The stages of a run of this kind (models.RunKind): an installation as the release has it, or an undoing.

    Without a release every stage that there is.
    """
    if kind in UNDOING or release is None:
        return UNDOING.get(kind, STAGES)
    return _in_order(release.stages)


def _in_order(slugs: tuple[str, ...]) -> tuple[Stage, ...]:
    return tuple(BY_SLUG[slug] for slug in slugs)
