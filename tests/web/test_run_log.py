"""The log of a run: whoever asks with the cursor of the last line gets every line once, in order."""

from __future__ import annotations

import random
import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from installer_tasks.models import Run
from tests.web.run_rows import a_run, an_installation, sentence, write
from wizard.presenters import runs as run_views

pytestmark = pytest.mark.django_db

HX = {"HX-Request": "true"}


@pytest.fixture
def person() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


@pytest.fixture
def run() -> Run:
    return a_run(an_installation(), "running", at="push-images")


def url(run: Run, name: str = "log") -> str:
    return reverse(name, args=[run.installation_id, run.attempt])


def seqs(html: str) -> list[int]:
    return [int(seq) for seq in re.findall(r'data-seq="(\d+)"', html)]


def test_random_reads_see_every_line_once(person: Client, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_views, "PAGE", 13)
    chance = random.Random(7)
    shown = seqs(person.get(url(run, "attempt")).content.decode())
    cursor = 0
    for _round in range(60):
        write(run, chance.choice([0, 0, 1, 2, 9, 40]))
        for _read in range(chance.choice([0, 1, 1, 3])):
            reply = person.get(f"{url(run)}?after={cursor}", headers=HX)
            if reply.status_code == 204:
                assert cursor == run.last_seq
                continue
            new = seqs(reply.content.decode())
            assert int(reply["X-Log-Cursor"]) == new[-1]
            assert (reply["X-Log-More"] == "1") or new[-1] == run.last_seq
            shown += new
            cursor = new[-1]
    while (reply := person.get(f"{url(run)}?after={cursor}", headers=HX)).status_code == 200:
        shown += seqs(reply.content.decode())
        cursor = shown[-1]
    assert shown == list(range(1, run.last_seq + 1))
    assert run.last_seq > 100


def test_the_page_begins_with_the_last_lines_and_says_its_cursor(person: Client, run: Run) -> None:
    write(run, 350)
    html = person.get(url(run, "attempt")).content.decode()
    assert seqs(html) == list(range(51, 351))
    assert 'data-after="350"' in html
    assert "Download the log to see earlier lines." in html


@pytest.mark.parametrize("after", ["", "-1", "x", "1e3", "9" * 30, "٣"])
def test_a_senseless_cursor_begins_at_the_beginning(person: Client, run: Run, after: str) -> None:
    write(run, 2)
    assert seqs(person.get(url(run), {"after": after}, headers=HX).content.decode()) == [1, 2]


def test_tool_output_is_data(person: Client, run: Run) -> None:
    write(run, 1, "run.failed", level="error", cause=sentence("%(what)s", what="<img src=x>"))
    html = person.get(url(run), headers=HX).content.decode()
    assert "<img" not in html
    assert "&lt;img src=x&gt;" in html


def test_a_browser_that_opens_the_fragment_gets_the_page(person: Client, run: Run) -> None:
    for name in ("log", "progress"):
        assert person.get(url(run, name))["Location"] == url(run, "attempt")


def test_the_download_has_every_line(person: Client, run: Run) -> None:
    write(run, 1203)
    reply = person.get(url(run, "log-download"))
    assert reply["Content-Type"] == "text/plain; charset=utf-8"
    lines = reply.content.decode().splitlines()
    assert len(lines) == 1203
    assert all("Package kafka 1.0 reconciled." in line for line in lines)


def test_an_unchanged_panel_is_not_sent_again(person: Client, run: Run) -> None:
    first = person.get(url(run, "progress"), headers=HX)
    assert first.status_code == 200
    assert "HX-Request" in first["Vary"]
    known = {**HX, "If-None-Match": first["ETag"]}
    same = person.get(url(run, "progress"), headers=known)
    assert same.status_code == 304
    assert not same.content
    run.stages.filter(slug="push-images").update(waiting_for=sentence("the registry"))
    assert person.get(url(run, "progress"), headers=known).status_code == 200
