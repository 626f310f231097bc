"""The practice bundle and cluster of each generation: made for the chosen release, and read back as that one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from installer_tasks.plan import Plan
from installer_tasks.preflight.facts import bundle_parts
from installer_tasks.rehearsal import releases
from installer_tasks.rehearsal.bundle import SMALL, make_bundle
from installer_tasks.rehearsal.controllers import catalogue
from installer_tasks.systems.bundle import read_release_bundle
from installer_tasks.systems.cluster import carvel
from tests.answers import ANSWERS

PRACTISED = ("1.0.0", "1.2.0", "1.4.1", "1.4.5")


@pytest.mark.parametrize("version", PRACTISED)
def test_the_bundle_of_a_release_is_read_back_as_that_release(version: str, tmp_path: Path) -> None:
    found = read_release_bundle(make_bundle(tmp_path / "tmc", version, scale=SMALL))
    release = releases.get(version)
    assert (found.version, found.layout) == (version, release.layout)
    assert found.program is not None and found.program.name == "tmc-sm"
    told = bundle_parts.packages(found)["versions"]
    assert told == {package.ref_name: [package.version] for package in release.packages} | {release.ref_name: [version]}


def test_no_two_releases_share_a_made_up_version() -> None:
    made_up = [
        {
            (package.ref_name, package.version)
            for package in releases.get(version).packages
            if "0.0.1" in package.version
        }
        for version in ("1.1.0", "1.3.0", "1.4.0", "1.4.2", "1.4.3")
    ]
    assert all(made_up)
    assert len(set.union(*made_up)) == sum(map(len, made_up))


@pytest.mark.parametrize("version", releases.known())
def test_who_signs_the_public_names(version: str) -> None:
    release = releases.get(version)
    values = Plan.from_answers({**ANSWERS, "bundle.release": version}).values()
    objects = [
        obj for package in release.packages for obj in catalogue.child_objects(release, package, "tmc-local", values)
    ]
    signed = {obj["metadata"]["name"]: _signer(obj) for obj in objects if obj["kind"] == "Certificate"}
    operator = {name for name, signer in signed.items() if signer == ("ClusterIssuer", "local-issuer")}
    assert operator == {each.name for each in release.operator_certificates}
    inside = {"landing-service-server-tls", "tenancy-service-server-tls"} if version == "1.4.5" else set()
    assert {name for name, signer in signed.items() if signer == ("Issuer", "dev")} == inside


def _signer(certificate: dict[str, Any]) -> tuple[str, str]:
    reference = certificate["spec"]["issuerRef"]
    return reference["kind"], reference["name"]


@pytest.mark.parametrize("version", PRACTISED)
def test_the_push_command_and_the_objects_of_a_release(version: str) -> None:
    release = releases.get(version)
    assert release.push_arguments("h/p") == ("push-images", "harbor", "--project", "h/p")
    assert release.repository_image("h/p") == f"h/p/package-repository:{version}"
    names = carvel.Names(release.install_name, release.namespace)
    install = carvel.package_install(names, release.ref_name, release.version)
    assert install["spec"]["packageRef"]["refName"] == "tmc.tanzu.vmware.com"
