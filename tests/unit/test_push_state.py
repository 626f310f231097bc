"""The resume file counts for one push of one plan, for a day, and survives being torn."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer_tasks.systems.bundle import read_imgpkg_tar
from installer_tasks.systems.registry import Reference
from installer_tasks.systems.registry.plan import PushPlan, make_plan
from installer_tasks.systems.registry.state import LIFE_SECONDS, ResumeFile
from tests.unit.imgpkg_tar import MadeImage, layer, write_imgpkg_tar

HOST = "registry.example.com"


@pytest.fixture
def plan(tmp_path: Path) -> PushPlan:
    image = MadeImage("x/app", [layer("a", 10)], tag="1")
    return make_plan(read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", [image])), Reference(HOST, "tmc"))


@pytest.fixture
def path(tmp_path: Path, plan: PushPlan) -> Path:
    """The file that an interrupted push has left."""
    place = tmp_path / "state" / "resume"
    with pytest.raises(KeyboardInterrupt), ResumeFile(place, HOST, plan, clock=lambda: 1000.0) as file:
        assert file.known == frozenset()
        file.settled("tmc/app", "sha256:1")
        file.settled("tmc/app", "sha256:2")
        raise KeyboardInterrupt
    return place


def known(path: Path, plan: PushPlan, host: str = HOST, now: float = 1001.0) -> set[str]:
    try:
        with ResumeFile(path, host, plan, clock=lambda: now) as file:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        return {digest for _repository, digest in file.known}


def test_what_was_settled_is_known(path: Path, plan: PushPlan) -> None:
    assert known(path, plan) == {"sha256:1", "sha256:2"}
    assert known(path, plan) == {"sha256:1", "sha256:2"}, "and still after one more interruption"


def test_a_torn_line_ends_it(path: Path, plan: PushPlan) -> None:
    path.write_text(path.read_text()[:-5])
    assert known(path, plan) == {"sha256:1"}


@pytest.mark.parametrize("content", ["", "nonsense\n", "[]\n", '{"format": 1}\n', "\x00"])
def test_what_is_not_ours_is_ignored(path: Path, plan: PushPlan, content: str) -> None:
    path.write_text(content)
    assert known(path, plan) == set()


def test_another_registry_another_plan_another_day(path: Path, plan: PushPlan) -> None:
    before = path.read_text()
    other = PushPlan(plan.images[:-1], plan.manifests, plan.blobs)
    for host, wanted, now in (("other", plan, 1001.0), (HOST, other, 1001.0), (HOST, plan, 1000.0 + LIFE_SECONDS)):
        path.write_text(before)
        assert known(path, wanted, host, now) == set()


def test_it_is_removed_when_all_went_well(path: Path, plan: PushPlan) -> None:
    with ResumeFile(path, HOST, plan, clock=lambda: 1001.0):
        pass
    assert not path.exists()
