"""A whole undoing on the practice estate, and a new installation after it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks import saved_answers
from installer_tasks.errors import Conflict, InputError
from installer_tasks.models import Installation, Run, RunKind, RunState
from installer_tasks.preflight import collecting, findings
from installer_tasks.preflight.state import load
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.rehearsal.kube import GVR
from installer_tasks.runs import service, stages, undo
from installer_tasks.runs.journal import verify_chain
from installer_tasks.systems.cluster import carvel
from tests.engine.made import codes
from tests.engine.stages import Fails, World, trouble
from tests.faults.whole import SLUGS, arrived, blobs_of, carried_out, proven, small_estate, stage_states
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.django_db(transaction=True)
NS = "tmc-local"
INSTALLS = GVR("packaging.carvel.dev", "v1alpha1", "packageinstalls")
REPOSITORIES = GVR("packaging.carvel.dev", "v1alpha1", "packagerepositories")
APPS = GVR("kappctrl.k14s.io", "v1alpha1", "apps")
CLAIMS, NAMESPACES = GVR("", "v1", "persistentvolumeclaims"), GVR("", "v1", "namespaces")
BINDINGS = GVR("rbac.authorization.k8s.io", "v1", "clusterrolebindings")


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with small_estate(tmp_path / "estate") as running:
        yield running


def failed_at_the_end(estate: Estate, folder: Path) -> Installation:
    """Everything is installed, and the proof fails."""
    installation = proven(estate)
    world = World(folder)
    last = Fails(world, "acceptance", trouble("the console does not answer"))
    run = carried_out(service.start(installation), stages=(*stages.STAGES[:-1], last))
    assert run.state == RunState.FAILED
    assert set(estate.edge.published) == set(estate.release.public_names(estate.zone))
    return installation


def names(estate: Estate, gvr: GVR) -> set[str]:
    return {each["metadata"]["name"] for each in estate.store.list(gvr)}


def assert_undone(run: Run, estate: Estate) -> None:
    assert (run.state, run.error) == (RunState.SUCCEEDED, None)
    assert verify_chain(run) is None
    assert codes(run)[-1] == "run.undone"
    assert not names(estate, INSTALLS) | names(estate, REPOSITORIES)
    assert not [name for name in names(estate, BINDINGS) if "tmc" in name or "mission" in name]
    assert estate.edge.published == ()
    assert service.installed(load(run.installation)) is None


def assert_installed_anew(installation: Installation, estate: Estate) -> None:
    """With every check green again, and not one byte of an image sent twice."""
    assert collecting.collect_and_judge_all(installation.pk) == []
    run = carried_out(service.start(installation))
    assert (run.state, run.error) == (RunState.SUCCEEDED, None)
    assert stage_states(run)["push-images"] == "kept"
    assert arrived(estate) == dict.fromkeys(blobs_of(estate), 1)
    assert service.installed(load(installation)) == run


def test_undone_without_the_volumes_and_installed_anew(estate: Estate, tmp_path: Path) -> None:
    installation = failed_at_the_end(estate, tmp_path)
    volumes = names(estate, CLAIMS)
    assert volumes
    run = carried_out(undo.start(installation, everything=False))
    assert stage_states(run) == {"undo-package-install": "succeeded", "undo-package-repository": "succeeded"}
    assert_undone(run, estate)
    assert (names(estate, CLAIMS), NS in names(estate, NAMESPACES)) == (volumes, True)
    assert service.stages_to_repeat(load(installation)) == SLUGS
    assert_installed_anew(installation, estate)


def test_undone_with_everything_and_installed_anew(estate: Estate, tmp_path: Path) -> None:
    installation = failed_at_the_end(estate, tmp_path)
    zone = estate.answers()["dns.zone"]
    saved_answers.save_answers(installation, {"dns.zone": ""})
    with pytest.raises(InputError):
        service.resume(installation)  # an undoing needs neither the answers of now nor green checks
    assert_undone(carried_out(undo.start(installation, everything=True)), estate)
    saved_answers.save_answers(installation, {"dns.zone": zone})
    assert (names(estate, CLAIMS), NS in names(estate, NAMESPACES)) == (set(), False)
    with pytest.raises(Conflict) as caught:
        undo.start(installation, everything=True)
    assert caught.value.code == "nothing-to-undo"
    collecting.collect_and_judge(installation.pk, "cluster")
    (left,) = [item for item in findings.of_step(load(installation), "cluster") if item.name == "cluster.leftovers"]
    assert left.level == "pass"
    assert_installed_anew(installation, estate)


@pytest.mark.parametrize("everything", [False, True])
def test_a_removal_that_already_waits_for_its_volumes_ends(estate: Estate, tmp_path: Path, everything: bool) -> None:
    """Somebody deleted the package by hand: kapp found the claims and waits for what it will not delete."""
    installation = failed_at_the_end(estate, tmp_path)
    volumes = names(estate, CLAIMS)
    (parent,) = [each for each in names(estate, INSTALLS) if each == "tanzu-mission-control"]
    estate.store.delete(INSTALLS, NS, parent)
    until(lambda: "persistentvolumeclaim/" in kapp_says(estate, "kafka"))
    run = carried_out(undo.start(installation, everything=everything))
    assert_undone(run, estate)
    assert names(estate, CLAIMS) == (set() if everything else volumes)


@pytest.mark.program("kubectl")
def test_what_an_earlier_installation_left_goes_by_the_command_that_the_check_prints(
    estate: Estate, tmp_path: Path
) -> None:
    installation = failed_at_the_end(estate, tmp_path)
    collecting.collect_and_judge(installation.pk, "cluster")
    (left,) = [item for item in findings.of_step(load(installation), "cluster") if item.name == "cluster.leftovers"]
    run_as_told(estate, tmp_path, left.verdict["command"])
    assert (names(estate, INSTALLS), names(estate, CLAIMS), NS in names(estate, NAMESPACES)) == (set(), set(), False)


def kapp_says(estate: Estate, app: str) -> str:
    found = estate.store.get(APPS, NS, app)
    return carvel.deploy_output(found) if found else ""


def run_as_told(estate: Estate, folder: Path, command: str) -> None:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(estate.answers()["cluster.kubeconfig"])
    subprocess.run(
        ["sh", "-c", command],
        check=True,
        timeout=PATIENCE,
        env={**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(folder)},
    )


@pytest.mark.program("kubectl")
def test_a_namespace_that_was_deleted_by_hand_is_freed_by_what_the_remedy_says(estate: Estate, tmp_path: Path) -> None:
    installation = failed_at_the_end(estate, tmp_path)
    estate.store.delete(NAMESPACES, "", NS)
    stuck = carried_out(undo.start(installation, everything=True))
    assert stuck.state == RunState.FAILED and stuck.error is not None
    assert stuck.error["code"] == "undo-namespace-terminating"
    remedy = stuck.error["remedy"]
    command = (remedy["template"] % remedy["params"]).partition("resume: ")[2]
    run_as_told(estate, tmp_path, command)
    until(lambda: NS not in names(estate, NAMESPACES))
    resumed = carried_out(undo.resume(installation))
    assert (resumed.kind, resumed.state, resumed.error) == (RunKind.UNDO_ALL, RunState.SUCCEEDED, None)
    assert names(estate, INSTALLS) == set()
