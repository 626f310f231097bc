"""The undoing of the stages, one by one, with a cluster in memory; a whole undoing is in test_undo.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer_tasks.errors import Conflict, SystemFailure
from installer_tasks.plan import Plan
from installer_tasks.runs import stages
from installer_tasks.runs.stages import removal
from installer_tasks.runs.stages.base import Context, Stage
from installer_tasks.systems.cluster import carvel
from tests.answers import ANSWERS
from tests.engine.heard import Heard
from tests.engine.memory_cluster import MemoryCluster, Object, install, reconciled

NS, NAME = "tmc-local", "tanzu-mission-control"
MADE = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Secret", "PackageInstall")


class SlowCluster(MemoryCluster):
    """What is deleted goes only when it is looked for the second time; `stuck` goes never, and says why."""

    def __init__(self) -> None:
        super().__init__()
        self.deleted: list[str] = []
        self.going: dict[tuple[str, str, str], int] = {}
        self.stuck = ""

    def delete(self, api_version: str, kind: str, name: str, namespace: str = "") -> bool:
        self.deleted.append(kind)
        self.going[kind, namespace, name] = 2
        return (kind, namespace, name) in self.objects

    def find(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        key = (kind, namespace, name)
        if key in self.going and kind != self.stuck:
            self.going[key] -= 1
            if not self.going[key]:
                self.objects.pop(key, None)
        return super().find(api_version, kind, name, namespace)


@pytest.fixture
def cluster() -> SlowCluster:
    cluster = SlowCluster()
    plan = Plan.from_answers(ANSWERS)
    names = carvel.Names(NAME, NS)
    for obj in carvel.install_objects(names, plan.known.ref_name, plan.known.version, plan.values_yaml(masked=False)):
        cluster.put(obj)
    cluster.put(carvel.namespace(NS))
    image = plan.known.repository_image(plan.project)
    cluster.put(carvel.package_repository(plan.known.repository_name, NS, image))
    return cluster


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def context(cluster: SlowCluster, heard: Heard, tmp_path: Path) -> Context:
    return Context(Plan.from_answers(ANSWERS), heard, lambda: False, tmp_path, {"cluster": cluster})


def of(slug: str) -> Stage:
    return next(stage for stage in stages.UNDOING["undo-all"] if stage.slug == f"undo-{slug}")


def kinds(cluster: MemoryCluster) -> set[str]:
    return {kind for kind, _namespace, _name in cluster.objects}


def test_the_way_back_ends_with_nothing_and_looking_changes_nothing(context: Context, cluster: SlowCluster) -> None:
    for stage in stages.UNDOING["undo-all"]:
        assert not stage.is_done(context), stage.slug
        stage.run(context)
        assert stage.is_done(context), stage.slug
    assert kinds(cluster) == set()
    deleted = list(cluster.deleted)
    assert all(stage.is_done(context) for stage in stages.UNDOING["undo-all"])
    assert cluster.deleted == deleted


def test_the_namespace_with_its_volumes_stays_unless_wanted() -> None:
    assert [stage.slug for stage in stages.UNDOING["undo"]] == ["undo-package-install", "undo-package-repository"]


def test_what_kapp_controller_removes_with_goes_last(context: Context, cluster: SlowCluster, heard: Heard) -> None:
    of("package-install").run(context)
    assert cluster.deleted == ["PackageInstall", "Secret", "ClusterRoleBinding", "ClusterRole", "ServiceAccount"]
    assert heard.codes == ["undo.removed"] * len(MADE)


def test_rights_that_somebody_removed_by_hand_are_given_again(context: Context, cluster: SlowCluster) -> None:
    names = carvel.Names(NAME, NS)
    del cluster.objects["ServiceAccount", NS, names.service_account]
    del cluster.objects["ClusterRoleBinding", "", names.binding]
    of("package-install").run(context)
    restored = [f"ServiceAccount/{names.service_account}", f"ClusterRoleBinding/{names.binding}"]
    assert set(restored) <= set(cluster.writes)
    assert not kinds(cluster) & set(MADE)


def test_without_the_install_no_rights_are_made_only_to_be_removed(context: Context, cluster: SlowCluster) -> None:
    del cluster.objects["PackageInstall", NS, NAME]
    of("package-install").run(context)
    assert (cluster.writes, kinds(cluster) & set(MADE)) == ([], set())


def test_it_says_what_it_waits_for(context: Context, cluster: SlowCluster, heard: Heard) -> None:
    cluster.put(install("kafka", NS, reconciled("Deleting")))
    of("package-install").run(context)
    assert heard.waits[0] == f"PackageInstall {NAME} to be deleted; 1 still exists: kafka"


def app(name: str, output: str) -> Object:
    status = {**reconciled("Deleting"), "deploy": {"stdout": output}}
    return {
        "apiVersion": carvel.KAPPCTRL,
        "kind": "App",
        "metadata": {"name": name, "namespace": NS},
        "status": status,
    }


WAITING = """Wait to: 0 reconcile, 3 delete, 0 noop
10:00:00AM: ---- waiting on 3 changes [0/3 done] ----
10:00:00AM: ongoing: delete pod/kafka-0 (v1) namespace: tmc-local
10:00:05AM: ---- waiting on 1 changes [2/3 done] ----
10:00:05AM: ongoing: delete persistentvolumeclaim/data-kafka-0 (v1) namespace: tmc-local
"""


def claim(name: str, label: str = carvel.APP_LABEL) -> Object:
    metadata = {"name": name, "namespace": NS, "labels": {label: "kafka", "app": "kafka"}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("undo", "The volumes stay, but kapp still waits up to 15 minutes for persistentvolumeclaim/data-kafka-0."),
        ("undo-all", "kapp waits for persistentvolumeclaim/data-kafka-0."),
    ],
)
def test_it_says_why_the_others_still_exist(
    context: Context, cluster: SlowCluster, heard: Heard, kind: str, reason: str
) -> None:
    cluster.put(install("kafka", NS, reconciled("Deleting")))
    cluster.put(app(NAME, "ongoing: delete packageinstall/kafka (packaging.carvel.dev/v1alpha1) namespace: tmc-local"))
    cluster.put(app("kafka", WAITING))
    stages.UNDOING[kind][0].run(context)
    assert heard.waits[0] == f"PackageInstall {NAME} to be deleted; 1 still exists: kafka. {reason}"


def test_where_kapp_waits_for_nothing_that_it_names_the_status_is_the_reason(
    context: Context, cluster: SlowCluster, heard: Heard
) -> None:
    cluster.put(install(NAME, NS, {**reconciled("Deleting"), "friendlyDescription": "Deleting"}))
    cluster.put(install("kafka", NS, reconciled("Deleting")))
    of("package-install").run(context)
    assert heard.waits[0] == f"PackageInstall {NAME} to be deleted; 1 still exists: kafka. Deleting"


def labels_of(cluster: SlowCluster, name: str) -> Object:
    found: Object = cluster.objects["PersistentVolumeClaim", NS, name]["metadata"]["labels"]
    return found


def test_kept_volumes_are_taken_out_of_the_hands_of_kapp_before_it_deletes(
    context: Context, cluster: SlowCluster, heard: Heard
) -> None:
    cluster.put(claim("data-kafka-0"))
    cluster.put(claim("others", "somebody/else"))
    stages.UNDOING["undo"][0].run(context)
    assert labels_of(cluster, "data-kafka-0") == {"app": "kafka", carvel.ORPHANED_LABEL: ""}
    assert labels_of(cluster, "others") == {"app": "kafka", "somebody/else": "kafka"}
    assert heard.events[0] == ("undo.released", {"name": "data-kafka-0"})
    assert "PersistentVolumeClaim" not in cluster.deleted


def test_unwanted_volumes_go_with_the_packages_so_that_nobody_waits_for_them(
    context: Context, cluster: SlowCluster
) -> None:
    cluster.put(claim("data-kafka-0"))
    cluster.put(claim("others", "somebody/else"))
    stages.UNDOING["undo-all"][0].run(context)
    assert cluster.deleted[:2] == ["PackageInstall", "PersistentVolumeClaim"]
    assert ("PersistentVolumeClaim", NS, "others") not in cluster.going


def test_a_removal_that_only_fails_is_given_up_with_the_controllers_words(
    context: Context, cluster: SlowCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "GIVE_UP", 0.0)
    cluster.stuck = "PackageInstall"
    cluster.put(install(NAME, NS, reconciled("DeleteFailed", "kapp: Error: Timed out waiting")))
    with pytest.raises(SystemFailure) as caught:
        of("package-install").run(context)
    assert (caught.value.code, caught.value.value) == ("undo-failed", NAME)
    assert caught.value.detail == "kapp: Error: Timed out waiting"
    assert "ServiceAccount" in kinds(cluster), "kapp-controller tries again with it"


def test_a_namespace_that_is_being_deleted_is_named_with_the_way_out(context: Context, cluster: SlowCluster) -> None:
    cluster.objects["Namespace", "", NS]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    cluster.put(install("kafka", NS, reconciled()))
    with pytest.raises(Conflict) as caught:
        of("package-install").run(context)
    assert caught.value.code == "undo-namespace-terminating"
    command = f"kubectl patch packageinstall -n {NS} kafka {NAME} --type=merge -p"
    assert command in str(caught.value.remedy)
    assert cluster.writes == []


def test_a_namespace_with_packages_of_others_stays(context: Context, cluster: SlowCluster) -> None:
    of("package-install").run(context)
    cluster.put(install("somebodys", NS, reconciled()))
    with pytest.raises(Conflict) as caught:
        of("namespace-and-trust").run(context)
    assert (caught.value.code, caught.value.value) == ("undo-others-packages", "somebodys")
    assert "Namespace" in kinds(cluster)
