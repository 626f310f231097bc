"""The push engine against a real registry: everything there by digest, nothing twice, whatever interrupts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.errors import Cancelled, TlsFailure
from installer_tasks.systems.bundle import Archive, ReleaseBundle, read_imgpkg_tar, read_release_bundle
from installer_tasks.systems.registry import PushOptions, PushProgress, Reference, RegistryClient, push, verify
from installer_tasks.systems.registry.errors import SourceDamaged, Unauthorized
from tests.contract.docker_registry import PASSWORD, RunningRegistry, docker_registry
from tests.unit.imgpkg_tar import MadeImage, digest, layer, write_imgpkg_tar, write_release

pytestmark = [pytest.mark.docker_registry, pytest.mark.program("docker-registry")]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> ReleaseBundle:
    return read_release_bundle(write_release(tmp_path_factory.mktemp("release")))


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[RunningRegistry]:
    with docker_registry(tmp_path / "registry") as registry:
        yield registry


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with docker_registry(tmp_path_factory.mktemp("secured"), tls=True, auth=True) as registry:
        yield registry


def target(registry: RunningRegistry, path: str = "tmc") -> Reference:
    return Reference.parse(f"{registry.host}/{path}")


def skopeo_digest(registry: RunningRegistry, name: str) -> str:
    """What skopeo, which shares no code with us, finds under this name."""
    command = ["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{registry.host}/{name}"]
    return digest(subprocess.run(command, check=True, capture_output=True).stdout)


def sent_blobs(registry: RunningRegistry) -> int:
    return sum(line.startswith(("PUT", "PATCH")) and "/blobs/uploads/" in line for line in registry.requests())


@pytest.mark.program("skopeo")
def test_everything_is_there_by_digest(plain: RunningRegistry, release: ReleaseBundle) -> None:
    client = plain.client()
    result = push(release, target(plain), client)

    assert result.images == release.image_count
    assert result.bytes_sent == release.total_bytes
    assert verify(release, target(plain), client).missing == ()
    assert skopeo_digest(plain, "tmc/package-repository:1.4.1") == release.root_digest
    for archive in release.archives:
        for image in archive.images:
            for tag in image.tags:
                assert client.head_manifest(f"tmc/{image.repository}", tag) == image.digest
    client.close()


@pytest.mark.program("skopeo")
def test_skopeo_pulls_an_image_back_whole(plain: RunningRegistry, release: ReleaseBundle, tmp_path: Path) -> None:
    client = plain.client()
    push(release, target(plain), client)
    client.close()
    standard = next(archive for archive in release.archives if "standard" in archive.origin)
    name = f"docker://{plain.host}/tmc/{standard.origin}:{standard.tag}"
    subprocess.run(["skopeo", "copy", "-q", "--src-tls-verify=false", name, f"dir:{tmp_path / 'pulled'}"], check=True)
    assert digest((tmp_path / "pulled" / "manifest.json").read_bytes()) == standard.root


def test_a_second_push_asks_once_for_each_tag_and_sends_nothing(plain: RunningRegistry, release: ReleaseBundle) -> None:
    client = plain.client()
    push(release, target(plain), client)
    before = len(plain.requests())
    again = push(release, target(plain), client)
    client.close()

    tags = sum(len(image.tags) for archive in release.archives for image in archive.images)
    asked = plain.requests()[before:]
    assert (again.blobs_sent, again.bytes_sent, again.images_present) == (0, 0, again.images)
    assert [line for line in asked if not line.startswith(("GET /v2/ ", "HEAD"))] == []
    assert sum(line.startswith("HEAD") for line in asked) == tags


def test_a_blob_of_two_repositories_is_sent_once_and_mounted(plain: RunningRegistry, release: ReleaseBundle) -> None:
    client = plain.client()
    result = push(release, target(plain), client)
    client.close()
    shared = digest(layer("shared", 40_000))
    assert result.blobs_mounted >= 1
    assert sent_blobs(plain) == len({blob for archive in release.archives for blob in archive.blobs})
    assert sum(shared in line for line in plain.requests() if line.startswith("PUT")) <= 1


def test_each_blob_is_asked_for_once_in_each_repository(plain: RunningRegistry, release: ReleaseBundle) -> None:
    client = plain.client()
    push(release, target(plain), client)
    client.close()
    asked = Counter(line for line in plain.requests() if line.startswith("HEAD") and "/blobs/" in line)
    assert asked
    assert max(asked.values()) == 1


def test_tags_come_after_all_that_they_promise(plain: RunningRegistry, release: ReleaseBundle) -> None:
    client = plain.client()
    push(release, target(plain), client)
    client.close()
    requests = plain.requests()
    named = next(
        number for number, line in enumerate(requests) if line.startswith("PUT") and "/manifests/1.4.1" in line
    )
    later = [line for line in requests[named + 1 :] if line.startswith("PUT") and "/package-repository/" in line]
    assert later == []


def test_tls_and_a_robot_account(secured: RunningRegistry, release: ReleaseBundle) -> None:
    client = secured.client()
    push(release, target(secured, "deep/path/tmc"), client)
    assert verify(release, target(secured, "deep/path/tmc"), client).is_complete
    client.close()


def test_a_wrong_password_is_refused_before_anything_is_sent(secured: RunningRegistry, release: ReleaseBundle) -> None:
    client = secured.client(password="wrong")
    with pytest.raises(Unauthorized) as caught:
        push(release, target(secured, "other"), client)
    client.close()
    assert "wrong" not in str(caught.value) + caught.value.detail
    assert PASSWORD not in str(caught.value) + caught.value.detail


def test_an_unknown_authority_is_named(secured: RunningRegistry, release: ReleaseBundle, tmp_path: Path) -> None:
    client = RegistryClient(secured.host, secured.username, secured.password)
    with pytest.raises(TlsFailure) as caught:
        push(release, target(secured), client)
    client.close()
    assert (caught.value.value, caught.value.code) == (secured.host, "tls-unknown-ca")


def test_a_damaged_layer_is_never_stored(plain: RunningRegistry, tmp_path: Path) -> None:
    """imgpkg interrupted while writing leaves the right size and wrong bytes."""
    image = MadeImage("example.test/app", [layer("good", 3_000_000)], tag="1")
    path = write_imgpkg_tar(tmp_path / "app.tar", [image])
    archive = read_imgpkg_tar(path).placed_at("app")
    source = archive.blobs[digest(image.layers[0])].source
    with path.open("r+b") as file:
        file.seek(source.offset + 1_500_000)  # type: ignore[union-attr]
        file.write(bytes(1000))

    client = plain.client()
    with pytest.raises(SourceDamaged) as caught:
        push(archive, target(plain), client)
    assert "app.tar" in caught.value.value
    assert not client.head_blob("tmc/app", digest(image.layers[0]))
    assert client.tags("tmc/app") == ()
    client.close()


def test_what_was_missing_afterwards_is_listed_and_repaired(plain: RunningRegistry, release: ReleaseBundle) -> None:
    client = plain.client()
    push(release, target(plain), client)
    client.delete_manifest("tmc/package-repository", release.root_digest)

    result = verify(release, target(plain), client)
    assert {(item.kind, item.reference) for item in result.missing} >= {
        ("tag", "1.4.1"),
        ("manifest", release.root_digest),
    }
    repaired = push(release, target(plain), client)
    assert repaired.blobs_sent == 0
    assert verify(release, target(plain), client).is_complete
    client.close()


def test_progress_ends_with_done_and_never_before(plain: RunningRegistry, release: ReleaseBundle) -> None:
    seen: list[PushProgress] = []
    client = plain.client()
    push(release, target(plain), client, on_progress=seen.append)
    client.close()
    assert [look.state for look in seen].count("done") == 1
    assert seen[-1].share == 1.0
    assert all(look.share < 1 for look in seen[:-1])
    assert seen[-1].sent == release.total_bytes == seen[-1].total_bytes
    assert seen[-1].images_done == seen[-1].images_total
    sent = [look.sent + look.present for look in seen]
    assert sent == sorted(sent)


def test_cancel_stops_sending_and_tags_nothing_incomplete(plain: RunningRegistry, tmp_path: Path) -> None:
    archive = big_archive(tmp_path, layers=24, size=4_000_000)
    client = plain.client()
    looks = threading.Event()
    with pytest.raises(Cancelled):
        push(
            archive,
            target(plain),
            client,
            on_progress=lambda look: looks.set() if look.sent + look.in_flight else None,
            cancelled=looks.is_set,
        )
    for tag in client.tags("tmc/app"):  # of images that were complete by then
        kept = client.get_manifest("tmc/app", tag)
        assert kept is not None
        assert all(client.head_blob("tmc/app", each["digest"]) for each in json.loads(kept.raw)["layers"])
    before = {blob for blob in archive.blobs if client.head_blob("tmc/app", blob)}
    assert before != set(archive.blobs)
    rest = push(archive, target(plain), client)
    assert rest.blobs_sent == len(archive.blobs) - len(before)
    client.close()


def big_archive(folder: Path, *, layers: int, size: int) -> Archive:
    images = [MadeImage("example.test/app", [layer(f"{number}", size)], tag=f"v{number}") for number in range(layers)]
    return read_imgpkg_tar(write_imgpkg_tar(folder / "big.tar", [*images])).placed_at("app")


PUSHER = """
import sys
from pathlib import Path
from installer_tasks.systems.bundle import read_imgpkg_tar
from installer_tasks.systems.registry import Reference, RegistryClient, push
archive = read_imgpkg_tar(Path(sys.argv[1])).placed_at("app")
client = RegistryClient(sys.argv[2], plain_http=True)
push(archive, Reference.parse(sys.argv[2] + "/tmc"), client,
     on_progress=lambda look: print(look.sent, look.total_bytes, flush=True))
"""


def test_after_kill_no_complete_blob_is_sent_again(plain: RunningRegistry, tmp_path: Path) -> None:
    archive = big_archive(tmp_path, layers=30, size=3_000_000)
    command = [sys.executable, "-c", PUSHER, str(tmp_path / "big.tar"), plain.host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=dict(os.environ), text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sent, total = map(int, line.split())
            if sent > total // 4:
                break
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the push ended before it could be killed"

    client = plain.client()
    stored = {blob for blob in archive.blobs if client.head_blob("tmc/app", blob)}
    assert stored
    result = push(archive, target(plain), client)
    # What was in flight at the kill the registry may have finished after it was asked here.
    assert result.blobs_present >= len(stored)
    assert result.blobs_sent == len(archive.blobs) - result.blobs_present
    assert result.bytes_sent <= sum(blob.size for name, blob in archive.blobs.items() if name not in stored)
    assert verify(archive, target(plain), client).is_complete
    client.close()


def test_a_resume_file_spares_questions_and_is_not_the_truth(plain: RunningRegistry, tmp_path: Path) -> None:
    """One image of many layers, interrupted; then the registry loses a blob that the file knows of."""
    image = MadeImage("example.test/app", [layer(f"{number}", 800_000) for number in range(12)], tag="1")
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "app.tar", [image])).placed_at("app")
    options = PushOptions(resume_file=tmp_path / "resume", body_threads=1)
    client = plain.client()
    with pytest.raises(Cancelled):
        push(archive, target(plain), client, options=options, cancelled=lambda: sent_blobs(plain) > 2)
    known = [json.loads(line)[1] for line in (tmp_path / "resume").read_text().splitlines()[1:]]
    assert 0 < len(known) < len(archive.blobs)
    client.delete_blob("tmc/app", known[0])
    stored = {digest for digest in archive.blobs if client.head_blob("tmc/app", digest)}

    before = len(plain.requests())
    result = push(archive, target(plain), client, options=options)
    client.close()
    asked = [line for line in plain.requests()[before:] if line.startswith("HEAD") and "/blobs/" in line]
    assert not [line for line in asked if any(digest in line for digest in known[1:])]
    assert result.blobs_sent == len(archive.blobs) - len(stored)
    assert not (tmp_path / "resume").exists()
    client = plain.client()
    assert verify(archive, target(plain), client).is_complete
    client.close()


def test_chunks_carry_everything_too(plain: RunningRegistry, release: ReleaseBundle) -> None:
    client = plain.client()
    push(release, target(plain), client, options=PushOptions(chunk_size=16_384))
    assert verify(release, target(plain), client).is_complete
    assert any(line.startswith("PATCH") for line in plain.requests())
    client.close()


def test_progress_is_plain_data(plain: RunningRegistry, release: ReleaseBundle) -> None:
    seen: list[str] = []
    client = plain.client()
    push(release, target(plain), client, on_progress=lambda look: seen.append(json.dumps(look.as_json())))
    client.close()
    assert json.loads(seen[-1])["state"] == "done"
