"""Each release against what the sources say of it, written down here once more by hand (facts 0.3, 5.2, 7, 8.3, 14).

A row that is copied from its neighbour fails: the versions that sources name, what nobody names, and what a release
takes or signs differ from one release to the next.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from installer_tasks import answer_keys, releases
from installer_tasks.plan import Plan
from installer_tasks.releases import words
from installer_tasks.releases.model import order
from installer_tasks.releases.values import dotted, required
from installer_tasks.runs import stages
from tests.answers import ANSWERS, WITH_DIRECTORY

#: By release: the versions of the packages that a source names, in the order of PACKAGES; "" where none does.
PACKAGES = (
    "contour", "kafka", "kafka-topic-controller", "minio", "tmc-local-monitoring", "pinniped",
    "postgres-endpoint-controller", "s3-access-operator", "postgres", "redis", "reloader-reloader", "tmc-local-stack",
)  # fmt: skip
VERSIONS = {
    "1.0.0": "12.1.0 22.1.3 0.0.21 12.6.4 0.0.13 1.2.1 0.1.43 0.1.22 0.0.46 - - 0.0.17161",
    "1.0.1": "12.2.6 23.0.7 0.0.22 12.6.12 0.0.14 1.2.8 0.1.47 0.1.24 0.0.67 - - 0.0.21880",
    "1.1.0": "? ? ? ? ? ? ? ? ? - - ?",
    "1.2.0": "15.5.4 26.8.6 0.0.30 13.5.2 0.0.18 1.10.2 0.1.57 0.1.31 0.0.135 18.16.2 - 0.0.24011",
    "1.3.0": "? ? ? ? ? ? ? ? ? ? - ?",
    "1.4.0": "? ? ? ? ? ? ? ? ? ? - ?",
    "1.4.1": "18.2.19 28.3.2 0.0.33 14.6.8 0.0.22 2.3.1 0.1.72 0.1.36 0.0.138 19.5.15 1.0.107 0.1.1865088",
    "1.4.2": "? ? ? ? ? ? ? ? ? ? ? ?",
    "1.4.3": "? ? ? ? ? ? ? ? ? ? ? ?",
    "1.4.4": "19.3.2 ? ? ? ? ? ? ? ? ? ? 0.1.3839058",
    "1.4.5": "19.3.2 ? ? ? ? ? ? ? ? ? ? 0.1.8751591",
}
#: The first release that takes a value (facts 7.3, 7.4), and the last one.
SINCE = {
    "size": "1.1.0", "authenticationType": "1.1.0", "idpGroupRoles.admin": "1.1.0", "ldap.host": "1.1.0",
    "ldap.userSearchAttributeUsername": "1.2.0", "oidc.authorizationScopes": "1.3.0", "oidc.claimGroups": "1.3.0",
    "createNamespace": "1.4.0", "serverTLS.clusterIssuer.name": "1.4.2", "redis.password": "1.4.2",
    "storageClass": "1.4.2", "kafka.controllerExtraConfig.logRetentionHours": "1.4.2", "prometheus.retention": "1.4.2",
}  # fmt: skip
ONLY = {"certificateImport": ("1.2.0", "1.4.1"), "tanzuStandard.imageRegistry": ("1.2.0", "1.4.1"),
        "clusterIssuer": ("1.0.0", "1.4.1")}  # fmt: skip
ALWAYS = {
    "harborProject", "dnsZone", "oidc.issuerURL", "oidc.clientSecret", "postgres.userPassword", "minio.username",
    "minio.password", "contourEnvoy.serviceType", "contourEnvoy.serviceAnnotations", "trustedCAs", "telemetry.ceipOptIn",
    "postgres.maxConnections", "alertmanager.criticalAlertReceiver", "prometheusVolumeSize",
}  # fmt: skip
#: What only one release, or the ones beside it, is known for.
CLUSTERS = {
    "1.0.0": ("v1.24.9", "1.10.2"), "1.0.1": ("v1.24.9", "1.10.2"), "1.1.0": ("v1.26.5", "1.12.2"),
    "1.2.0": ("v1.26.13", "1.12.2"), "1.3.0": ("v1.26.13", "1.12.2"), "1.4.0": ("v1.30.2", "1.12.10"),
    "1.4.1": ("v1.30.2", "1.12.10"), "1.4.2": ("v1.30.2", "1.12.10"), "1.4.3": ("v1.30.2", "1.12.10"),
    "1.4.4": ("v1.33.6", "1.12.10"), "1.4.5": ("v1.33.6", "1.12.10"),
}  # fmt: skip
TRAPS = {
    "1.0.0": {"fixed-groups"}, "1.0.1": {"fixed-groups"}, "1.1.0": {"directory-email", "cookie-size"},
    "1.2.0": {"cookie-size"}, "1.3.0": {"cookie-size"}, "1.4.0": {"cookie-size"}, "1.4.1": {"cookie-size"},
    "1.4.2": {"cookie-size"}, "1.4.3": {"double-packages"}, "1.4.4": {"standard-tag"},
    "1.4.5": {"landing-authority", "standard-tag", "no-upgrade-at-ceiling"},
}  # fmt: skip
SIX = {
    "auth-manager-server-tls", "landing-service-server-tls", "minio-tls", "pinniped-supervisor-server-tls", "stack-tls",
    "tenancy-service-server-tls",
}  # fmt: skip
FOUR = SIX - {"landing-service-server-tls", "tenancy-service-server-tls"}
TWELVE = {
    "", "alertmanager", "auth", "blob", "console.s3", "gts-rest", "gts", "landing", "pinniped-supervisor", "prometheus",
    "s3", "tmc-local.s3",
}  # fmt: skip


def problems(release: releases.Release) -> list[str]:
    """What of this row contradicts the sources."""
    version = release.version
    return [
        name
        for name, right in {
            "versions of packages": _versions(release) == VERSIONS[version],
            "stack, its secrets and support": len(
                {each.version for each in release.packages if each.name.startswith("tmc-local-s")}
            ) == 1,
            "packages": len(release.packages) == (12 if order(version) < (1, 2) else 13 if order(version) < (1, 4, 1) else 14),
            "values": _values(release) == set(),
            "cluster": (release.seen, release.cert_manager[1]) == CLUSTERS[version],
            "Kubernetes": _kubernetes(release),
            "certificates": {each.name for each in release.operator_certificates} == (FOUR if version == "1.4.5" else SIX),
            "names": set(release.hosts) == TWELVE and len(release.hosts) == 12,
            "traps": set(release.traps) - {"public-project"} == TRAPS[version],
            "thin": ("versions" in release.thin) == ("?" in VERSIONS[version]),
            "thin values": ("values" in release.thin) == (order(version) >= (1, 4, 2)),
            "download": all(version.removesuffix(".0") in name for name in release.downloads),
            "no download": bool(release.downloads) != ("downloads" in release.thin),
        }.items()
        if not right
    ]  # fmt: skip


def _versions(release: releases.Release) -> str:
    found = {package.name: package.version or "?" for package in release.packages}
    return " ".join(found.get(name, "-") for name in PACKAGES)


def _values(release: releases.Release) -> set[str]:
    """Keys that are there and should not be, or the other way round."""
    names = {name for name, _schema in dotted(release.values_schema)}
    here = order(release.version)
    wrong = {name for name, first in SINCE.items() if (name in names) != (here >= order(first))}
    wrong |= {name for name, (first, last) in ONLY.items() if (name in names) != (order(first) <= here <= order(last))}
    return wrong | (ALWAYS - names)


def _kubernetes(release: releases.Release) -> bool:
    """It ran on what it was seen on; from 1.4.3 on nothing below 1.30, and only 1.4.5 was seen up to 1.36."""
    low, high = map(order, release.kubernetes)
    from_1_4_3 = order(release.version) >= (1, 4, 3)
    return (
        low <= order(release.seen)[:2] <= high
        and (low == (1, 30)) == from_1_4_3
        and (high == (1, 36)) == (release.version == "1.4.5")
    )


@pytest.mark.parametrize("release", releases.RELEASES, ids=releases.known())
def test_a_release_is_what_the_sources_say(release: releases.Release) -> None:
    assert problems(release) == []


def test_every_release_is_carried() -> None:
    assert releases.known() == tuple(VERSIONS)
    assert list(releases.known()) == sorted(releases.known(), key=order)


@pytest.mark.parametrize("release", releases.RELEASES, ids=releases.known())
@pytest.mark.parametrize("number", releases.known())
def test_a_copy_of_one_release_under_another_number_is_found_out(release: releases.Release, number: str) -> None:
    copied = dataclasses.replace(release, version=number)
    assert bool(problems(copied)) == (number != release.version)


@pytest.mark.parametrize("release", releases.RELEASES, ids=releases.known())
@pytest.mark.parametrize("answers", [ANSWERS, WITH_DIRECTORY], ids=["provider", "directory"])
def test_the_values_of_a_release_fit_its_schema(release: releases.Release, answers: Mapping[str, str]) -> None:
    told = {**ANSWERS, **answers, "bundle.release": release.version}
    plan = Plan.from_answers(told)
    assert plan.schema_errors() == ()
    values = plan.values()
    assert "" not in {value for _name, value in _leaves(values)}
    missing = [name for name in required(release.values_schema) if not _at(values, name)]
    assert missing == []
    assert values["postgres"]["userPassword"] == ANSWERS["services.postgres_password"]
    assert ("ldap" in values) == (answers is WITH_DIRECTORY and release.version not in ("1.0.0", "1.0.1"))
    issuer = values["serverTLS"]["clusterIssuer"]["name"] if "serverTLS" in values else values["clusterIssuer"]
    assert issuer == ANSWERS["certificates.cluster_issuer"]


def _leaves(values: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in values.items():
        found += _leaves(value, f"{above}{key}.") if isinstance(value, dict) else [(f"{above}{key}", str(value))]
    return found


def _at(values: Mapping[str, Any], name: str) -> Any:
    for part in name.split("."):
        values = values.get(part, {})
    return values


@pytest.mark.parametrize("release", releases.RELEASES, ids=releases.known())
def test_a_schema_is_one_and_what_feeds_it_exists(release: releases.Release) -> None:
    jsonschema.Draft7Validator.check_schema(release.values_schema)
    names = {name for name, _schema in dotted(release.values_schema)}
    assert set(release.sources) <= names
    assert {source.answer for source in release.sources.values()} - {""} <= set(answer_keys.BY_NAME)
    assert "x-" not in str(release.values_schema)


@pytest.mark.parametrize("release", releases.RELEASES, ids=releases.known())
def test_a_release_speaks_in_words_that_exist(release: releases.Release) -> None:
    assert set(release.traps) <= set(words.TRAPS)
    assert set(release.thin) <= set(words.THIN)
    assert [stage.slug for stage in stages.of_kind("install", release)] == list(release.stages)
    assert release.ingress in {workload.name for package in release.packages for workload in package.workloads}
    assert {each.package for each in release.certificates} <= {package.name for package in release.packages}


def test_every_trap_and_gap_is_one_of_some_release() -> None:
    assert {trap for release in releases.RELEASES for trap in release.traps} == set(words.TRAPS)
    assert {gap for release in releases.RELEASES for gap in release.thin} == set(words.THIN)


def test_what_a_release_does_not_take_is_not_asked_for() -> None:
    first = {"bundle.release": "1.0.0", "identity.kind": "ldap", "identity.groups_claim": "roles"}
    asked = {key.name for key in answer_keys.KEYS if answer_keys.applies(key, first)}
    assert not asked & {"identity.kind", "identity.ldap_host", "services.size", "services.redis_password"}
    assert answer_keys.kind_of(first) == answer_keys.FEDERATED
    assert answer_keys.with_defaults(first)["identity.groups_claim"] == "groups", "1.0.0 reads the claim groups alone"
    newest = {"bundle.release": "1.4.5"}
    assert answer_keys.applies(answer_keys.BY_NAME["services.redis_password"], newest)
    assert not answer_keys.applies(answer_keys.BY_NAME["services.redis_password"], {"bundle.release": "1.4.1"})


@pytest.mark.parametrize("release", releases.RELEASES, ids=releases.known())
def test_the_guide_says_of_a_release_what_is_known(release: releases.Release) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
    row = next(line for line in guide.splitlines() if line.startswith(f"| {release.version} |"))
    kubernetes, manager = " to ".join(release.kubernetes), " to ".join(release.cert_manager)
    thin = ", ".join(words.THIN[code] for code in release.thin) or "–"
    signed = len(release.operator_certificates)
    assert row == f"| {release.version} | {kubernetes} | {manager} | {len(release.packages)} | {signed} | {thin} |"
