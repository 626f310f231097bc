"""Trials in the practice cluster: what they prove, in which forms of cluster, and that nothing of them stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installer_tasks.preflight.facts import trial_owner, trials
from installer_tasks.rehearsal.ca import PracticeCA
from tests.contract.practice_cluster import PracticeCluster, practice_cluster
from tests.waiting import until

FAIL, PASS = "fail", "pass"
VOLUME = "cluster.volume-provisioned"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def practice(tmp_path: Path, ca: PracticeCA) -> Iterator[PracticeCluster]:
    with practice_cluster(tmp_path, ca) as cluster:
        yield cluster


def storage_class(practice: PracticeCluster, **changes: Any) -> None:
    """Change the one class that there is."""
    found = practice.desk.objects("StorageClass")[0]
    practice.desk.replace({**found, **changes})


@pytest.mark.parametrize("binding", ["Immediate", "WaitForFirstConsumer"])
@pytest.mark.parametrize("reclaim", ["Delete", "Retain"])
def test_a_volume_comes_and_goes_whatever_the_class_says(practice: PracticeCluster, binding: str, reclaim: str) -> None:
    storage_class(practice, volumeBindingMode=binding, reclaimPolicy=reclaim)
    look = practice.look("cluster")
    assert look[VOLUME].level == PASS
    assert look.facts["volume"]["value"]["bound"] is True
    until(lambda: not practice.trial_namespaces())
    until(lambda: not practice.desk.objects("PersistentVolume"))


def test_a_claim_that_gets_no_volume(practice: PracticeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(trials.PATIENCE, "0.5")
    storage_class(practice, provisioner="", volumeBindingMode="WaitForFirstConsumer")
    practice.provisions[0] = "rpc error: code = Internal desc = vcenter is not reachable"
    look = practice.look("cluster")
    assert look[VOLUME].level == FAIL
    assert "vcenter is not reachable" in str(look[VOLUME].cause)
    until(lambda: not practice.trial_namespaces())


def test_a_trial_that_runs_is_known_by_its_lock_and_a_dead_one_by_its_absence() -> None:
    name = trial_owner.new_name("trial")
    assert not trial_owner.is_running(name)
    with trial_owner.running(name):
        assert trial_owner.is_running(name)
    assert not trial_owner.is_running(name)
    assert trial_owner.mark() == trial_owner.mark()
