"""The stages of a real run against practice systems; the cluster alone is in memory here."""

from __future__ import annotations

import base64
import itertools
from pathlib import Path
from typing import Any

import pytest

from installer_tasks.errors import Conflict, InputError, Missing, Stalled, SystemFailure
from installer_tasks.plan import Plan
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.registry import RegistryServer
from installer_tasks.runs import stages
from installer_tasks.runs.stages import certificate_issuer, package_repository, packages_and_pods
from installer_tasks.runs.stages.base import Context
from installer_tasks.runs.stages.systems import FailureDeadline
from installer_tasks.systems.bundle import read_release_bundle
from installer_tasks.systems.cluster import carvel
from installer_tasks.text import text
from tests.engine.heard import Heard
from tests.engine.memory_cluster import MemoryCluster, install, pod, reconciled
from tests.engine.stage_world import RELEASE, of, up_to

pytestmark = pytest.mark.usefixtures("quick")


def test_the_whole_way_and_once_more(context: Context, heard: Heard, cluster: MemoryCluster, plan: Plan) -> None:
    for stage in stages.STAGES:
        assert not stage.is_done(context), stage.slug
        stage.run(context)
    findings = heard.figures[-1]["findings"]
    assert {finding["level"] for finding in findings} == {"pass"}, findings
    assert len(findings) == 5 + 2 * len(RELEASE.hosts) + 3
    before = list(cluster.writes)
    done = [stage.slug for stage in stages.STAGES if stage.is_done(context)]
    assert done == [stage.slug for stage in stages.STAGES if stage.slug != "acceptance"]
    assert cluster.writes == before  # looking changes nothing
    assert heard.codes.count("package.reconciled") == len(RELEASE.packages) + 1
    assert ("push.done" in heard.codes) and ("acceptance.passed" in heard.codes)


def test_what_keeps_the_run_from_going_on_is_named(context: Context, heard: Heard) -> None:
    context.preflight = lambda: ["dns.records", "registry.push"]
    with pytest.raises(InputError) as caught:
        of("preflight").run(context)
    assert caught.value.value == "dns.records, registry.push"
    assert heard.codes == ["preflight.blocked"]
    assert not of("preflight").is_done(context)


def test_a_push_sends_nothing_twice_and_shows_its_figures(
    context: Context, heard: Heard, registry: RegistryServer
) -> None:
    up_to("push-images", context)
    of("push-images").run(context)
    last = heard.figures[-1]
    assert last["bytes_sent"] > 0
    assert (last["images_done"], last["state"]) == (last["images_total"], "done")
    assert of("push-images").is_done(context)
    of("push-images").run(context)
    assert heard.figures[-1]["bytes_sent"] == 0
    assert heard.figures[-1]["bytes_present"] == heard.figures[-1]["bytes_total"]


def test_a_push_that_lost_one_image_is_not_done(context: Context, plan: Plan, bundle: Path) -> None:
    up_to("push-images", context)
    of("push-images").run(context)
    release = read_release_bundle(bundle)
    other = next(image for archive in release.archives[1:] for image in archive.images)
    context.cache["registry"].delete_manifest(f"tmc/{other.repository}", other.digest)
    assert not of("push-images").is_done(context)


def test_the_bundle_of_another_release_is_refused(context: Context, bundle: Path) -> None:
    context.plan = Plan("1.4.0", context.plan.answers)
    with pytest.raises(Missing) as caught:
        of("push-images").is_done(context)
    assert caught.value.code == "bundle-other-release"


def test_trust_is_added_to_what_is_trusted_already(context: Context, cluster: MemoryCluster, plan: Plan) -> None:
    data = {"caCerts": "", "httpProxy": "http://proxy:3128"}
    metadata = {"name": carvel.KAPP_CONFIG, "namespace": "tkg-system"}
    cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    stage = of("namespace-and-trust")
    assert not stage.is_done(context)
    stage.run(context)
    secret = cluster.get("v1", "Secret", carvel.KAPP_CONFIG, "tkg-system")
    decoded = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert plan["registry.ca"].strip() in decoded["caCerts"]
    assert decoded["httpProxy"] == "http://proxy:3128"
    namespace = cluster.get("v1", "Namespace", "tmc-local")
    assert namespace["metadata"]["labels"][carvel.POD_SECURITY] == "privileged"
    assert stage.is_done(context)
    assert cluster.writes.count("Deployment/kapp-controller") == 1
    stage.run(context)
    assert cluster.writes.count("Deployment/kapp-controller") == 1  # no second restart


def test_without_kapp_controller_it_says_so(context: Context, cluster: MemoryCluster) -> None:
    cluster.delete("apps/v1", "Deployment", "kapp-controller", "tkg-system")
    with pytest.raises(Missing) as caught:
        of("namespace-and-trust").run(context)
    assert caught.value.code == "kapp-controller-missing"


def test_an_issuer_of_another_authority_is_found_out(context: Context, cluster: MemoryCluster, tmp_path: Path) -> None:
    other = PracticeCA.load_or_create(tmp_path / "other")
    context.plan = Plan("1.4.1", {**context.plan.answers, "certificates.ca": other.ca_pem})
    with pytest.raises(SystemFailure) as caught:
        of("certificate-issuer").run(context)
    assert (caught.value.code, caught.value.field) == ("issuer-other-authority", "certificates.ca")
    assert cluster.find("", "Certificate", "tmc-installer-trial-17", "tmc-local") is None
    assert cluster.find("", "Secret", "tmc-installer-trial-17", "tmc-local") is None


def test_an_issuer_that_does_not_issue_stalls_and_leaves_nothing(
    context: Context, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificate_issuer, "DEADLINE", 0.05)
    del cluster.on_apply[0]
    with pytest.raises(Stalled):
        of("certificate-issuer").run(context)
    assert cluster.find("", "Certificate", "tmc-installer-trial-17", "tmc-local") is None


def test_a_repository_that_only_fails_is_given_up_with_its_words(
    context: Context, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_repository, "GIVE_UP", 0.0)
    failure = reconciled("ReconcileFailed", "x509: certificate signed by unknown authority")

    def fails(obj: dict[str, Any]) -> None:
        if obj["kind"] == "PackageRepository":
            cluster.put({**obj, "status": failure})

    cluster.on_apply[1] = fails
    with pytest.raises(SystemFailure) as caught:
        of("package-repository").run(context)
    assert caught.value.code == "repository-failed"
    assert "x509" in caught.value.detail
    assert caught.value.value.endswith("/tmc/package-repository:1.4.1")


def test_a_changed_answer_makes_the_install_undone(context: Context, cluster: MemoryCluster) -> None:
    stage = of("package-install")
    stage.run(context)
    assert stage.is_done(context)
    context.plan = Plan("1.4.1", {**context.plan.answers, "services.minio_password": "another-password"})
    assert not stage.is_done(context)
    stage.run(context)
    assert stage.is_done(context)


def test_an_install_under_another_name_is_not_fought_with(context: Context, cluster: MemoryCluster) -> None:
    other = install("tmc", "tmc-local", reconciled())
    cluster.put({**other, "spec": {"packageRef": {"refName": RELEASE.ref_name}}})
    with pytest.raises(Conflict) as caught:
        of("package-install").run(context)
    assert (caught.value.code, caught.value.retry) == ("install-other-name", False)
    assert cluster.writes == []


def test_a_standstill_names_the_package_and_what_its_pods_say(
    context: Context, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages_and_pods, "STANDSTILL", 0.05)
    cluster.on_list.clear()
    cluster.put(install("contour", "tmc-local", reconciled()))
    for package in RELEASE.packages[1:]:
        cluster.put(install(package.name, "tmc-local", reconciled("Reconciling")))
    broken = pod("stack-0", "tmc-local", "x")
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    broken["status"]["containerStatuses"] = [{"name": "main", "ready": False, "state": waiting}]
    cluster.put(broken)
    with pytest.raises(Stalled) as caught:
        of("packages-and-pods").run(context)
    assert caught.value.value == RELEASE.packages[1].name
    assert "stack-0: ImagePullBackOff 0/1" in caught.value.detail


def test_values_that_the_package_in_the_cluster_refuses_are_not_applied(
    context: Context, cluster: MemoryCluster
) -> None:
    up_to("package-install", context)
    namespace, wanted = RELEASE.namespace, f"{RELEASE.ref_name}.{RELEASE.version}"
    package = cluster.find(carvel.DATA_PACKAGING, "Package", wanted, namespace)
    assert package is not None
    schema = {**RELEASE.values_schema, "required": [*RELEASE.values_schema["required"], "auditArchive"]}
    cluster.put({**package, "spec": {"valuesSchema": {"openAPIv3": schema}}})
    with pytest.raises(InputError) as caught:
        of("package-install").run(context)
    assert caught.value.code == "values-refused"
    assert cluster.find(carvel.PACKAGING, "PackageInstall", RELEASE.install_name, namespace) is None


def test_a_failure_that_flips_is_counted_from_its_first_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """kapp-controller says Reconciling before each try."""
    now = [0.0]
    monkeypatch.setattr("installer_tasks.runs.stages.systems.time.monotonic", lambda: now[0])
    failing = FailureDeadline(90.0)
    with pytest.raises(SystemFailure):
        for second in range(0, 200, 5):
            now[0] = 1000.0 + second
            failing.look(second % 10 == 0, lambda: SystemFailure(text("fails")))
    assert now[0] == 1100.0


def test_packages_that_flip_between_two_states_stand_still(
    context: Context, cluster: MemoryCluster, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages_and_pods, "STANDSTILL", 0.3)
    cluster.on_list.clear()
    states = itertools.cycle(("ReconcileFailed", "Reconciling"))
    cluster.put(install(RELEASE.install_name, "tmc-local", reconciled("Reconciling")))
    cluster.on_list.append(
        lambda _kind: (
            cluster.put(install("contour", "tmc-local", reconciled(next(states), "kapp: Error: odd"))) and None
        )
    )
    with pytest.raises(Stalled) as caught:
        of("packages-and-pods").run(context)
    assert caught.value.value == "contour"
    assert "odd" in caught.value.detail
    assert heard.codes.count("package.failed") == 1


def test_a_parent_that_rejects_its_values_ends_the_run_with_its_own_words(
    context: Context, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages_and_pods, "GIVE_UP", 0.05)
    cluster.on_list.clear()
    words = "ytt: Error: Given data value is not declared in schema = found: harbour"
    failed = {**reconciled("ReconcileFailed"), "usefulErrorMessage": words}
    cluster.put(install(RELEASE.install_name, "tmc-local", failed))
    with pytest.raises(SystemFailure) as caught:
        of("packages-and-pods").run(context)
    assert (caught.value.code, caught.value.value, caught.value.detail) == (
        "package-failed",
        RELEASE.install_name,
        words,
    )
