"""The plan of a push: unique content, tags that wait, and nothing begun that cannot be finished."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from installer_tasks.systems.bundle import Archive, Incomplete, MixedReleases, read_imgpkg_tar, read_release_bundle
from installer_tasks.systems.registry import Reference
from installer_tasks.systems.registry.graph import Graph
from installer_tasks.systems.registry.plan import make_plan
from tests.unit.imgpkg_tar import MadeImage, MadeIndex, digest, layer, write_imgpkg_tar, write_release

TARGET = Reference("registry.example.com", "tmc")


def archive(folder: Path, name: str, *made: MadeImage | MadeIndex, leave_out: str = "") -> Archive:
    return read_imgpkg_tar(write_imgpkg_tar(folder / f"{name}.tar", [*made], leave_out=leave_out)).placed_at(name)


def test_unique_bytes_over_all_archives(tmp_path: Path) -> None:
    release = read_release_bundle(write_release(tmp_path))
    assert make_plan(release, TARGET).total_bytes == release.total_bytes


def test_the_tag_of_a_whole_waits_where_there_is_more_than_one_image(tmp_path: Path) -> None:
    release = read_release_bundle(write_release(tmp_path))
    plan = make_plan(release, TARGET)
    root = next(image for image in plan.images if image.digest == release.root_digest)
    assert root.last_tags == ("1.4.1",)
    assert all(tag.endswith(".imgpkg") for tag in root.own_tags)
    alone = next(image for image in plan.images if "agents/agent" in image.repository)
    assert alone.last_tags == ()
    assert "0.1.0" in alone.own_tags


def test_content_missing_in_one_archive_may_be_in_another(tmp_path: Path) -> None:
    shared = layer("shared", 100)
    one = archive(tmp_path, "one", MadeImage("x/one", [shared]), leave_out=digest(shared))
    other = archive(tmp_path, "other", MadeImage("x/other", [shared]))
    assert one.missing
    assert make_plan([one, other], TARGET).images
    with pytest.raises(Incomplete) as caught:
        make_plan(one, TARGET)
    assert digest(shared) in caught.value.detail


def test_two_images_of_one_name(tmp_path: Path) -> None:
    one = archive(tmp_path, "one", MadeImage("x/one", [layer("a", 10)], tag="1"))
    other = archive(tmp_path, "two", MadeImage("x/one", [layer("b", 10)], tag="1")).placed_at("one")
    with pytest.raises(MixedReleases) as caught:
        make_plan([one, other], TARGET)
    assert "tmc/one:1" in str(caught.value.cause)


def test_the_same_image_twice_is_one(tmp_path: Path) -> None:
    one = archive(tmp_path, "one", MadeImage("x/one", [layer("a", 10)], tag="1"))
    again = replace(one, images=tuple(replace(image, tags=("2",)) for image in one.images))
    (image,) = make_plan([one, again], TARGET).images
    assert image.tags[-2:] == ("1", "2")


def test_a_manifest_waits_for_its_blobs_and_an_index_for_its_children(tmp_path: Path) -> None:
    images = [MadeImage("x/multi", [layer(name, 10)]) for name in ("amd64", "arm64")]
    index = MadeIndex("x/multi", images, tag="1")
    plan = make_plan(archive(tmp_path, "multi", index), TARGET)
    graph = Graph(plan)
    graph.count_waits()
    assert graph.nodes["tmc/multi", index.digest].waits_for == 2
    assert graph.nodes["tmc/multi", images[0].digest].waits_for == 2  # configuration and layer
    graph.mark_present(graph.nodes["tmc/multi", images[0].digest])
    graph.count_waits()
    assert graph.nodes["tmc/multi", index.digest].waits_for == 1


def test_largest_first_within_a_window(tmp_path: Path) -> None:
    made = [MadeImage("x/a", [layer("small", 10), layer("large", 9000)]), MadeImage("x/b", [layer("middle", 500)])]
    graph = Graph(make_plan(archive(tmp_path, "a", *made), TARGET))
    ordered = sorted(graph.pairs.values(), key=lambda pair: pair.urgency)
    sizes = [pair.blob.size for pair in ordered]
    assert sizes == sorted(sizes, reverse=True)


def test_ten_thousand_images_are_planned_quickly(tmp_path: Path) -> None:
    base = archive(tmp_path, "many", MadeImage("x/many", [layer("a", 10)]))
    many = replace(base, images=tuple(replace(base.images[0], repository=f"many/{n}") for n in range(10_000)))
    assert len(make_plan(many, TARGET).images) == 10_000
