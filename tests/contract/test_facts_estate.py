"""The whole catalogue on the healthy practice estate, with the answers its customer gives: no false alarm anywhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from installer_tasks import answer_keys, saved_answers
from installer_tasks.preflight import checks, collecting, findings
from installer_tasks.preflight.checks.base import Level
from installer_tasks.preflight.state import load
from installer_tasks.rehearsal.bundle import SMALL
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from tests.contract.looks import Look, all_of, look_at
from tests.waiting import joined


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with Estate(tmp_path_factory.mktemp("estate"), pace=Pace.INSTANT, scale=SMALL) as running:
        yield running


def test_nothing_on_the_healthy_estate_raises_anything(estate: Estate) -> None:
    answers = estate.answers()
    levels = {name: level for system in answer_keys.STEPS for name, level in look_at(system, answers).levels.items()}
    assert levels == {check.name: "pass" for check in checks.applying(answers)}


def test_systems_may_be_looked_at_at_the_same_time(estate: Estate) -> None:
    answers, looks = estate.answers(), dict[str, Look]()

    def look(system: str) -> None:
        looks[system] = look_at(system, answers)

    threads = [threading.Thread(target=look, args=(system,), daemon=True) for system in answer_keys.STEPS]
    for thread in threads:
        thread.start()
    for thread in threads:
        joined(thread)
    for system in answer_keys.STEPS:
        assert looks[system].levels == all_of(system, "pass")


def test_the_reader_of_the_estate_is_one_red_line(estate: Estate) -> None:
    answers = estate.answers() | {"cluster.kubeconfig": estate.kubeconfig("read-only")}
    look = look_at("cluster", answers, hidden=(estate.passwords.kube_reader,))
    assert [name for name, level in look.levels.items() if level == "fail"] == ["cluster.rights"]


@pytest.mark.django_db
def test_kept_findings_block_nothing_and_hold_no_secret(estate: Estate) -> None:
    answers = estate.answers()
    installation = saved_answers.create_installation("practice")
    saved_answers.save_answers(installation, answers)
    assert collecting.collect_and_judge_all(installation.pk) == []
    kept = [row.facts for row in installation.observations.all()]
    kept += [row.verdict for row in installation.findings.all()]
    assert len(kept) == len(answer_keys.STEPS) + len(checks.applying(answers))
    shown = json.dumps(kept)
    secrets = [answers[key] for key in answer_keys.SECRETS if answers.get(key)]
    assert len(secrets) >= 4
    assert not [secret for secret in (*secrets, estate.passwords.kube_admin) if secret in shown]


@pytest.mark.django_db
def test_a_wrong_answer_blocks_the_run_until_it_is_mended(estate: Estate) -> None:
    answers = estate.answers()
    installation = saved_answers.create_installation("practice")
    saved_answers.save_answers(installation, answers | {"registry.password": "canary-wrong"})
    red = collecting.collect_and_judge_all(installation.pk)
    untouched = {"registry.reachable", "registry.certificate"}
    assert set(red) == {check.name for check in checks.of_system("registry")} - untouched
    saved_answers.save_answers(installation, {"registry.password": answers["registry.password"]})
    stale = {item.name for item in findings.of_step(load(installation), "registry") if item.level is Level.STALE}
    assert stale == set(red)
    collecting.collect_and_judge(installation.pk, "registry")
    assert findings.blocking(load(installation)) == []
