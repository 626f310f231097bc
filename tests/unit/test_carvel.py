"""The objects of an installation are those that the vendor's CLI makes, and their status is read without optimism."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from installer_tasks.systems.cluster import carvel, certmanager
from tests.unit.pems import self_signed

NAMES = carvel.Names("tanzu-mission-control", "tmc-local")


def test_names_follow_the_vendor() -> None:
    objects = carvel.install_objects(NAMES, "tmc.tanzu.vmware.com", "1.4.1", "dnsZone: z\n")
    assert [(obj["kind"], obj["metadata"]["name"]) for obj in objects] == [
        ("ServiceAccount", "tanzu-mission-control-tmc-local-sa"),
        ("ClusterRole", "tanzu-mission-control-tmc-local-cluster-role"),
        ("ClusterRoleBinding", "tanzu-mission-control-tmc-local-cluster-rolebinding"),
        ("Secret", "tanzu-mission-control-tmc-local-values"),
        ("PackageInstall", "tanzu-mission-control"),
    ]


def test_the_values_arrive_unchanged() -> None:
    secret = carvel.values_secret(NAMES, "pem: |\n  ä\n")
    assert base64.b64decode(secret["data"]["values.yaml"]).decode() == "pem: |\n  ä\n"


def test_the_install_points_at_its_helpers() -> None:
    install = carvel.package_install(NAMES, "tmc.tanzu.vmware.com", "1.4.1")
    assert install["spec"]["serviceAccountName"] == NAMES.service_account
    assert install["spec"]["values"] == [{"secretRef": {"name": NAMES.values}}]
    assert install["metadata"]["annotations"]["packaging.carvel.dev/package-Secret"] == NAMES.values
    assert install["metadata"]["annotations"]["tkg.tanzu.vmware.com/tanzu-package-ClusterRole"] == NAMES.role


def test_the_namespace_lets_privileged_pods_in() -> None:
    assert carvel.namespace("tmc-local")["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "privileged"}


class TestTrust:
    ours, theirs = self_signed("ours").certificate, self_signed("theirs").certificate

    def secret(self, **data: str) -> dict[str, Any]:
        return {"data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}}

    def trusted(self, obj: dict[str, Any] | None) -> str:
        assert obj is not None
        return base64.b64decode(obj["data"]["caCerts"]).decode()

    def test_ours_is_added_to_what_is_there(self) -> None:
        merged = carvel.trust_secret("kapp", (self.ours,), secret=self.secret(caCerts=self.theirs), config_map=None)
        assert self.trusted(merged) == self.theirs + self.ours

    def test_only_our_key_is_applied_over_a_secret(self) -> None:
        existing = self.secret(caCerts=self.theirs, httpProxy="http://proxy")
        merged = carvel.trust_secret("kapp", (self.ours,), secret=existing, config_map=None)
        assert merged is not None
        assert set(merged["data"]) == {"caCerts"}

    def test_a_config_map_that_the_secret_will_hide_is_taken_over(self) -> None:
        config_map = {"data": {"httpsProxy": "http://proxy", "caCerts": self.theirs}}
        merged = carvel.trust_secret("kapp", (self.ours,), secret=None, config_map=config_map)
        assert merged is not None
        assert base64.b64decode(merged["data"]["httpsProxy"]).decode() == "http://proxy"
        assert self.trusted(merged) == self.theirs + self.ours

    def test_nothing_to_do_when_trusted_already(self) -> None:
        existing = self.secret(caCerts=f"# a comment\n{self.ours}\n\n{self.theirs}")
        assert carvel.trust_secret("kapp", (self.ours,), secret=existing, config_map=None) is None

    def test_what_go_does_not_find_is_not_trusted_already_and_not_lost(self) -> None:
        "kapp-controller written in Go: it reads no two blocks that share a line is installed."
        run_together = self.theirs.rstrip("\n") + self.ours
        merged = carvel.trust_secret("kapp", (self.ours,), secret=self.secret(caCerts=run_together), config_map=None)
        assert self.trusted(merged) == run_together + self.ours

    def test_without_any_configuration(self) -> None:
        assert self.trusted(carvel.trust_secret("kapp", (self.ours,), secret=None, config_map=None)) == self.ours


def with_status(generation: int = 1, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "contour", "generation": generation}, "status": status}


def condition(kind: str, **more: str) -> list[dict[str, str]]:
    return [{"type": kind, "status": "True", **more}]


@pytest.mark.parametrize(
    ("obj", "state"),
    [
        ({"metadata": {"name": "contour"}}, "pending"),
        (with_status(conditions=condition("Reconciling"), observedGeneration=1), "reconciling"),
        (with_status(conditions=condition("ReconcileSucceeded"), observedGeneration=1), "succeeded"),
        (with_status(conditions=condition("ReconcileFailed"), observedGeneration=1), "failed"),
        (with_status(2, conditions=condition("ReconcileSucceeded"), observedGeneration=1), "pending"),
        (with_status(2, conditions=condition("ReconcileFailed"), observedGeneration=1), "pending"),
        (with_status(conditions=condition("Deleting"), observedGeneration=1), "reconciling"),
        (with_status(conditions=[{"type": "ReconcileSucceeded", "status": "False"}]), "pending"),
    ],
)
def test_the_state_of_a_package(obj: dict[str, Any], state: str) -> None:
    assert carvel.package_status(obj).state == state
    assert carvel.package_status(obj).done == (state == "succeeded")


def test_the_useful_message_comes_first() -> None:
    status = carvel.package_status(
        with_status(
            conditions=condition("ReconcileFailed", message="Error (see .status.usefulErrorMessage for details)"),
            usefulErrorMessage="ytt: Error: ...",
            lastAttemptedVersion="1.4.1",
        )
    )
    assert (status.message, status.version) == ("ytt: Error: ...", "1.4.1")


def test_kapp_output() -> None:
    assert carvel.deploy_output({"status": {"deploy": {"stdout": "Changes\n"}}}) == "Changes\n"
    assert carvel.deploy_output({}) == ""


class TestIssuers:
    def test_a_ready_ca_issuer(self) -> None:
        ready = [{"type": "Ready", "status": "True", "message": "Signing CA verified"}]
        found = certmanager.issuer(
            {"metadata": {"name": "local"}, "spec": {"ca": {"secretName": "pair"}}, "status": {"conditions": ready}}
        )
        assert found == certmanager.Issuer("local", "ca", True, "Signing CA verified", "pair")

    def test_one_that_says_nothing_is_not_ready(self) -> None:
        assert not certmanager.issuer({"metadata": {"name": "new"}, "spec": {"acme": {}}}).ready

    def test_an_old_verdict_does_not_count(self) -> None:
        ready = [{"type": "Ready", "status": "True", "observedGeneration": 1}]
        obj = {"metadata": {"name": "x", "generation": 2}, "status": {"conditions": ready}}
        assert certmanager.readiness(obj) == (False, "")


@pytest.mark.parametrize(
    ("labels", "image", "version"),
    [
        ({"app.kubernetes.io/version": "v1.10.2"}, "", "1.10.2"),
        ({}, "registry.example.com:5000/cert-manager-controller:v1.12.2_vmware.1@sha256:00", "1.12.2_vmware.1"),
        ({}, "registry.example.com:5000/cert-manager-controller@sha256:00", ""),
    ],
)
def test_the_version_of_a_workload(labels: dict[str, str], image: str, version: str) -> None:
    spec = {"template": {"spec": {"containers": [{"image": image}]}}}
    assert certmanager.workload_version({"metadata": {"labels": labels}, "spec": spec}) == version
