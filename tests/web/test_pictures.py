"""Pictures say what the rows say, and the words beside them say it too."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from installer_tasks.models import Installation, StageRun
from installer_tasks.runs.stages.push_images import Series
from tests.web.run_rows import PUSH, a_run, an_installation
from wizard.presenters import topology
from wizard.presenters.pictures import HEIGHT, WIDTH, transfer


@pytest.fixture
def person() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


@pytest.fixture
def installation() -> Installation:
    return an_installation()


def test_too_little_makes_no_picture() -> None:
    assert transfer([(0, 0), (1, 5)], 10, (None, None)) is None
    assert transfer([(0, 0), (1, 0), (2, 0)], 0, (None, None)) is None


def test_bytes_over_time_leave_room_for_the_rest() -> None:
    found = transfer([(0, 0), (5, 25), (10, 50)], 100, (10.0, 30.0))
    assert found is not None
    assert found.seconds == 40
    assert found.line == f"0.0,{HEIGHT}.0 80.0,90.0 160.0,60.0"
    assert found.band == f"160.0,60.0 320.0,0 {WIDTH},0"


def test_what_is_done_has_no_band_and_fills_the_width() -> None:
    found = transfer([(0, 0), (5, 60), (10, 100)], 100, (0.0, 0.0))
    assert found is not None
    assert found.band == ""
    assert found.line.endswith(f"{WIDTH}.0,0.0")


def test_a_series_stays_short_and_keeps_both_ends() -> None:
    series = Series(clock=iter(range(100_000)).__next__)
    for count in range(50_000):
        series.add(count)
    assert len(series.points) <= Series.MOST
    assert series.points[0] == (1, 0)
    gaps = {later[0] - earlier[0] for earlier, later in zip(series.points, series.points[1:], strict=False)}
    assert max(gaps) <= 3 * min(gaps)
    assert series.points[-1][1] > 45_000


@pytest.mark.django_db
def test_the_map_has_every_step() -> None:
    from wizard import steps

    assert set(topology.TITLES) == {step.slug for step in steps.STEPS} == set(topology.PLACES)


@pytest.mark.django_db
def test_the_map_lights_what_the_stage_works_on(person: Client, installation: Installation) -> None:
    a_run(installation, "running", at="push-images")
    html = person.get(reverse("run", args=[installation.pk])).content.decode()
    assert len(re.findall(r'class="map-part tone-\w+ is-lit"', html)) == 2
    assert html.count('class="map-link is-lit"') == 1
    assert "in progress" in html
    quiet = person.get(reverse("review", args=[installation.pk])).content.decode()
    assert 'class="map-part' in quiet
    assert "is-lit" not in quiet


@pytest.mark.django_db
def test_the_push_is_drawn_and_attempts_are_on_one_scale(person: Client, installation: Installation) -> None:
    first = a_run(installation, "failed", at="push-images", error={"code": "x"})
    a_run(installation, "running", at="push-images")
    rows = StageRun.objects.filter(run__attempt=2, slug="push-images")
    rows.update(progress={**PUSH, "series": [[0, 0], [1, 100_000], [2, 400_000]]})
    html = person.get(reverse("run", args=[installation.pk])).content.decode()
    assert 'class="run-transfer"' in html
    assert 'class="band"' in html
    assert html.count('class="run-bars"') == 2
    assert reverse("attempt", args=[installation.pk, first.attempt]) in html


@pytest.mark.django_db
def test_the_map_shows_where_it_failed(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="push-images", error={"code": "x"})
    html = person.get(reverse("run", args=[installation.pk])).content.decode()
    assert html.count('class="map-part tone-bad"') == 1
    assert "is-lit" not in html
