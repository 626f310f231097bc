"""The stages of a run, in order; a new stage is one module here and one line."""

from __future__ import annotations

from installer_tasks.stages.acceptance import Acceptance
from installer_tasks.stages.base import Stage
from installer_tasks.stages.certificate_issuer import CertificateIssuer
from installer_tasks.stages.namespace_and_trust import NamespaceAndTrust
from installer_tasks.stages.package_install import PackageInstall
from installer_tasks.stages.package_repository import PackageRepository
from installer_tasks.stages.packages_and_pods import PackagesAndPods
from installer_tasks.stages.preflight import Preflight
from installer_tasks.stages.push_images import PushImages
from installer_tasks.stages.registry_project import RegistryProject

STAGES: tuple[Stage, ...] = (
    Preflight(),
    RegistryProject(),
    PushImages(),
    NamespaceAndTrust(),
    CertificateIssuer(),
    PackageRepository(),
    PackageInstall(),
    PackagesAndPods(),
    Acceptance(),
)
