"""The cluster's checks on the estate: what a finding hands out works, every fault can be taken back, slowness is borne."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml

from installer_tasks.preflight.facts import trial_volume
from installer_tasks.rehearsal.bundle import SMALL
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.rehearsal.faults import kube, kube_objects
from installer_tasks.rehearsal.kube import apply_manifests, kubeconfig
from installer_tasks.rehearsal.kube.api import Api
from tests.contract.looks import Look, all_of, look_at
from tests.unit.cluster_facts import CLUSTER

PASS = all_of("cluster", "pass")
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with Estate(tmp_path_factory.mktemp("estate"), pace=Pace.INSTANT, scale=SMALL) as running:
        yield running


def look(estate: Estate, **changes: str) -> Look:
    changed = {key.replace("_", ".", 1): value for key, value in changes.items()}
    return look_at("cluster", estate.answers() | changed, hidden=(estate.passwords.kube_reader,))


def test_faults_that_are_taken_back_leave_nothing(estate: Estate) -> None:
    for fault in (*kube.FAULTS, *kube_objects.FAULTS):
        before = counted(estate)
        estate.switch(fault.name, on=True)
        estate.switch(fault.name, on=False)
        assert counted(estate) == before, fault.name
    assert look(estate).levels == PASS


def counted(estate: Estate) -> dict[str, int]:
    """How many objects of each kind there are, those apart that controllers write when they like."""
    return {
        resource.kind: len(estate.store.list(resource.gvr))
        for resource in estate.store.served.all()
        if resource.kind not in ("Pod", "Event", "Lease")
    }


def test_a_slow_api_is_asked_side_by_side(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a look takes a few answers' time, not that of all its questions one after the other."""
    monkeypatch.setattr(trial_volume, "volume", lambda _cluster: CLUSTER["volume"])
    answer, waiting, most = Api.answer, 0, 0

    def counting(api: Api, *asked: Any) -> Any:
        nonlocal waiting, most
        with counted_alone:
            waiting, most = waiting + 1, max(most, waiting + 1)
        try:
            return answer(api, *asked)
        finally:
            with counted_alone:
                waiting -= 1

    counted_alone = threading.Lock()
    monkeypatch.setattr(Api, "answer", counting)
    estate.switch("kube.slow", on=True)
    try:
        look(estate)
    finally:
        estate.switch("kube.slow", on=False)
    assert most >= 6


def test_the_manifest_of_missing_rights_gives_them(estate: Estate) -> None:
    reader = estate.kubeconfig("read-only")
    manifest = look(estate, cluster_kubeconfig=reader)["cluster.rights"].command
    objects = list(yaml.safe_load_all(manifest))
    apply_manifests(estate.store, objects)
    assert look(estate, cluster_kubeconfig=reader).levels == PASS


def test_the_manifest_of_the_missing_trust_gives_it(estate: Estate) -> None:
    estate.switch("kube.other-trust", on=True)
    try:
        command = look(estate)["cluster.kapp-trusts-registry"].command
        apply_manifests(estate.store, [yaml.safe_load(command.split("'EOF'\n")[1].split("EOF\n")[0])])
        assert look(estate).levels == PASS
    finally:
        estate.switch("kube.other-trust", on=False)


def test_a_client_certificate_that_ends_soon(estate: Estate) -> None:
    who = estate.ca.issue([], common_name="ada", organizations=["system:masters"], client=True, lifetime=HOUR)
    given = kubeconfig(estate.kube.url, estate.ca.ca_pem, client_certificate=who.cert_pem, client_key=who.key_pem)
    assert look(estate, cluster_kubeconfig=given).levels == PASS | {"cluster.kubeconfig-expiry": "warn"}
