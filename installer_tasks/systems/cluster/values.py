"""What `inventory` and `admission` tell of a cluster. Pure: facts are made of it."""

from __future__ import annotations

from typing import TypedDict


class Node(TypedDict):
    """`cpu` in cores, `memory` and `disk` in bytes, as allocatable."""

    name: str
    control_plane: bool
    schedulable: bool
    ready: bool
    pressures: list[str]
    cpu: float
    memory: float
    disk: float
    architecture: str
    kubelet: str


class StorageClass(TypedDict):
    name: str
    provisioner: str
    default: bool
    binding: str
    reclaim: str


class KappController(TypedDict):
    """`namespace` is empty when it is not there."""

    name: str
    namespace: str
    version: str
    available: bool
    resources: bool


class Leftovers(TypedDict):
    """What is in the namespace already: `Kind/name`."""

    namespace: str
    objects: list[str]


class Quota(TypedDict):
    name: str
    hard: dict[str, float]


class StrictWebhook(TypedDict):
    configuration: str
    name: str
    service: str


class Webhook(StrictWebhook):
    answers: bool
