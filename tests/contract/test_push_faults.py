"""The push through a registry, or a proxy in front of it, that misbehaves: a right push or a clear error."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.errors import Cancelled, InstallerError
from installer_tasks.systems.bundle import Archive, read_imgpkg_tar
from installer_tasks.systems.registry import PushOptions, Reference, RegistryClient, errors, push, transport, verify
from tests.contract.docker_registry import RunningRegistry, docker_registry
from tests.contract.meddler import DROP, HANG, LOSE, Asked, Meddler, Meddling, Reply, Rule, each_once, once, times
from tests.unit.imgpkg_tar import MadeImage, MadeIndex, layer, write_imgpkg_tar
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.docker_registry, pytest.mark.program("docker-registry")]
QUICK = PushOptions(delays=(0.05,) * 4)
HTML = {"Content-Type": "text/html", "Server": "nginx/1.22.1"}


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with docker_registry(tmp_path_factory.mktemp("backend")) as registry:
        yield registry


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Archive, Archive]:
    """Two archives for two repositories that share a layer; the first has an index and a layer of 3 MB."""
    folder = tmp_path_factory.mktemp("archives")
    shared = layer("shared", 700_000)
    first = MadeImage("example.test/first", [shared, layer("large", 3_000_000)], tag="1")
    multi = MadeIndex("example.test/first", [first, MadeImage("example.test/first", [layer("arm", 900)])], tag="all")
    second = MadeImage("example.test/second", [shared, layer("second", 5000)], tag="1")
    return (
        read_imgpkg_tar(write_imgpkg_tar(folder / "1.tar", [first, multi])).placed_at("first"),
        read_imgpkg_tar(write_imgpkg_tar(folder / "2.tar", [second])).placed_at("second"),
    )


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """A place of this test's own in the registry that all share."""
    return "t" + "".join(letter for letter in request.node.name.lower() if letter.isalnum())[:60]


def pushed(meddler: Meddler, archives: tuple[Archive, ...], path: str, options: PushOptions = QUICK) -> None:
    """Push through the meddler, then have the rules gone and prove that everything is there."""
    client = RegistryClient(meddler.host, plain_http=True)
    target = Reference(meddler.host, path)
    try:
        push(archives, target, client, options=options)
        meddler.rules.clear()
        assert verify(archives, target, client).missing == ()
    finally:
        client.close()


def refused(meddler: Meddler, archives: tuple[Archive, ...], path: str, kind: type[InstallerError]) -> InstallerError:
    client = RegistryClient(meddler.host, plain_http=True)
    try:
        with pytest.raises(kind) as caught:
            push(archives, Reference(meddler.host, path), client, options=QUICK)
    finally:
        client.close()
    assert str(caught.value.cause)
    assert str(caught.value.remedy)
    return caught.value


def on(method: str, part: str, meddling: Meddling) -> Rule:
    return lambda asked: meddling if asked.method == method and part in asked.target else None


def error_body(code: str, message: str = "", detail: object = None) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message, "detail": detail}]}).encode()


def larger_than(limit: int) -> Rule:
    page = b"<html><head><title>413 Request Entity Too Large</title></head></html>"
    return lambda asked: Reply(413, page, HTML) if asked.length > limit else None


def test_a_body_limit_of_one_mebibyte_is_passed_in_parts(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    with Meddler(backend.host, larger_than(1 << 20)) as meddler:
        pushed(meddler, archives, path)
        assert meddler.count("PATCH") >= 3
        # the limit is learned once: refused are 64, 16 and 4 MiB at most, not each blob anew
        assert sum(asked.length > 1 << 20 for asked in meddler.asked) <= 4


def test_a_body_limit_below_half_a_mebibyte_names_the_proxy(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    with Meddler(backend.host, larger_than(4000)) as meddler:
        error = refused(meddler, archives, path, errors.BodyTooLarge)
    assert "nginx" in str(error.cause)


@pytest.mark.parametrize(
    "rule",
    [
        times(3, on("PUT", "/blobs/uploads/", DROP)),
        each_once(on("PUT", "/blobs/uploads/", LOSE)),
        each_once(on("PUT", "/manifests/", LOSE)),
        each_once(on("POST", "/blobs/uploads/", LOSE)),
        each_once(on("HEAD", "", DROP)),
        once(on("PUT", "/blobs/", Reply(503, b"busy", {"Retry-After": "1"}))),
        each_once(on("HEAD", "/blobs/", Reply(503))),
        once(on("PUT", "/blobs/", Reply(500, error_body("UNKNOWN")))),
        once(on("PUT", "/blobs/", Reply(404, error_body("BLOB_UPLOAD_UNKNOWN")))),
        once(on("PUT", "/blobs/", Reply(400, error_body("DIGEST_INVALID")))),
        once(on("POST", "/blobs/", Reply(429, b"", {"Retry-After": "0"}))),
    ],
    ids=[
        "dropped-bodies", "lost-answers", "lost-manifest-answers", "lost-openings", "dropped-questions", "busy-body",
        "busy-questions", "failed", "upload-gone", "changed-in-transit", "too-many",
    ],
)  # fmt: skip
def test_what_a_repetition_helps(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str, rule: Rule
) -> None:
    with Meddler(backend.host, rule) as meddler:
        pushed(meddler, archives, path)


def test_an_answer_that_was_lost_costs_no_second_body(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    with Meddler(backend.host, each_once(on("PUT", "/blobs/uploads/", LOSE))) as meddler:
        pushed(meddler, archives, path)
        sent = [asked.length for asked in meddler.asked if asked.method == "PUT" and "/blobs/" in asked.path]
    unique = {blob.digest: blob.size for archive in archives for blob in archive.blobs.values()}
    assert sorted(sent) == sorted(unique.values())


def test_retry_after_is_obeyed(backend: RunningRegistry, archives: tuple[Archive, ...], path: str) -> None:
    begun = time.monotonic()
    with Meddler(backend.host, once(on("POST", "/blobs/", Reply(429, b"", {"Retry-After": "1"})))) as meddler:
        pushed(meddler, archives, path)
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("refusal", [Reply(405, error_body("UNSUPPORTED")), Reply(500), Reply(404, error_body("X"))])
def test_a_registry_that_cannot_mount_is_sent_everything(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str, refusal: Reply
) -> None:
    with Meddler(backend.host, on("POST", "mount=", refusal)) as meddler:
        pushed(meddler, archives, f"{path}{refusal.status}")


def test_an_upload_that_a_refused_mount_opens_is_used(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    """docker-registry answers 202 when the source does not have the blob: here, because its name is spoilt."""
    with Meddler(backend.host) as meddler:
        spoil = lambda asked: _mount_without_source(backend, asked)  # noqa: E731
        meddler.rules.append(spoil)
        pushed(meddler, archives, path)
        assert meddler.count("POST", "mount=") == 1
        unique = {blob.digest for archive in archives for blob in archive.blobs.values()}
        opened = sum(asked.method == "POST" and "mount=" not in asked.target for asked in meddler.asked)
        assert opened == len(unique)


def _mount_without_source(backend: RunningRegistry, asked: Asked) -> Meddling:
    if asked.method != "POST" or "mount=" not in asked.target:
        return None
    import http.client

    onward = http.client.HTTPConnection(backend.host, timeout=PATIENCE)
    onward.request("POST", asked.path, headers={"Content-Length": "0", "Host": asked.headers["Host"]})
    answer = onward.getresponse()
    answer.read()
    onward.close()
    return Reply(answer.status, b"", {"Location": answer.headers["Location"]})


def test_content_that_the_registry_wrongly_claimed_is_sent_after_all(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    """HEAD says yes for every blob, once; the manifests are refused then, and only what misses is sent."""
    with Meddler(backend.host, each_once(on("HEAD", "/blobs/", Reply(200)))) as meddler:
        pushed(meddler, archives, path)


def test_a_registry_that_claims_for_ever_is_an_error(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    with Meddler(backend.host, on("HEAD", "/blobs/", Reply(200))) as meddler:
        error = refused(meddler, archives, path, errors.MissingOnPut)
    assert "sha256:" in error.detail or "sha256:" in str(error.cause) or error.detail


def test_a_manifest_taken_and_dropped_is_found_out(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    with Meddler(backend.host, on("PUT", "/manifests/", Reply(201))) as meddler:
        refused(meddler, archives[1:], path, errors.WrongDigest)


def test_another_digest_in_the_answer_is_found_out(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    lie = Reply(201, b"", {"Docker-Content-Digest": "sha256:" + "0" * 64})
    with Meddler(backend.host, on("PUT", "/manifests/", lie)) as meddler:
        refused(meddler, archives[1:], path, errors.WrongDigest)


def test_uploads_sent_to_another_host_are_refused(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    away = Reply(202, b"", {"Location": "https://evil.example/v2/x/blobs/uploads/1"})
    with Meddler(backend.host, on("POST", "/blobs/uploads/", away)) as meddler:
        error = refused(meddler, archives, path, errors.ForeignLocation)
    assert "evil.example" in str(error.cause)


def test_an_upload_without_address_is_an_error(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    with Meddler(backend.host, on("POST", "/blobs/uploads/", Reply(202))) as meddler:
        refused(meddler, archives, path, errors.UnexpectedAnswer)


@pytest.mark.parametrize("form", ["relative", "inner-port"])
def test_addresses_of_uploads_in_other_forms(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str, form: str
) -> None:
    def change(name: str, value: str) -> str:
        if name.lower() != "location":
            return value
        tail = "/" + value.split("/", 3)[3]
        return tail if form == "relative" else f"http://localhost:5000{tail}"

    with Meddler(backend.host, change=change) as meddler:
        pushed(meddler, archives, path + form.replace("-", ""))


def test_a_registry_without_the_digest_header(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    with Meddler(backend.host, change=lambda name, value: "" if name == "Docker-Content-Digest" else value) as meddler:
        pushed(meddler, archives, path)


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_a_connection_for_each_request(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str, version: str
) -> None:
    with Meddler(backend.host) as meddler:
        meddler.close_each, meddler.http_version = True, version
        pushed(meddler, archives, path + version[-1])


QUOTA = "adding 3.0 MiB of storage resource, which when updated to current usage of 9 will exceed the configured upper limit of 10"


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply(403, error_body("DENIED", QUOTA)), errors.QuotaExceeded, "upper limit"),
        (Reply(403, error_body("DENIED", "The system is in read only mode")), errors.ReadOnly, "read only"),
        (Reply(403, error_body("DENIED", "requested access is denied")), errors.Denied, "denied"),
        (Reply(412, error_body("PRECONDITION", "tag is immutable")), errors.TagLocked, "immutable"),
        (Reply(412, error_body("PROJECTPOLICYVIOLATION", "vulnerable")), errors.PolicyRefused, "vulnerable"),
        (Reply(400, error_body("MANIFEST_INVALID", "schema1")), errors.PolicyRefused, "schema1"),
        (Reply(400, error_body("NAME_INVALID", "bad")), errors.BadName, "name"),
        (Reply(502, b"<title>Bad Gateway</title>", HTML), errors.ProxyTimeout, "Bad Gateway"),
        (Reply(418, b"teapot"), errors.UnexpectedAnswer, "418"),
    ],
    ids=["quota", "read-only", "denied", "immutable", "policy", "manifest", "name", "gateway", "unknown"],
)
def test_refusals_by_kind(
    backend: RunningRegistry,
    archives: tuple[Archive, ...],
    path: str,
    reply: Reply,
    kind: type[InstallerError],
    said: str,
) -> None:
    with Meddler(backend.host, on("PUT", "/manifests/", reply)) as meddler:
        error = refused(meddler, archives[1:], path, kind)
    assert said in str(error.cause)
    assert f"answered {reply.status}" in error.detail


def test_cancel_does_not_wait_for_a_registry_that_hangs(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body is never read: lanes are stuck in sending, and yet the push ends."""
    monkeypatch.setattr(transport, "STALL_SECONDS", 86400.0)
    stuck = threading.Event()

    def hang(asked: Asked) -> Meddling:
        if asked.method != "PUT" or "/blobs/uploads/" not in asked.path:
            return None
        stuck.set()
        return HANG

    with Meddler(backend.host, hang) as meddler:
        client = RegistryClient(meddler.host, plain_http=True)
        with pytest.raises(Cancelled):
            push(archives, Reference(meddler.host, path), client, cancelled=stuck.is_set)
        assert not meddler.released.is_set()
        client.close()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("push-")]


def test_what_cancelled_raises_comes_through(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    """The engine of runs raises LeaseLost from there."""
    from installer_tasks.errors import LeaseLost

    def lost() -> bool:
        raise LeaseLost

    with Meddler(backend.host, on("HEAD", "/manifests/", HANG)) as meddler:
        client = RegistryClient(meddler.host, plain_http=True)
        with pytest.raises(LeaseLost):
            push(archives, Reference(meddler.host, path), client, cancelled=lost)
        client.close()


def test_nothing_is_sent_of_a_bundle_with_missing_content(backend: RunningRegistry, tmp_path: Path, path: str) -> None:
    from installer_tasks.systems.bundle import Incomplete
    from tests.unit.imgpkg_tar import digest

    image = MadeImage("example.test/app", [layer("a", 100), layer("b", 100)])
    tar = write_imgpkg_tar(tmp_path / "a.tar", [image], leave_out=digest(image.layers[0]))
    with Meddler(backend.host) as meddler:
        error = refused(meddler, (read_imgpkg_tar(tar),), path, Incomplete)
        assert meddler.asked == []
    assert digest(image.layers[0]) in error.detail


def test_verify_is_patient_and_can_be_cancelled(
    backend: RunningRegistry, archives: tuple[Archive, ...], path: str
) -> None:
    with Meddler(backend.host) as meddler:
        client, target = RegistryClient(meddler.host, plain_http=True), Reference(meddler.host, path)
        push(archives, target, client, options=QUICK)
        meddler.rules.append(once(on("HEAD", "/blobs/", Reply(503))))
        assert verify(archives, target, client).is_complete
        before = len(meddler.asked)
        with pytest.raises(Cancelled):
            verify(archives, target, client, cancelled=lambda: True)
        assert not [asked for asked in meddler.asked[before:] if asked.method != "HEAD"]
        client.close()
