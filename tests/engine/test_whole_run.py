"""The whole installation in this process, on the practice estate: done, proven, kept, resumed."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from html import unescape
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.urls import reverse

from installer_tasks import saved_answers
from installer_tasks.models import Installation, Run, RunState
from installer_tasks.preflight import collecting, findings
from installer_tasks.preflight.state import load
from installer_tasks.rehearsal.estate import ISSUER, Estate
from installer_tasks.rehearsal.kube import GVR, apply_manifests
from installer_tasks.runs import engine, rows, service, stages
from installer_tasks.runs.journal import verify_chain
from installer_tasks.systems.bundle import read_release_bundle
from installer_tasks.systems.registry import Reference, verify
from installer_tasks.text import Text
from tests.contract.docker_registry import docker_registry
from tests.engine.made import codes
from tests.faults.whole import SLUGS, arrived, blobs_of, carried_out, proven, small_estate, stage_states
from tests.waiting import joined, until
from wizard.documents.handover import handover

pytestmark = pytest.mark.django_db(transaction=True)
TITLES = tuple(stage.title for stage in stages.STAGES)
ISSUERS = GVR("cert-manager.io", "v1", "clusterissuers")


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with small_estate(tmp_path / "estate") as running:
        yield running


def install(installation: Installation) -> Run:
    return carried_out(service.start(installation))


def assert_done(run: Run, estate: Estate) -> None:
    """Succeeded, told completely, and proven from outside."""
    assert (run.state, run.error) == (RunState.SUCCEEDED, None)
    assert run.finished_at is not None and run.lease_until is None
    assert verify_chain(run) is None
    assert codes(run)[-1] == "run.succeeded"
    proofs = {found["name"]: found["level"] for found in run.stages.get(slug="acceptance").progress["findings"]}
    # The release signs its landing page with an authority of its own.
    assert {name: level for name, level in proofs.items() if level != "pass"} == {"acceptance.landing-trust": "warn"}
    public = estate.release.public_names(estate.zone)
    assert sum(name.startswith("acceptance.tls.") for name in proofs) == len(public) >= 10
    assert {"acceptance.packages", "acceptance.images", "acceptance.console", "acceptance.sign-in"} <= set(proofs)
    assert set(estate.edge.published) == set(public)


def assert_read_in_chinese(run: Run) -> None:
    """Made in English, and every line of it read in Chinese."""
    reader = Client(headers={"Accept-Language": "zh-CN"})
    reader.force_login(User.objects.create_superuser("li"))
    log = reader.get(reverse("log-download", args=[run.installation_id, run.attempt])).content.decode()
    lines = [line for line in log.splitlines() if not line.startswith(" ")]
    assert len(lines) == run.events.count()
    assert not [line for line in lines if not re.search("[\u4e00-\u9fff]", line)]
    for page in ("run", "done", "review"):
        html = reader.get(reverse(page, args=[run.installation_id])).content.decode()
        assert 'lang="zh-hans"' in html
        assert not {title for title in TITLES if f">{title}<" in html}


def assert_handed_over(run: Run, estate: Estate) -> None:
    """With nothing that the run has not seen, and without its secrets."""
    document = handover(load(run.installation))
    assert document is not None
    assert [name.name for name in document.names] == list(estate.release.public_names(estate.zone))
    assert all(name.addresses and name.issuer and name.until for name in document.names)
    (authority,) = {ending.what for ending in document.endings if ending.what.startswith("CN=")}
    assert authority in {name.issuer for name in document.names}
    (attempt,) = document.attempts
    assert (attempt.events, attempt.whole) == (run.last_seq, True)
    reader = Client()
    reader.force_login(User.objects.create_superuser("bo"))
    html = unescape(reader.get(reverse("handover-file", args=[run.installation_id])).content.decode())
    assert not [secret for secret in rows.frozen_plan(run).secret_values() if secret in html]
    assert all(package.name in html for package in estate.release.packages)


def test_everything_is_installed_and_proven(estate: Estate) -> None:
    run = install(proven(estate))
    assert_done(run, estate)
    assert stage_states(run) == {
        **dict.fromkeys(SLUGS, "succeeded"),
        "registry-project": "kept",  # the customer's project was there
    }
    push = run.stages.get(slug="push-images").progress
    assert push["bytes_sent"] == push["bytes_total"] == sum(blobs_of(estate).values())
    assert push["images_done"] == push["images_total"] == read_release_bundle(estate.bundle).image_count
    assert arrived(estate) == dict.fromkeys(blobs_of(estate), 1)
    packages = run.stages.get(slug="packages-and-pods").progress
    assert {package["state"] for package in packages["packages"]} == {"succeeded"}
    assert packages["pods_running"] == packages["pods_total"] > 0
    assert_read_in_chinese(run)
    assert_handed_over(run, estate)


def test_people_may_sign_in_with_a_directory(estate: Estate) -> None:
    answers = {key.replace(".", "__"): value for key, value in estate.directory_answers().items()}
    installation = proven(estate, **answers)
    run = install(installation)
    assert_done(run, estate)
    (told,) = [
        found
        for found in run.stages.get(slug="acceptance").progress["findings"]
        if found["name"] == "acceptance.sign-in"
    ]
    assert told["evidence"]["hops"][-1].partition("?")[0].endswith("/provider/pinniped/login")


def test_the_vendors_program_may_push(estate: Estate) -> None:
    program = estate.bundle / "tmc-sm"  # one that tells more than it should
    program.write_text(program.read_text().replace("set -eu\n", 'set -eu\necho "as $HARBOR_PASSWORD"\n'))
    run = install(proven(estate, bundle__engine="vendor", bundle__archive="", bundle__checksum=""))
    assert_done(run, estate)
    push = run.stages.get(slug="push-images").progress
    assert push["images_done"] == push["images_total"] == read_release_bundle(estate.bundle).image_count
    said = run.events.filter(code="push.vendor-says").values_list("text", flat=True)
    assert "Image Staging Complete. Next Steps:" in said
    assert [line for line in said if line.startswith("as ")]
    assert not [secret for secret in rows.frozen_plan(run).secret_values() if secret in " ".join(said)]


def test_a_second_run_keeps_what_is_there(estate: Estate) -> None:
    installation = proven(estate)
    install(installation)
    sent = arrived(estate)
    writes = len([one for one in estate.registry.requests if one.method in ("PUT", "PATCH")])
    again = install(installation)
    assert_done(again, estate)
    looked_at = {"preflight", "certificate-issuer", "acceptance"}  # proofs are given anew
    assert stage_states(again) == {slug: "succeeded" if slug in looked_at else "kept" for slug in SLUGS}
    assert arrived(estate) == sent
    blobs_and_manifests = [one for one in estate.registry.requests if one.method in ("PUT", "PATCH")][writes:]
    trial = [one for one in blobs_and_manifests if "installer" in one.path]
    assert blobs_and_manifests == trial, "only the push check's own trial may write"


@pytest.mark.docker_registry
@pytest.mark.program("docker-registry")
def test_the_images_go_into_a_registry_of_debian_too(estate: Estate, tmp_path: Path) -> None:
    """The practice cluster cannot pull from there; up to the push it is the same run."""
    with docker_registry(tmp_path / "registry", tls=True) as registry:
        changes = {
            "registry__project": f"{registry.host}/tmc",
            "registry__ca": registry.ca_pem or "",
        }
        run = service.start(proven(estate, **changes))
        until_push = tuple(stage for stage in stages.STAGES if SLUGS.index(stage.slug) <= SLUGS.index("push-images"))
        assert engine.carry_out(run.pk, stages=until_push, backoff=()) is engine.Ending.FINAL
        run.refresh_from_db()
        assert run.state == RunState.SUCCEEDED, run.error
        with closing(registry.client()) as client:
            found = verify(read_release_bundle(estate.bundle), Reference.parse(f"{registry.host}/tmc"), client)
        assert found.is_complete and found.images > 50
        put = [line for line in registry.requests() if line.startswith("PUT") and "/manifests/" in line]
        assert put and all(line.endswith(" 201") for line in put)
    assert arrived(estate) == {}


def rotate_password(estate: Estate) -> str:
    """What happens at customers: the robot's secret is renewed, and nobody tells the installer."""
    name = estate.answers()["registry.username"]
    renewed = dataclasses.replace(estate.registry.users[name], password="renewed-by-its-owner")
    estate.registry.users[name] = renewed
    return renewed.password


def test_a_wrong_password_is_named_and_after_its_correction_resume_ends_well(estate: Estate) -> None:
    installation = proven(estate)
    password = rotate_password(estate)
    failed = install(installation)
    assert failed.state == RunState.FAILED and failed.error is not None
    assert stage_states(failed) == {**dict.fromkeys(SLUGS, "waiting"), "preflight": "failed"}
    assert "registry.credentials" in failed.error["value"]
    assert Text.from_json(failed.error["cause"]) and Text.from_json(failed.error["remedy"])
    told = next(
        item for item in findings.of_step(load(installation), "registry") if item.name == "registry.credentials"
    )
    assert told.sentence("message") and told.sentence("remedy")
    assert verify_chain(failed) is None

    saved_answers.save_answers(installation, {"registry.password": password})
    collecting.collect_and_judge(installation.pk, "registry")
    resumed = carried_out(service.resume(installation))
    assert resumed.attempt == failed.attempt + 1
    assert_done(resumed, estate)


def test_without_preflight_the_stage_itself_names_the_password(estate: Estate) -> None:
    run = service.start(proven(estate))
    rotate_password(estate)
    assert engine.carry_out(run.pk, stages=stages.STAGES[1:], backoff=()) is engine.Ending.FINAL
    run.refresh_from_db()
    assert run.state == RunState.FAILED and run.error is not None
    assert (run.error["code"], run.error["retry"]) == ("registry-unauthorized", False)
    assert run.error["value"]
    assert str(Text.from_json(run.error["cause"])) and str(Text.from_json(run.error["remedy"]))
    assert stage_states(run)["registry-project"] == "failed"


def test_a_corrected_answer_repeats_only_what_reads_it(estate: Estate) -> None:
    """While the images are pushed somebody replaces the issuer by another one."""
    estate.registry.set_rate_limit(300_000)
    installation = proven(estate)
    run = service.start(installation)
    with at_work(run) as worker:
        until(lambda: len(arrived(estate)) > 10)
        rename_issuer(estate, "new-issuer")
        estate.registry.set_rate_limit(None)
        joined(worker)
    run.refresh_from_db()
    assert run.state == RunState.FAILED and run.error is not None
    assert (run.error["code"], stage_states(run)["certificate-issuer"]) == ("kubernetes-missing", "failed")
    assert ISSUER in run.error["value"] + str(Text.from_json(run.error["cause"]))
    sent = arrived(estate)

    saved_answers.save_answers(installation, {"certificates.cluster_issuer": "new-issuer"})
    for system in ("cluster", "certificates"):
        collecting.collect_and_judge(installation.pk, system)
    assert findings.blocking(load(installation)) == []
    untouched = {"registry-project", "push-images", "namespace-and-trust"}
    assert set(service.stages_to_repeat(load(installation))) == set(SLUGS) - untouched
    resumed = carried_out(service.resume(installation))
    assert_done(resumed, estate)
    assert {slug for slug, state in stage_states(resumed).items() if state == "kept"} == untouched
    assert arrived(estate) == sent


def test_a_run_cancelled_in_the_push_goes_on_where_it_stood(estate: Estate) -> None:
    estate.registry.set_rate_limit(150_000)
    run = service.start(proven(estate))
    with at_work(run) as worker:
        until(lambda: len(arrived(estate)) > 20)
        assert service.cancel(run)
        joined(worker)
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert stage_states(run)["push-images"] == "cancelled"
    assert verify_chain(run) is None
    before = arrived(estate)
    assert 20 <= len(before) < len(blobs_of(estate)), "nothing was interrupted"

    estate.registry.set_rate_limit(None)
    resumed = carried_out(service.resume(run.installation))
    assert_done(resumed, estate)
    assert arrived(estate) == dict.fromkeys(blobs_of(estate), 1)


def test_a_run_cancelled_before_a_worker_came_is_over_at_once(estate: Estate) -> None:
    run = service.start(proven(estate))
    service.cancel(run)
    assert run.state == RunState.CANCELLED
    assert engine.carry_out(run.pk) is engine.Ending.BUSY
    assert_done(carried_out(service.resume(run.installation)), estate)


@contextmanager
def at_work(run: Run) -> Iterator[threading.Thread]:
    """Somebody carries it out meanwhile."""

    def work() -> None:
        try:
            engine.carry_out(run.pk, backoff=())
        finally:
            connections.close_all()

    worker = threading.Thread(target=work, name="worker", daemon=True)
    worker.start()
    try:
        yield worker
    finally:
        joined(worker)


def rename_issuer(estate: Estate, name: str) -> None:
    old = estate.store.get(ISSUERS, "", ISSUER)
    assert old is not None
    apply_manifests(
        estate.store, [{**{key: old[key] for key in ("apiVersion", "kind", "spec")}, "metadata": {"name": name}}]
    )
    estate.store.delete(ISSUERS, "", ISSUER)
