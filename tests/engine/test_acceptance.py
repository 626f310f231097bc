"""Acceptance: what is not as it should be is not accepted, and what answered wrongly is blamed."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from installer_tasks.errors import InstallerError
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.dns import DnsServer
from installer_tasks.rehearsal.edge import Edge, Reply, tmc_routes
from installer_tasks.rehearsal.identity import IdentityServer
from installer_tasks.runs import diagnosing
from installer_tasks.runs.stages.base import Context
from installer_tasks.text import Text
from tests.engine.heard import Heard
from tests.engine.memory_cluster import MemoryCluster, pod
from tests.engine.stage_world import RELEASE, ZONE, of, up_to

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def installed(context: Context) -> Context:
    """Everything but acceptance is done."""
    up_to("acceptance", context)
    return context


def refused(context: Context, heard: Heard) -> dict[str, dict[str, Any]]:
    """Runs acceptance, which must fail; the findings that are not green."""
    with pytest.raises(InstallerError) as caught:
        of("acceptance").run(context)
    assert caught.value.code == "acceptance-failed"
    bad = {found["name"]: found for found in heard.figures[-1]["findings"] if found["level"] != "pass"}
    assert set(caught.value.value.split(", ")) == {name for name, found in bad.items() if found["level"] == "fail"}
    return bad


def test_a_name_that_leads_elsewhere_is_not_accepted(installed: Context, heard: Heard, dns: DnsServer) -> None:
    dns.set(f"s3.{ZONE}", "192.0.2.1")
    assert set(refused(installed, heard)) == {"acceptance.dns.s3"}


def test_a_name_that_does_not_answer_is_not_accepted(installed: Context, heard: Heard, edge: Edge) -> None:
    edge.withdraw(f"gts.{ZONE}")
    assert set(refused(installed, heard)) == {"acceptance.tls.gts"}


def test_a_name_the_release_has_no_certificate_for_is_a_warning(installed: Context, heard: Heard, edge: Edge) -> None:
    edge.withdraw(f"blob.{ZONE}")
    of("acceptance").run(installed)
    bad = {found["name"]: found["level"] for found in heard.figures[-1]["findings"] if found["level"] != "pass"}
    assert bad == {"acceptance.tls.blob": "warn"}


def test_a_certificate_of_another_authority_is_not_accepted(
    installed: Context, heard: Heard, edge: Edge, tmp_path: Path
) -> None:
    name = f"auth.{ZONE}"
    issued = PracticeCA.load_or_create(tmp_path / "other").issue([name])
    edge.publish(name, issued.chain_pem, issued.key_pem)
    assert set(refused(installed, heard)) == {"acceptance.tls.auth", "acceptance.sign-in"}


def test_signing_in_as_another_client_is_not_accepted(
    installed: Context, heard: Heard, edge: Edge, ca: PracticeCA, idp: IdentityServer
) -> None:
    name = f"pinniped-supervisor.{ZONE}"
    issued = ca.issue([name])
    routes = tmc_routes(edge, ZONE, authorize_url=idp.authorization_endpoint, client_id="somebody-else")
    edge.publish(name, issued.chain_pem, issued.key_pem, routes[name])
    bad = refused(installed, heard)
    assert set(bad) == {"acceptance.sign-in"}
    assert bad["acceptance.sign-in"]["value"] == "somebody-else"


def test_an_image_from_outside_is_not_accepted(installed: Context, heard: Heard, cluster: MemoryCluster) -> None:
    cluster.put(pod("intruder", "tmc-local", "docker.example.org/library/busybox"))
    bad = refused(installed, heard)
    assert "intruder: docker.example.org/library/busybox" in bad["acceptance.images"]["evidence"]["detail"]


def test_a_load_balancer_without_address_is_not_accepted(
    installed: Context, heard: Heard, cluster: MemoryCluster
) -> None:
    service = cluster.objects["Service", "tmc-local", "contour-envoy"]
    service["status"] = {}
    assert set(refused(installed, heard)) == {"acceptance.load-balancer"}


def root_of(installed: Context) -> tuple[str, str, str]:
    """The likeliest cause of a refused acceptance: its name, the system that is blamed, the answer to change."""
    with pytest.raises(InstallerError) as caught:
        of("acceptance").run(installed)
    found = diagnosing.explain(installed, of("acceptance"), caught.value)
    assert found is not None
    cause = found.matches[0].cause
    return cause.name, cause.owner, cause.answer


def test_a_load_balancer_that_answers_503_is_blamed_and_not_the_provider(
    installed: Context, heard: Heard, edge: Edge, ca: PracticeCA
) -> None:
    for name in RELEASE.public_names(ZONE):
        issued = ca.issue([name])
        edge.publish(name, issued.chain_pem, issued.key_pem, {"": lambda _query: Reply(503, b"no backend")})
    bad = refused(installed, heard)
    assert "no healthy server" in str(Text.from_json(bad["acceptance.console"]["message"]))
    assert not [wait for wait in heard.waits if "acceptance.console" in wait and "503" not in wait]
    assert root_of(installed) == ("acceptance.server", "services", "")


def test_a_provider_that_is_down_is_blamed_itself(installed: Context, idp: IdentityServer) -> None:
    idp.stop()
    assert root_of(installed) == ("acceptance.provider", "identity", "identity.issuer_url")


def test_a_name_that_leads_elsewhere_is_blamed_on_dns(installed: Context, dns: DnsServer) -> None:
    dns.set(f"s3.{ZONE}", "192.0.2.1")
    assert root_of(installed) == ("acceptance.name", "dns", "dns.zone")


def test_values_that_somebody_overwrote_meanwhile_are_not_done(
    installed: Context, heard: Heard, cluster: MemoryCluster
) -> None:
    name = "tanzu-mission-control-tmc-local-values"
    secret = cluster.find("v1", "Secret", name, "tmc-local")
    assert secret is not None
    entry = {"manager": "kubectl-edit", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:data": {}}}
    metadata = {**secret["metadata"], "managedFields": [entry]}
    cluster.put({**secret, "metadata": metadata, "data": {"values.yaml": base64.b64encode(b"dnsZone: other").decode()}})
    bad = refused(installed, heard)
    assert set(bad) == {"acceptance.unchanged"}
    assert "kubectl-edit" in str(Text.from_json(bad["acceptance.unchanged"]["remedy"]))
    assert name in bad["acceptance.unchanged"]["value"]
    of("package-install").run(installed)
    of("acceptance").run(installed)
