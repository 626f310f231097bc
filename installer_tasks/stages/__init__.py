"""The stages of a run, in order; a new stage is one module here and one line."""

from __future__ import annotations

from collections.abc import Mapping

from installer_tasks.stages.acceptance import Acceptance
from installer_tasks.stages.base import Stage, Undoing
from installer_tasks.stages.certificate_issuer import CertificateIssuer
from installer_tasks.stages.namespace_and_trust import NamespaceAndTrust
from installer_tasks.stages.package_install import PackageInstall
from installer_tasks.stages.package_repository import PackageRepository
from installer_tasks.stages.packages_and_pods import PackagesAndPods
from installer_tasks.stages.preflight import Preflight
from installer_tasks.stages.push_images import PushImages
from installer_tasks.stages.registry_project import RegistryProject

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
    "undo-all": (Undoing(_package), Undoing(_repository), Undoing(_namespace)),
}
