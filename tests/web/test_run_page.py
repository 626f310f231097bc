"""The page of a run in each of its states."""

from __future__ import annotations

import io
import re
import zipfile
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry, Installation, Run, RunState
from tests.answers import CANARIES
from tests.web.run_rows import PACKAGES, PUSH, SLUGS, a_run, an_installation, sentence, show, write

pytestmark = pytest.mark.django_db

ERROR: dict[str, Any] = {
    "code": "registry-refused",
    "value": "harbor.example.com/tmc",
    "cause": sentence("No line of the page says <%(what)s>.", what="script"),
    "remedy": sentence("Give the robot the right to push."),
    "detail": "UNAUTHORIZED: <b>denied</b>",
    "field": "",
}


@pytest.fixture
def person() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


@pytest.fixture
def installation() -> Installation:
    return an_installation()


def page(client: Client, installation: Installation, name: str = "run", *args: int, **kwargs: Any) -> str:
    reply = client.get(reverse(name, args=[installation.pk, *args]), **kwargs)
    assert reply.status_code == 200
    return reply.content.decode()


def words(html: str) -> str:
    """What a person reads."""
    body = re.sub(r"<head>.*?</head>", "", html, flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def test_a_stranger_is_asked_to_sign_in(client: Client, installation: Installation) -> None:
    a_run(installation, "running", at="push-images")
    for name in ("run", "done"):
        reply = client.get(reverse(name, args=[installation.pk]))
        assert reply.status_code == 302
        assert reply["Location"].startswith(reverse("sign-in"))


def test_nothing_is_found_where_there_is_nothing(person: Client, installation: Installation) -> None:
    a_run(installation, "running", at="push-images")
    for name, args in (
        ("run", [999]),
        ("attempt", [installation.pk, 2]),
        ("log", [installation.pk, 2]),
    ):
        assert person.get(reverse(name, args=args)).status_code == 404


def test_without_a_run_the_review_comes(person: Client, installation: Installation) -> None:
    reply = person.get(reverse("run", args=[installation.pk]))
    assert reply["Location"] == reverse("review", args=[installation.pk])


def test_a_push_is_told_in_a_sentence_and_in_figures(person: Client, installation: Installation) -> None:
    run = a_run(installation, "running", at="push-images")
    show(run, "push-images", progress=PUSH)
    html = page(person, installation)
    read = words(html)
    assert "Pushing the images to the registry" in read
    assert "1.5 MiB of 4.0 MiB" in read  # what is shared is not counted twice
    assert "5 of 12" in read
    assert "1 min 10 s to 3 min 10 s" in read
    assert "293.0 KiB/s" in read
    current = re.findall(r'<li class="run-stage [^>]*aria-current="step">.*?</div>', html, re.S)
    assert len(current) == 1 and "Push the images" in current[0]
    assert len(re.findall(r'class="run-stage ', html)) == len(SLUGS)


def test_a_standstill_is_named(person: Client, installation: Installation) -> None:
    run = a_run(installation, "running", at="push-images")
    stalled = sentence("%(host)s takes nothing.", host="harbor.example.com")
    show(run, "push-images", progress={**PUSH, "stalled": stalled})
    assert "harbor.example.com takes nothing." in words(page(person, installation))


def test_packages_fill_by_wave_and_pods_that_are_not_well_are_named(person: Client, installation: Installation) -> None:
    run = a_run(installation, "running", at="packages-and-pods")
    waits = sentence("kafka and %(count)s others", count=2)
    show(run, "packages-and-pods", progress=PACKAGES, waiting_for=waits, waiting_since=timezone.now())
    html = page(person, installation)
    waves = re.findall(r'<li class="run-wave tone-\w+">.*?</ul>', html, re.S)
    assert re.findall(r'class="run-wave (tone-\w+)"', html) == ["tone-good", "tone-bad", "tone-idle"]
    assert [words(wave).split("Wave ")[1][:1] for wave in waves] == ["1", "2", "3"]
    assert "kafka in progress" in words(waves[1])
    assert "postgres failed" in words(waves[1])
    read = words(html)
    assert "kafka and 2 others" in read
    assert "kafka-0 CrashLoopBackOff 0/1" in read
    assert "half-0 Running 1/2" in read
    assert "well-0" not in read and "job-0" not in read
    assert "<kafka-0>" not in html


def test_a_failure_names_value_cause_remedy_answers_and_what_repeats(
    person: Client, installation: Installation
) -> None:
    a_run(installation, "failed", at="push-images", error=ERROR)
    html = page(person, installation)
    read = words(html)
    for said in (
        ERROR["value"],
        "No line of the page says <script>.",
        "Give the robot the right to push.",
        "Fixed: resume",
    ):
        assert said in read
    assert "<b>denied</b>" not in html
    assert f'href="{reverse("step", args=[installation.pk, "registry"])}#password"' in html
    repeated = read.split("Will run again")[1].split("Stays unchanged")[0]
    assert "Push the images" in repeated and "Verify the installation" in repeated
    assert "Check every system again" not in repeated


def test_only_the_answer_that_the_error_names_is_offered(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="push-images", error={**ERROR, "field": "registry.username"})
    html = page(person, installation)
    assert html.count('class="run-editor"') == 1
    assert f'action="{reverse("step", args=[installation.pk, "registry"])}?only=username"' in html


def test_an_answer_is_changed_on_the_page_of_the_failure(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="push-images", error={**ERROR, "field": "registry.username"})
    address = reverse("step", args=[installation.pk, "registry"]) + "?only=username"
    reply = person.post(address, {"username": "robot$other"})
    assert reply["Location"] == reverse("run", args=[installation.pk])
    assert 'value="robot$other"' in page(person, installation)
    wrong = person.post(address.replace("username", "project"), {"project": "two words"})
    assert wrong.status_code == 422
    assert 'value="robot$other"' in page(person, installation)


def test_a_changed_secret_is_not_shown(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="push-images", error={**ERROR, "field": "registry.password"})
    person.post(reverse("step", args=[installation.pk, "registry"]) + "?only=password", {"password": "canary-again"})
    html = page(person, installation)
    assert 'class="run-editor"' in html
    assert "canary-again" not in html


def test_the_support_bundle_holds_everything_but_secrets(person: Client, installation: Installation) -> None:
    first = a_run(installation, "failed", at="push-images", error=ERROR)
    write(first, 3, name=f"the tool said {CANARIES[0]}")
    saved_answers.save_answers(installation, {"registry.password": "another-canary-of-ours"})
    second = a_run(installation, "failed", at="push-images", error=ERROR)
    reply = person.get(reverse("support-bundle", args=[installation.pk, second.attempt]))
    assert reply["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(reply.content)) as archive:
        names = set(archive.namelist())
        everything = "\n".join(archive.read(name).decode() for name in names)
    assert {"about.json", "answers.json", "findings.json", "facts.json", "values.yaml"} <= names
    assert {"attempt-1/log.txt", "attempt-2/stages.json"} <= names
    assert "Give the robot the right to push." in everything
    assert not [canary for canary in (*CANARIES, "another-canary-of-ours") if canary in everything]
    assert AuditEntry.objects.filter(action="support-bundle", installation=installation).count() == 1


def test_a_changed_answer_makes_the_stages_that_read_it_repeat(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="acceptance", error=ERROR)
    before = words(page(person, installation)).split("Will run again")[1].split("Stays unchanged")[0]
    assert "Push the images" not in before
    saved_answers.save_answers(installation, {"registry.password": "another"}, source="person")
    after = words(page(person, installation)).split("Will run again")[1].split("Stays unchanged")[0]
    assert "Push the images" in after


def test_an_older_attempt_cannot_be_resumed(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="push-images", error=ERROR)
    a_run(installation, "running", at="preflight")
    old = page(person, installation, "attempt", 1)
    assert "Fixed: resume" not in old
    assert reverse("attempt", args=[installation.pk, 2]) in old


def test_a_run_refreshes_without_script_until_it_is_over(person: Client, installation: Installation) -> None:
    run = a_run(installation, "running", at="preflight")
    assert 'http-equiv="refresh"' in page(person, installation)
    Run.objects.filter(pk=run.pk).update(state=RunState.FAILED, error=ERROR)
    assert 'http-equiv="refresh"' not in page(person, installation)


def test_cancelling_asks_first_and_then_stops(person: Client, installation: Installation) -> None:
    run = a_run(installation, "running", at="preflight")
    url = reverse("cancel", args=[installation.pk, 1])
    assert url in page(person, installation)
    assert "Stop the run?" in person.get(url).content.decode()
    run.refresh_from_db()
    assert run.state == RunState.RUNNING
    assert person.post(url)["Location"] == reverse("attempt", args=[installation.pk, 1])
    run.refresh_from_db()
    assert run.state == RunState.CANCELLING
    assert "Stopping at the next safe point" in words(page(person, installation))


def test_what_forbids_a_resume_is_said_on_the_review(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="push-images", error=ERROR)
    reply = person.post(reverse("resume", args=[installation.pk]), follow=True)
    assert reply.redirect_chain[-1][0] == reverse("review", args=[installation.pk])
    assert "checks failed, are outdated or have never run" in words(reply.content.decode())
    assert installation.runs.count() == 1


def test_done_proves_it_and_says_what_is_next(person: Client, installation: Installation) -> None:
    run = a_run(installation, "succeeded")
    findings = [
        {"name": "acceptance.packages", "level": "pass", "message": sentence("All packages."), "evidence": {"n": 1}},
        {"name": "acceptance.tls.console", "level": "pass", "message": sentence("The chain is right.")},
        {"name": "acceptance.tls.blob", "level": "warn", "message": sentence("Nobody answers."), "value": "blob.x"},
    ]
    show(run, "acceptance", progress={"findings": findings})
    assert reverse("done", args=[installation.pk]) in page(person, installation)
    html = page(person, installation, "done")
    read = words(html)
    assert 'href="https://tmc.example.com"' in html
    assert "tmc:admin" in read
    names = read.split("Names and certificates")[1]
    assert (
        names.index("warning")
        < names.index("1 / 2")
        < names.index("The chain is right.")
        < names.index("Nobody answers.")
    )


def test_done_leads_elsewhere_before_it_is_done(person: Client, installation: Installation) -> None:
    a_run(installation, "running", at="preflight")
    assert person.get(reverse("done", args=[installation.pk])).status_code == 302


def test_no_secret_is_on_any_page(person: Client, installation: Installation) -> None:
    run = a_run(installation, "failed", at="push-images", error=ERROR)
    write(run, 3)
    pages = [page(person, installation), page(person, installation, "progress", 1, headers={"HX-Request": "true"})]
    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED)
    pages.append(page(person, installation, "done"))
    for html in pages:
        assert not [canary for canary in CANARIES if canary in html]


def test_nothing_is_inline(person: Client, installation: Installation) -> None:
    run = a_run(installation, "running", at="packages-and-pods")
    show(run, "push-images", progress=PUSH)
    show(run, "packages-and-pods", progress=PACKAGES)
    html = page(person, installation)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", html)


@pytest.mark.parametrize("state", list(RunState))
def test_every_state_has_its_word_and_tab(person: Client, installation: Installation, state: str) -> None:
    at = "" if state in ("queued", "succeeded") else "preflight"
    error = ERROR if state in ("failed", "cancelled") else None
    a_run(installation, state, at=at, error=error)
    html = page(person, installation)
    assert re.search(r"<title>[^<]*Acme", html)
    assert 'aria-live="polite"' in html
