"""A client of container registries, the push engine, its proof, and the part of Harbor's API that is needed."""

from __future__ import annotations

from installer_tasks.systems.registry.client import RegistryClient
from installer_tasks.systems.registry.harbor import Harbor
from installer_tasks.systems.registry.progress import PushProgress
from installer_tasks.systems.registry.push import PushOptions, PushResult, push
from installer_tasks.systems.registry.reference import Reference
from installer_tasks.systems.registry.trial import TrialResult, push_trial
from installer_tasks.systems.registry.verify import MissingItem, VerifyResult, verify

__all__ = [
    "Harbor",
    "MissingItem",
    "PushOptions",
    "PushProgress",
    "PushResult",
    "Reference",
    "RegistryClient",
    "TrialResult",
    "VerifyResult",
    "push",
    "push_trial",
    "verify",
]
