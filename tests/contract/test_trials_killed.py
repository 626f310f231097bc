"""`kill -9` in the middle of each trial: once the next look has swept, the customer's systems are as they were before."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from installer_tasks.preflight.facts.trials import LABEL
from installer_tasks.rehearsal.bundle import SMALL
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import PROJECT, Estate
from installer_tasks.rehearsal.kube.resources import GVR
from tests.contract.looks import all_of, look_at
from tests.waiting import PATIENCE, until

#: A look as the worker makes it; answers come by a pipe, since some are secret.
LOOKER = """
import json, sys
from installer_tasks import answer_keys
from installer_tasks.preflight.facts import COLLECTORS
from installer_tasks.preflight.facts.base import Observations
print("looking", flush=True)
COLLECTORS[sys.argv[1]](answer_keys.with_defaults(json.load(sys.stdin)), Observations())
"""
NAMESPACES, CLASSES = GVR("", "v1", "namespaces"), GVR("storage.k8s.io", "v1", "storageclasses")
SERVICES, CLAIMS = GVR("", "v1", "services"), GVR("", "v1", "persistentvolumeclaims")
VOLUMES, PODS = GVR("", "v1", "persistentvolumes"), GVR("", "v1", "pods")
CERTIFICATES = GVR("cert-manager.io", "v1", "certificates")
Inventory = dict[str, set[tuple[str, ...]]]


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with Estate(tmp_path_factory.mktemp("estate"), pace=Pace.INSTANT, scale=SMALL) as running:
        until(lambda: settled(running))
        yield running


def settled(estate: Estate) -> bool:
    """The controllers have nothing to do any more."""
    version = estate.store.version
    threading.Event().wait(0.3)
    return version == estate.store.version


def right_answers(estate: Estate) -> dict[str, str]:
    """With a user who may delete; of others' trials the images stay, and the finding says so."""
    user = estate.registry.users["admin"]
    return estate.answers() | {"registry.username": user.name, "registry.password": user.password}


def inventory(estate: Estate) -> Inventory:
    """Every object of the cluster, every tag and every manifest of the registry."""
    with estate.store.locked():
        objects = {
            (*resource.gvr.key, obj["metadata"].get("namespace", ""), obj["metadata"]["name"], obj["metadata"]["uid"])
            for resource, obj in estate.store.each()
        }
    storage = estate.registry.storage
    repositories = storage.repositories(PROJECT)
    tags = {(name, tag, storage.tag(name, tag)) for name in repositories for tag in storage.tags(name)}
    return {"objects": objects, "tags": tags, "repositories": {(name,) for name in repositories}}


def difference(before: Inventory, after: Inventory) -> dict[str, set[tuple[str, ...]]]:
    return {name: before[name] ^ after[name] for name in before if before[name] != after[name]}


def trial_objects(estate: Estate, kind: GVR) -> list[dict[str, Any]]:
    homes = {obj["metadata"]["name"] for obj in estate.store.list(NAMESPACES, label_selector=LABEL)}
    return [obj for obj in estate.store.list(kind) if obj["metadata"].get("namespace") in homes]


@contextmanager
def observing(estate: Estate, system: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", LOOKER, system]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(right_answers(estate)))
        process.stdin.close()
        assert process.stdout.readline() == "looking\n"
        try:
            yield process
        finally:
            process.kill()


def killed(estate: Estate, system: str, under_way: Callable[[], object]) -> None:
    """As soon as `under_way` is true of the estate."""
    with observing(estate, system) as process:
        until(under_way)
        process.kill()
        assert process.wait(PATIENCE) == -9


def swept(estate: Estate, system: str, before: Inventory) -> None:
    """The killed trial has left something; the next look, which finds all well, has not, nor has it left that."""
    left = inventory(estate)
    assert left != before
    assert look_at(system, right_answers(estate)).levels == all_of(system, "pass")
    with suppress(AssertionError):  # what differs is told below
        until(lambda: inventory(estate) == before)
    assert difference(before, inventory(estate)) == {}


@contextmanager
def fault(estate: Estate, name: str) -> Iterator[None]:
    estate.switch(name, on=True)
    try:
        yield
    finally:
        estate.switch(name, on=False)


@pytest.mark.parametrize(
    ("system", "hanging", "kind"),
    [
        ("services", "balancer.no-address", SERVICES),
        ("cluster", "storage.no-provisioner", CLAIMS),
        ("certificates", "certificates.never-issued", CERTIFICATES),
        ("registry", "nodes.no-route", PODS),
    ],
)
def test_while_it_waits(estate: Estate, system: str, hanging: str, kind: GVR) -> None:
    before = inventory(estate)
    with fault(estate, hanging):
        killed(estate, system, lambda: trial_objects(estate, kind))
    swept(estate, system, before)


def test_the_image_that_workers_were_pulling(estate: Estate) -> None:
    before = inventory(estate)
    with fault(estate, "nodes.no-route"):
        killed(estate, "registry", lambda: len(trial_objects(estate, PODS)) >= 3)
    left = inventory(estate)
    assert left["tags"] - before["tags"]
    assert left["objects"] - before["objects"]
    swept(estate, "registry", before)


def test_a_volume_that_its_class_would_keep_for_ever(estate: Estate) -> None:
    found = estate.store.list(CLASSES)[0]
    name, usual = found["metadata"]["name"], found["reclaimPolicy"]

    def policy(wanted: str) -> None:
        estate.store.change(CLASSES, "", name, lambda live: {**live, "reclaimPolicy": wanted})

    before = inventory(estate)
    policy("Retain")
    try:
        with fault(estate, "kube.slow"):  # else the trial would be over in the moment between two looks at it
            killed(estate, "cluster", lambda: estate.store.list(VOLUMES))
        assert len(inventory(estate)["objects"] - before["objects"]) >= 3
        swept(estate, "cluster", before)
    finally:
        policy(usual)


@pytest.mark.parametrize("times", [1, 3])
def test_as_soon_as_there_is_a_tag(estate: Estate, times: int) -> None:
    before = inventory(estate)
    for _ in range(times):
        known = inventory(estate)["tags"]
        killed(estate, "registry", lambda known=known: inventory(estate)["tags"] - known)
    swept(estate, "registry", before)


def test_what_still_runs_is_left_alone(estate: Estate) -> None:
    """A look beside it sweeps, and takes nothing from the trial that another process is at."""
    before = inventory(estate)
    with fault(estate, "nodes.no-route"), observing(estate, "registry") as other:
        until(lambda: len(trial_objects(estate, PODS)) >= 3)
        pods = {obj["metadata"]["uid"] for obj in trial_objects(estate, PODS)}
        tags = inventory(estate)["tags"] - before["tags"]
        assert look_at("services", right_answers(estate)).levels == all_of("services", "pass")
        assert {obj["metadata"]["uid"] for obj in trial_objects(estate, PODS)} >= pods
        assert inventory(estate)["tags"] >= tags
        assert other.poll() is None
    swept(estate, "registry", before)
