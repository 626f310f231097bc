"""Every value that no step asks for, set to another than its default, arrives in the Secret as it was set."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from installer_tasks import answer_keys, releases
from installer_tasks.plan import Plan
from installer_tasks.releases import settings
from installer_tasks.releases.settings import Setting
from installer_tasks.systems.cluster import carvel
from tests.answers import ANSWERS

#: What YAML readers take for a number, a truth or a date.
ODD = ("1e3", "0o17", "007", "yes", " x ", "2026-11-30", "a: b")


def other(setting: Setting, number: int) -> Any:
    text = ODD[number % len(ODD)]
    if "enum" in setting.schema:
        return setting.schema["enum"][-1]
    if setting.kind == "array":
        return [text] if setting.schema["items"]["type"] == "string" else [{"name": "A", "value": text}]
    default = setting.schema.get("default", False)
    return {"string": text, "integer": 417, "boolean": not default, "object": {"a.b/c": text}}[setting.kind]


def arrived(plan: Plan) -> Any:
    """The values as the cluster gets them."""
    release = plan.known
    names = carvel.Names(release.install_name, release.namespace)
    objects = carvel.install_objects(names, release.ref_name, release.version, plan.values_yaml(masked=False))
    secret = next(each for each in objects if each["kind"] == "Secret")
    return yaml.safe_load(base64.b64decode(secret["data"]["values.yaml"]))


@pytest.mark.parametrize("start", range(len(ODD)))
@pytest.mark.parametrize("release", releases.RELEASES, ids=releases.known())
def test_every_value_that_no_step_asks_for_arrives(release: releases.Release, start: int) -> None:
    free = [each for each in settings.all_of(release) if not each.source.answer]
    wanted = {each.path: other(each, place) for place, each in enumerate(free, start)}
    own: dict[str, Any] = {}
    for setting in free:
        own = settings.put(own, setting.path, settings.read(setting, settings.shown(wanted[setting.path])))
    kept = {answer_keys.SETTINGS: settings.dumped(own)}
    values = arrived(Plan.from_answers({**ANSWERS, "bundle.release": release.version} | kept))
    assert {path: settings.at(values, path) for path in wanted} == wanted


@pytest.mark.parametrize("odd", ["1e3", "-2E7", "0o17", "1_000", "12345e6"])
def test_what_go_reads_as_a_number_is_quoted(odd: str) -> None:
    """PyYAML writes 1e3 plain, and ytt would then refuse a number where the schema says string."""
    written = Plan.from_answers({**ANSWERS, "services.minio_username": odd}).values_yaml(masked=False)
    assert f"username: '{odd}'" in written
