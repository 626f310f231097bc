"""The packages are removed again in the practice cluster: in which order, what stays, what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.controllers.removal import FINALIZER
from installer_tasks.rehearsal.kube import GVR
from installer_tasks.systems.cluster import carvel
from tests.contract.practice_packages import NAMES, NS, RELEASE, Practice, running
from tests.waiting import PATIENCE, until

PARENT = NAMES.install
NAMESPACES = GVR("", "v1", "namespaces")


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Practice]:
    with running(PracticeCA.load_or_create(tmp_path / "ca"), Pace.INSTANT) as practice:
        practice.install()
        assert practice.ready.wait(PATIENCE)
        until(lambda: practice.status("PackageInstall", PARENT).done)
        yield practice


def delete(practice: Practice) -> None:
    """With the volumes taken out of kapp's hands first."""
    for claim in practice.objects("PersistentVolumeClaim").values():
        practice.desk.replace({**claim, "metadata": {**claim["metadata"], "labels": {}}})
    practice.desk.delete("PackageInstall", PARENT, NS)


def test_every_package_is_held_until_it_is_removed(installed: Practice) -> None:
    assert all(FINALIZER in each["metadata"]["finalizers"] for each in installed.objects("PackageInstall").values())


def test_all_that_it_made_goes_and_the_volumes_stay(installed: Practice) -> None:
    changes = installed.store.watch(GVR("packaging.carvel.dev", "v1alpha1", "packageinstalls"))
    delete(installed)
    until(lambda: not installed.objects("PackageInstall"))
    changes.stop()
    gone = [change.object["metadata"]["name"] for change in changes if change.kind == "DELETED"]
    assert set(gone) == {package.name for package in RELEASE.packages} | {PARENT}
    assert gone[-1] == PARENT
    until(lambda: not installed.objects("Pod"))
    for kind in ("App", "Deployment", "StatefulSet", "Service"):
        assert not installed.objects(kind), kind
    assert installed.objects("PersistentVolumeClaim")
    names = {each["metadata"]["name"] for each in installed.desk.objects("ClusterRoleBinding")}
    assert "tmc-install-cluster-admin-role-binding" not in names
    assert NAMES.binding in names, "that is the installer's own"
    assert installed.gone.is_set()


def test_without_its_account_it_cannot_be_removed_until_it_is_back(installed: Practice) -> None:
    installed.desk.delete("ServiceAccount", NAMES.service_account, NS)
    delete(installed)
    status = until(lambda: (found := installed.status("PackageInstall", PARENT)).state == "failed" and found)
    assert (
        status.message
        == f'Preparing kapp: Getting service account: serviceaccounts "{NAMES.service_account}" not found'
    )
    assert len(installed.objects("PackageInstall")) == len(RELEASE.packages) + 1
    installed.desk.ensure(carvel.service_account(NAMES))
    until(lambda: not installed.objects("PackageInstall"))


def test_without_its_rights_neither(installed: Practice) -> None:
    installed.desk.delete("ClusterRoleBinding", NAMES.binding)
    delete(installed)
    status = until(lambda: (found := installed.status("PackageInstall", PARENT)).state == "failed" and found)
    assert "forbidden" in status.message
    installed.desk.ensure(carvel.cluster_role_binding(NAMES))
    until(lambda: not installed.objects("PackageInstall"))


def test_a_namespace_deleted_first_hangs_on_its_packages(installed: Practice) -> None:
    """Its accounts go at once, and without them kapp removes nothing."""
    installed.desk.delete("Namespace", NS)
    until(lambda: installed.status("PackageInstall", PARENT).state == "failed")
    (home,) = [each for each in installed.store.list(NAMESPACES) if each["metadata"]["name"] == NS]
    assert home["status"]["phase"] == "Terminating"


def test_it_can_be_installed_again(installed: Practice) -> None:
    delete(installed)
    until(lambda: not installed.objects("PackageInstall"))
    installed.ready.clear()
    installed.install()
    assert installed.ready.wait(PATIENCE)


def claims(practice: Practice) -> set[str]:
    return set(practice.objects("PersistentVolumeClaim"))


def test_kapp_waits_for_the_claims_of_a_stateful_set_that_it_does_not_delete(installed: Practice) -> None:
    """They bear its label, by the template, and it never made them: it gives up, looks again, and waits anew."""
    before = claims(installed)
    installed.desk.delete("PackageInstall", PARENT, NS)
    status = until(lambda: (found := installed.status("PackageInstall", "kafka")).state == "failed" and found)
    assert status.message.startswith(
        "kapp: Error: Timed out waiting after 15m0s for resources: [persistentvolumeclaim/"
    )
    until(lambda: installed.status("PackageInstall", "kafka").state == "reconciling")
    output = carvel.deploy_output(installed.desk.get("App", "kafka", NS) or {})
    assert "ongoing: delete persistentvolumeclaim/data-kafka-controller-0 (v1) namespace: tmc-local" in output
    assert claims(installed) == before
    for name in before:
        installed.desk.delete("PersistentVolumeClaim", name, NS)
    until(lambda: not installed.objects("PackageInstall"))
