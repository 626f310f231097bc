"""A release that is not in the table: read from its download, mapped by key, and what it requires more is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from installer_tasks import answer_keys, releases
from installer_tasks.errors import InputError
from installer_tasks.plan import Plan
from installer_tasks.preflight.checks import BY_NAME
from installer_tasks.preflight.checks.base import Facts, Level, judge
from installer_tasks.preflight.facts import bundle_parts
from installer_tasks.rehearsal import releases as practice
from installer_tasks.rehearsal.bundle import SMALL, make_bundle
from installer_tasks.releases import described, settings
from installer_tasks.systems.bundle import read_release_bundle
from tests.answers import ANSWERS

NEW = practice.INVENTED
SET = {answer_keys.SETTINGS: settings.dumped(settings.put({}, practice.INVENTED_SETTING, "tmc-audit"))}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("download") / "tmc"
    return bundle_parts.packages(read_release_bundle(make_bundle(folder, NEW, scale=SMALL)))


@pytest.fixture
def answers(packages: dict[str, Any]) -> dict[str, str]:
    return {**ANSWERS, "bundle.release": NEW, answer_keys.DESCRIBED: packages["described"]}


def test_it_is_taken_from_its_download(answers: dict[str, str]) -> None:
    assert NEW not in releases.known()
    release, near = releases.chosen(answers), releases.RELEASES[-1]
    assert (release.version, release.near) == (NEW, near.version)
    assert release.values_schema == practice.get(NEW).values_schema
    assert set(near.sources) - set(release.sources) == set()
    assert release.repository_image("h/p") == f"h/p/package-repository:{NEW}"
    assert [each.name for each in release.packages] == [each.name for each in near.packages]
    found = described.differences(release, near)
    assert (found.new, found.removed) == (("auditArchive", "auditArchive.bucketName"), (practice.REMOVED,))


def test_without_its_download_it_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        Plan.from_answers({**ANSWERS, "bundle.release": NEW})
    assert caught.value.code == "release-unknown"


def test_what_it_requires_more_is_missing_until_it_is_set(answers: dict[str, str]) -> None:
    assert Plan.from_answers(answers).missing_values() == (practice.INVENTED_SETTING,)
    plan = Plan.from_answers(answers | SET)
    assert (plan.missing_values(), plan.schema_errors()) == ((), ())
    values = plan.values()
    assert values["auditArchive"] == {"bucketName": "tmc-audit"}
    assert values["redis"]["password"] == ANSWERS["services.redis_password"], "known answers go to their keys"
    assert practice.REMOVED not in values


def test_the_checks_say_that_it_is_not_known_and_what_differs(packages: dict[str, Any]) -> None:
    observed = {"contents": {"ok": True, "value": {"release": NEW}}, "packages": {"ok": True, "value": packages}}
    facts = Facts({"bundle": observed}, answer_keys.with_defaults({**ANSWERS, "bundle.release": NEW}))
    known = judge(BY_NAME["bundle.release-known"], facts, frozenset())
    assert (known.level, str(known.message)) == (Level.WARN, f"This installer does not know release {NEW}.")
    values = judge(BY_NAME["bundle.values-known"], facts, frozenset())
    assert values.level is Level.WARN
    assert values.evidence["required"] == ["auditArchive.bucketName"]
    assert values.evidence["removed"] == [practice.REMOVED]
    assert judge(BY_NAME["bundle.packages"], facts, frozenset()).level is Level.PASS


def test_a_release_without_a_schema_is_not_supported(packages: dict[str, Any]) -> None:
    observed = {"contents": {"ok": True, "value": {"release": NEW}},
                "packages": {"ok": True, "value": {**packages, "described": ""}}}  # fmt: skip
    facts = Facts({"bundle": observed}, answer_keys.with_defaults({**ANSWERS, "bundle.release": NEW}))
    assert judge(BY_NAME["bundle.release-known"], facts, frozenset()).level is Level.FAIL


@pytest.mark.parametrize("schema", [None, "x", [], {}, {"properties": []}, {"type": 5, "properties": {}}])
def test_what_is_no_schema_describes_nothing(schema: Any) -> None:
    assert described.write(NEW, (), schema) == ""


def test_a_schema_that_repeats_itself_without_end_describes_nothing() -> None:
    itself: dict[str, Any] = {"type": "object", "properties": {}}
    itself["properties"]["again"] = itself
    wide: Any = {"type": "string"}
    for _ in range(20):
        wide = {"type": "object", "properties": dict.fromkeys("abcdefghij", wide)}
    assert described.write(NEW, (), itself) == ""
    assert described.write(NEW, (), wide) == ""


def test_a_reference_is_not_followed() -> None:
    far = {"type": "object", "properties": {"a": {"$ref": "https://elsewhere.example.com/schema"}}}
    assert described.usable(far) == {"type": "object", "properties": {"a": {}}}


@pytest.mark.parametrize(
    ("version", "near"),
    [("1.5.0", "1.4.5"), ("1.4.10", "1.4.5"), ("1.3.1", "1.3.0"), ("0.9.0", "1.0.0"), ("2.0", "1.4.5"), ("x", "1.4.5")],
)
def test_the_nearest_release(version: str, near: str) -> None:
    assert releases.nearest(version).version == near


def test_a_key_with_a_dot_in_it_is_one_key() -> None:
    tree = settings.put({}, ("serverTLS", "caSecret", "tls.key"), "k")
    assert tree == {"serverTLS": {"caSecret": {"tls.key": "k"}}}
    assert settings.at(tree, ("serverTLS", "caSecret", "tls.key")) == "k"
    assert settings.without(tree, ("serverTLS", "caSecret", "tls.key")) == {}


def test_a_secret_among_the_settings_is_hidden() -> None:
    own = {"alertmanager": {"criticalAlertReceiver": {"slack_configs": [{"api_url": "https://hooks.example.com/T0"}]}}}
    plan = Plan.from_answers({**ANSWERS, answer_keys.SETTINGS: settings.dumped(own)})
    assert "https://hooks.example.com/T0" in plan.secret_values()
    assert "hooks.example.com" not in plan.values_yaml(masked=True)
    assert "hooks.example.com" in plan.values_yaml(masked=False)
