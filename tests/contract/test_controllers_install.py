"""One whole installation in the practice cluster, by its controllers alone: what appears, in which order, what fails."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.controllers import Address, Pace
from installer_tasks.rehearsal.controllers.objects import Object
from installer_tasks.rehearsal.kube import GVR
from installer_tasks.systems.cluster import carvel
from tests.contract.practice_packages import NAMES, NS, RELEASE, VALUES, Practice, running
from tests.waiting import PATIENCE, until


@pytest.fixture
def authority(tmp_path: Path) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path / "ca")


@pytest.fixture
def practice(authority: PracticeCA) -> Iterator[Practice]:
    with running(authority, Pace.INSTANT) as made:
        yield made


class TestInstallation:
    def test_every_package_reconciles_and_the_parent_last(self, practice: Practice) -> None:
        practice.install()
        assert practice.ready.wait(PATIENCE)
        until(lambda: practice.status("PackageInstall", "tanzu-mission-control").done)
        installs = practice.objects("PackageInstall")
        assert installs.keys() == {package.name for package in RELEASE.packages} | {"tanzu-mission-control"}
        assert all(carvel.package_status(obj).done for obj in installs.values())
        assert practice.objects("App").keys() == installs.keys()
        assert installs["contour"]["status"]["version"] == "18.2.19"

    def test_the_output_ends_as_kapp_ends(self, practice: Practice) -> None:
        practice.install()
        assert practice.ready.wait(PATIENCE)
        done = until(lambda: "Succeeded" in output(practice) and output(practice))
        assert "---- waiting complete [30/30 done] ----" in done
        for package in RELEASE.packages:
            assert f"ok: reconcile packageinstall/{package.name} (packaging.carvel.dev/v1alpha1)" in done
        order = [done.index(f"create packageinstall/{package.name} ") for package in RELEASE.packages]
        assert order == sorted(order)

    def test_pods_run_and_jobs_complete(self, practice: Practice) -> None:
        practice.install()
        assert practice.ready.wait(PATIENCE)
        pods = practice.objects("Pod")
        phases = {name: pod["status"]["phase"] for name, pod in pods.items()}
        jobs = {name for name in phases if name.startswith(("contour-contour-certgen", "minio-provisioning"))}
        assert {phases[name] for name in jobs} == {"Succeeded"}
        assert {phase for name, phase in phases.items() if name not in jobs} == {"Running"}
        assert "postgres-postgresql-0" in phases
        assert len([name for name in phases if name.startswith("contour-envoy")]) == 3
        assert all(claim["status"]["phase"] == "Bound" for claim in practice.objects("PersistentVolumeClaim").values())

    def test_the_six_certificates_are_real(self, practice: Practice, authority: PracticeCA) -> None:
        practice.install()
        assert practice.ready.wait(PATIENCE)
        assert practice.zone == "tmc.test"
        root = x509.load_pem_x509_certificate(authority.ca_pem.encode())
        for wanted in RELEASE.certificates:
            secret = practice.objects("Secret")[wanted.secret]
            found = x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"]))
            found.verify_directly_issued_by(root)
            names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            assert set(names.get_values_for_type(x509.DNSName)) <= practice.certificates.keys()
        assert practice.certificates["tmc-local.s3.tmc.test"] == practice.certificates["s3.tmc.test"]

    def test_the_load_balancer_has_the_estate_s_address_and_port(self, practice: Practice) -> None:
        practice.install()
        assert practice.ready.wait(PATIENCE)
        service = practice.objects("Service")["contour-envoy"]
        assert service["status"]["loadBalancer"]["ingress"] == [{"ip": "127.9.9.9"}]
        assert {port["name"]: port["port"] for port in service["spec"]["ports"]} == {"http": 80, "https": 8443}

    def test_all_proxies_are_valid(self, practice: Practice) -> None:
        practice.install()
        assert practice.ready.wait(PATIENCE)
        states = {name: obj["status"]["currentStatus"] for name, obj in practice.objects("HTTPProxy").items()}
        assert len(states) == 8
        assert set(states.values()) == {"valid"}

    def test_values_that_change_are_carried_through(self, practice: Practice) -> None:
        practice.install()
        assert practice.ready.wait(PATIENCE)
        practice.ready.clear()
        practice.install(dnsZone="other.test")
        assert practice.ready.wait(PATIENCE)
        assert practice.zone == "other.test"
        assert "auth.other.test" in practice.certificates

    def test_deleting_the_install_leaves_what_it_leaves_in_reality(self, practice: Practice) -> None:
        practice.install()
        assert practice.ready.wait(PATIENCE)
        practice.desk.delete("PackageInstall", "tanzu-mission-control", NS)
        until(lambda: not practice.objects("Pod"))
        assert practice.objects("PersistentVolumeClaim")
        assert "stack-tls" in practice.objects("Secret")

    def test_at_rest_nothing_is_written(self, practice: Practice) -> None:
        practice.install()
        assert practice.ready.wait(PATIENCE)
        quiet = until(lambda: settled(practice))
        assert quiet

    def test_quick_takes_its_time_and_overlaps_waves(self, authority: PracticeCA) -> None:
        with running(authority, Pace("short", 1.5, 30)) as practice:
            started = time.monotonic()
            practice.install()
            until(lambda: practice.status("PackageInstall", "contour").state == "reconciling")
            assert practice.status("PackageInstall", "tmc-local-stack").state == "pending"
            assert practice.ready.wait(PATIENCE)
            assert time.monotonic() - started > 1.2

    def test_stop_ends_at_once_in_the_middle(self, authority: PracticeCA) -> None:
        world = running(authority, Pace.LIFELIKE)
        with world as practice:
            practice.install()
            until(lambda: practice.status("PackageRepository", "packages").state == "reconciling")
            world.controllers.stop()
            assert practice.status("PackageRepository", "packages").state == "reconciling"


def output(practice: Practice) -> str:
    return carvel.deploy_output(practice.desk.get("App", "tanzu-mission-control", NS) or {})


def settled(practice: Practice) -> bool:
    """Whether half a second passes in which no version changes."""
    before = versions(practice)
    threading.Event().wait(0.5)
    return before == versions(practice)


def versions(practice: Practice) -> dict[str, str]:
    kinds = ("PackageInstall", "App", "Pod", "Deployment", "Certificate", "Secret", "HTTPProxy")
    return {
        obj["metadata"]["uid"]: obj["metadata"]["resourceVersion"]
        for kind in kinds
        for obj in practice.desk.objects(kind)
    }


class TestWhatGoesWrong:
    def failed(self, practice: Practice, kind: str, name: str) -> str:
        until(lambda: practice.status(kind, name).state == "failed")
        return practice.status(kind, name).message

    def test_a_bundle_that_cannot_be_fetched(self, practice: Practice) -> None:
        practice.complaint = "vendir: Error: ... x509: certificate signed by unknown authority"
        practice.install()
        assert "x509" in self.failed(practice, "PackageRepository", "packages")
        assert (
            self.failed(practice, "PackageInstall", "tanzu-mission-control") == "Package tmc.tanzu.vmware.com not found"
        )

    def test_it_is_tried_again(self, practice: Practice) -> None:
        practice.complaint = "MANIFEST_UNKNOWN"
        practice.install()
        self.failed(practice, "PackageRepository", "packages")
        practice.complaint = ""
        assert practice.ready.wait(PATIENCE)

    def test_the_authority_given_to_kapp_controller_is_used(self, practice: Practice) -> None:
        data = {"caCerts": base64.b64encode(b"PEM").decode()}
        metadata = {"name": "kapp-controller-config", "namespace": "tkg-system"}
        practice.desk.ensure({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
        practice.install()
        until(lambda: ("harbor.test/tmc/package-repository:1.4.1", "PEM") in practice.fetched)

    def test_another_version_than_the_repository_s(self, practice: Practice) -> None:
        practice.desk.ensure(carvel.namespace(NS))
        practice.desk.ensure(carvel.package_repository("packages", NS, "harbor.test/tmc/package-repository:1.4.1"))
        for obj in carvel.install_objects(NAMES, "tmc.tanzu.vmware.com", "9.9.9", yaml.safe_dump(VALUES)):
            practice.desk.ensure(obj)
        until(
            lambda: "Expected to find at least one version" in practice.status("PackageInstall", NAMES.install).message
        )

    def test_an_unknown_value(self, practice: Practice) -> None:
        practice.install(harbourProject="typo")
        until(lambda: "ytt: Error" in practice.status("PackageInstall", NAMES.install).message)
        assert "found: harbourProject" in practice.status("PackageInstall", NAMES.install).message

    def test_a_wrong_issuer_in_cert_manager_s_words(self, practice: Practice) -> None:
        practice.install(clusterIssuer="nobody")
        request = until(lambda: next(iter(practice.objects("CertificateRequest").values()), None))
        message = until(lambda: practice_message(practice, request["metadata"]["name"]))
        assert message.startswith('Referenced "ClusterIssuer" not found')
        assert "Timed out waiting after 15m0s for resources: [certificate/" in self.failed(
            practice, "PackageInstall", "pinniped"
        )
        until(lambda: "Finished unsuccessfully" in practice.status("PackageInstall", NAMES.install).message)

    def test_an_issuer_without_its_secret(self, practice: Practice) -> None:
        metadata = {"name": "broken"}
        spec = {"ca": {"secretName": "absent"}}
        practice.desk.ensure(
            {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": metadata, "spec": spec}
        )
        found = until(lambda: (practice.desk.get("ClusterIssuer", "broken") or {}).get("status"))
        assert found["conditions"][0]["message"] == 'Error getting keypair for CA issuer: secret "absent" not found'
        assert found["conditions"][0]["status"] == "False"

    def test_no_address_for_the_load_balancer(self, practice: Practice) -> None:
        practice.address = None
        practice.install()
        message = self.failed(practice, "PackageInstall", "contour")
        assert "service/contour-envoy" in message
        practice.address = Address("127.0.0.1")
        assert practice.ready.wait(PATIENCE)

    def test_no_default_storage_class(self, practice: Practice) -> None:
        for obj in practice.desk.objects("StorageClass"):
            practice.desk.delete("StorageClass", obj["metadata"]["name"])
        practice.install()
        found = until(lambda: pod_conditions(practice, "postgres-postgresql-0"))
        assert "unbound immediate PersistentVolumeClaims" in found[0]["message"]


def pod_conditions(practice: Practice, name: str) -> list[Object]:
    status = (practice.desk.get("Pod", name, NS) or {}).get("status") or {}
    assert status.get("phase", "Pending") == "Pending"
    return list(status.get("conditions") or [])


def practice_message(practice: Practice, name: str) -> str:
    status = practice.objects("CertificateRequest")[name].get("status") or {}
    return str(next((item["message"] for item in status.get("conditions", [])), ""))


class TestPodsOfOthers:
    def pod(self, policy: str) -> Object:
        spec = {"restartPolicy": policy, "containers": [{"name": "main", "image": "harbor.test/tmc/busybox:1"}]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "trial", "namespace": "default"}, "spec": spec}

    @pytest.mark.parametrize(("policy", "phase"), [("Never", "Succeeded"), ("Always", "Running")])
    def test_a_trial_pod(self, practice: Practice, policy: str, phase: str) -> None:
        practice.desk.ensure(self.pod(policy))
        until(lambda: (practice.desk.get("Pod", "trial", "default") or {}).get("status", {}).get("phase") == phase)

    def test_a_deployment_replaces_its_pods_when_its_template_changes(self, practice: Practice) -> None:
        """As `kubectl rollout restart` does it for kapp-controller."""
        first = until(lambda: practice.desk.objects("Pod", "tkg-system"))
        restarted = carvel.restarted("kapp-controller", "tkg-system", "now")
        practice.store.apply(GVR("apps", "v1", "deployments"), restarted, manager="installer", force=True)
        names = {pod["metadata"]["name"] for pod in first}
        until(lambda: names.isdisjoint(p["metadata"]["name"] for p in practice.desk.objects("Pod", "tkg-system")))
