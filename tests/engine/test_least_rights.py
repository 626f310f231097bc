"""What the installer asks of a cluster, recorded over whole installations: the rights that it prints are those, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from installer_tasks import releases
from installer_tasks.models import Installation, RunState
from installer_tasks.preflight import collecting
from installer_tasks.preflight.checks.cluster import rights_manifest
from installer_tasks.preflight.state import load
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.rehearsal.faults.kube_changes import CLASSES
from installer_tasks.rehearsal.kube import access, escalation
from installer_tasks.rehearsal.kube.access import CLUSTER_BINDINGS, CLUSTER_ROLES, Wish
from installer_tasks.rehearsal.kube.errors import ApiError
from installer_tasks.rehearsal.kube.kubeconfig import kubeconfig
from installer_tasks.rehearsal.kube.store import Store
from installer_tasks.rehearsal.kube.users import User
from installer_tasks.runs import service, undo
from installer_tasks.systems.cluster import carvel
from installer_tasks.systems.cluster.rights import INSTALL_ROLE, NEEDED, RIGHTS, Right, rules
from tests.faults.whole import carried_out, proven, small_estate

pytestmark = pytest.mark.django_db(transaction=True)
WHO = User.known("least")
NS = "tmc-local"
#: With these a look asks for more than a healthy cluster's: what holds a namespace, and why no volume comes.
ASKING_MORE = ("kube.terminating", "kube.volumes-by-hand")


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with small_estate(tmp_path / "estate") as running:
        yield running


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[Wish]:
    """Everything that this user asked of the API server, but who they are and what they may."""
    found: set[Wish] = set()
    demand = access.demand

    def noting(store: Store, user: User, wished: Wish) -> None:
        if user == WHO and not wished.resource.startswith("selfsubject"):
            found.add(wished)
        demand(store, user, wished)

    monkeypatch.setattr(access, "demand", noting)
    return found


def of_least(estate: Estate) -> str:
    who = estate.ca.issue([], common_name=WHO.name, client=True)
    return kubeconfig(estate.kube.url, estate.ca.ca_pem, client_certificate=who.cert_pem, client_key=who.key_pem)


def test_the_printed_rights_are_enough_and_one_less_is_not(estate: Estate, asked: set[Wish]) -> None:
    for manifest in yaml.safe_load_all(rights_manifest(WHO.name)):
        estate.store.create(CLUSTER_ROLES if manifest["kind"] == "ClusterRole" else CLUSTER_BINDINGS, manifest)
    installation = proven(estate, cluster__kubeconfig=of_least(estate))
    for everything in (False, True):
        for run in (service.start(installation), None):
            ended = carried_out(run or undo.start(installation, everything=everything))
            assert (ended.state, ended.error) == (RunState.SUCCEEDED, None)
        assert collecting.collect_and_judge_all(installation.pk) == []
    look_where_more_is_asked(estate, installation)
    table = {(right.group, right.resource, right.verb) for right in RIGHTS if not right.name}
    assert {(wish.group, wish.full, wish.verb) for wish in asked} == table
    for right in RIGHTS:
        assert is_missed(estate.store, right, asked), right


def look_where_more_is_asked(estate: Estate, installation: Installation) -> None:
    for name in ASKING_MORE:
        estate.switch(name, on=True)
        collecting.collect_and_judge(installation.pk, "cluster")
        estate.switch(name, on=False)
    for each in estate.store.list(CLASSES):
        estate.store.delete(CLASSES, "", each["metadata"]["name"])
        estate.store.create(CLASSES, {**each, "metadata": clean(each), "reclaimPolicy": "Retain"})
    collecting.collect_and_judge(installation.pk, "cluster")
    (trial,) = (item for item in load(installation).items if item.name == "cluster.volume-provisioned")
    assert trial.level == "pass"


def clean(obj: carvel.Object) -> carvel.Object:
    return {key: value for key, value in obj["metadata"].items() if key in ("name", "annotations", "labels")}


def is_missed(store: Store, right: Right, asked: set[Wish]) -> bool:
    """Whether the cluster refuses something that was asked for when this right is taken away."""
    role = store.get(CLUSTER_ROLES, "", "tmc-sm-installer")
    assert role is not None
    left = [needed for needed in NEEDED if needed != right.as_json()]
    store.update(CLUSTER_ROLES, {**role, "metadata": {"name": "tmc-sm-installer"}, "rules": rules(left)})
    refused = not all(access.may(store, WHO, wish) for wish in asked)
    names = carvel.Names("tanzu-mission-control", NS)
    store.apply(CLUSTER_ROLES, carvel.cluster_role(names), force=True)
    for given in (carvel.cluster_role(names), carvel.cluster_role_binding(names)):
        try:
            escalation.demand(store, WHO, given["kind"], given)
        except ApiError as error:
            assert "is attempting to grant RBAC permissions not currently held" in error.message
            refused = True
    return refused


def test_the_role_of_the_package_is_the_same_in_every_release() -> None:
    known = (releases.get(version) for version in releases.known())
    assert {carvel.Names(each.install_name, each.namespace).role for each in known} == {INSTALL_ROLE}


def test_the_printed_rights_give_nothing_by_a_wildcard() -> None:
    assert "*" not in str(NEEDED)
    assert all(replace(right, name=INSTALL_ROLE) == right for right in RIGHTS if right.verb in ("bind", "escalate"))
