"""The practice registry against a real one: the same requests to both, the same answers.

What differs on purpose is not here: Harbor's projects and rights; uploads that survive a broken connection, which
distribution 2.8 throws away and 3 keeps; and a chunk out of order, which the specification refuses (416) and Debian's 2.8.2
was seen to accept.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.rehearsal.registry import RegistryServer
from tests.contract.registry_client import (
    OCI_INDEX,
    OCI_MANIFEST,
    Certificates,
    Client,
    Reply,
    descriptor,
    digest_of,
    image_manifest,
    make_certificates,
)
from tests.waiting import listens_on, until_it_serves

REPOSITORY = "tmc/some/image"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(
    params=[
        "practice",
        pytest.param("real", marks=[pytest.mark.docker_registry, pytest.mark.program("docker-registry")]),
    ]
)
def client(request: pytest.FixtureRequest, tmp_path: Path, certificates: Certificates) -> Iterator[Client]:
    running = practice(tmp_path, certificates) if request.param == "practice" else real(tmp_path, certificates)
    for port in running:
        with Client(port, certificates.ca) as client:
            yield client


def practice(folder: Path, certificates: Certificates) -> Iterator[int]:
    with RegistryServer(folder / "registry", certificates.certificate, certificates.key, auth="none") as registry:
        registry.create_project("tmc")
        yield registry.port


def real(folder: Path, certificates: Certificates) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = folder / "config.yml"
    config.write_text(
        json.dumps(
            {
                "version": 0.1,
                "log": {"level": "error", "accesslog": {"disabled": True}},
                "storage": {
                    "filesystem": {"rootdirectory": str(folder / "registry")},
                    "delete": {"enabled": True},
                },
                "http": {
                    "addr": f"127.0.0.1:{port}",
                    "relativeurls": True,
                    "tls": {"certificate": str(certificates.certificate), "key": str(certificates.key)},
                },
            }
        )
    )
    process = subprocess.Popen(
        ["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until_it_serves(process, lambda: listens_on(port), lambda: "")
        yield port
    finally:
        process.kill()
        process.wait()


def test_version_header(client: Client) -> None:
    reply = client("GET", "/v2/")
    assert (reply.status, reply.json()) == (200, {})
    assert _header(reply, "Docker-Distribution-Api-Version") == "registry/2.0"


def test_monolithic_upload(client: Client) -> None:
    content = os.urandom(300_000)
    opened = client("POST", f"/v2/{REPOSITORY}/blobs/uploads/")
    assert (opened.status, _header(opened, "Range"), opened.body) == (202, "0-0", b"")
    assert _header(opened, "Docker-Upload-Uuid")
    digest = digest_of(content)

    done = client("PUT", f"{opened.headers['Location']}&digest={digest}", content)

    assert (done.status, _header(done, "Docker-Content-Digest")) == (201, digest)
    assert _header(done, "Location") == f"/v2/{REPOSITORY}/blobs/{digest}"
    head = client("HEAD", f"/v2/{REPOSITORY}/blobs/{digest}")
    assert (head.status, _header(head, "Content-Length")) == (200, "300000")
    assert client("GET", f"/v2/{REPOSITORY}/blobs/{digest}").body == content


def test_upload_in_chunks(client: Client) -> None:
    location = client.location(REPOSITORY)
    first = client("PATCH", location, b"12345", Content_Range="0-4", Content_Type="application/octet-stream")
    status = client("GET", first.headers["Location"])
    second = client("PATCH", status.headers["Location"], b"67", Content_Range="5-6")
    done = client("PUT", f"{second.headers['Location']}&digest={digest_of(b'1234567')}")

    assert [(reply.status, _header(reply, "Range")) for reply in (first, status, second)] == [
        (202, "0-4"),
        (204, "0-4"),
        (202, "0-6"),
    ]
    assert done.status == 201


def test_wrong_digest(client: Client) -> None:
    location = client.location(REPOSITORY)
    reply = client("PUT", f"{location}&digest={digest_of(b'other')}", b"content")
    assert (reply.status, reply.code()) == (400, "DIGEST_INVALID")
    assert client("GET", location).status == 404


def test_digest_that_is_none(client: Client) -> None:
    reply = client("PUT", f"{client.location(REPOSITORY)}&digest=md5:1", b"content")
    assert (reply.status, reply.code()) == (400, "DIGEST_INVALID")


def test_cancelled_upload(client: Client) -> None:
    location = client.location(REPOSITORY)
    assert client("DELETE", location).status == 204
    reply = client("GET", location)
    assert (reply.status, reply.code()) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_mount(client: Client) -> None:
    digest = client.push_blob("tmc/one", b"shared")
    reply = client("POST", f"/v2/tmc/two/blobs/uploads/?mount={digest}&from=tmc/one")
    assert (reply.status, _header(reply, "Location")) == (201, f"/v2/tmc/two/blobs/{digest}")
    assert client("HEAD", f"/v2/tmc/two/blobs/{digest}").status == 200


@pytest.mark.parametrize("query", ["mount={digest}&from=tmc/missing", "mount={digest}"])
def test_mount_of_what_is_not_there_opens_an_upload(client: Client, query: str) -> None:
    digest = digest_of(b"absent")
    reply = client("POST", f"/v2/tmc/two/blobs/uploads/?{query.format(digest=digest)}")
    assert reply.status == 202
    assert client("PUT", f"{reply.headers['Location']}&digest={digest}", b"absent").status == 201


def test_post_with_digest_and_body_is_no_upload(client: Client) -> None:
    digest = digest_of(b"content")
    assert client("POST", f"/v2/{REPOSITORY}/blobs/uploads/?digest={digest}", b"content").status == 202
    assert client("HEAD", f"/v2/{REPOSITORY}/blobs/{digest}").status == 404


def test_blob_of_another_repository_is_unknown(client: Client) -> None:
    digest = client.push_blob("tmc/one", b"mine")
    reply = client("GET", f"/v2/tmc/two/blobs/{digest}")
    assert (reply.status, reply.code()) == (404, "BLOB_UNKNOWN")


@pytest.mark.parametrize("wanted", ["bytes=2-4", "bytes=7-", "bytes=-2", "bytes=5-99"])
def test_part_of_a_blob(client: Client, wanted: str) -> None:
    digest = client.push_blob(REPOSITORY, b"0123456789")
    reply = client("GET", f"/v2/{REPOSITORY}/blobs/{digest}", Range=wanted)
    expected = {"bytes=2-4": b"234", "bytes=7-": b"789", "bytes=-2": b"89", "bytes=5-99": b"56789"}
    assert (reply.status, reply.body) == (206, expected[wanted])


def test_image(client: Client) -> None:
    digest = client.push_image(REPOSITORY, "v1", b"layer one", b"layer two")
    head = client("HEAD", f"/v2/{REPOSITORY}/manifests/v1", Accept=OCI_MANIFEST)
    body = client("GET", f"/v2/{REPOSITORY}/manifests/{digest}", Accept=OCI_MANIFEST).body
    assert (head.status, _header(head, "Docker-Content-Digest")) == (200, digest)
    assert _header(head, "Content-Type") == OCI_MANIFEST
    assert digest_of(body) == digest


def test_manifest_without_its_layer(client: Client) -> None:
    client.push_blob(REPOSITORY, b"{}")
    manifest = image_manifest(b"{}", b"absent layer")
    reply = client("PUT", f"/v2/{REPOSITORY}/manifests/v1", manifest, Content_Type=OCI_MANIFEST)
    assert (reply.status, reply.code()) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert digest_of(b"absent layer") in json.dumps(reply.json()["errors"][0]["detail"])


def test_index_without_its_child(client: Client) -> None:
    child = image_manifest(b"{}")
    entry = {**descriptor(OCI_MANIFEST, child), "platform": {"architecture": "amd64", "os": "linux"}}
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]})
    path = f"/v2/{REPOSITORY}/manifests/multi"

    before = client("PUT", path, index, Content_Type=OCI_INDEX)
    client.push_blob(REPOSITORY, b"{}")
    client("PUT", f"/v2/{REPOSITORY}/manifests/{digest_of(child)}", child, Content_Type=OCI_MANIFEST)
    after = client("PUT", path, index, Content_Type=OCI_INDEX)

    assert (before.status, before.code(), after.status) == (400, "MANIFEST_BLOB_UNKNOWN", 201)


def test_manifest_under_another_digest(client: Client) -> None:
    client.push_blob(REPOSITORY, b"{}")
    path = f"/v2/{REPOSITORY}/manifests/{digest_of(b'other')}"
    reply = client("PUT", path, image_manifest(b"{}"), Content_Type=OCI_MANIFEST)
    assert (reply.status, reply.code()) == (400, "DIGEST_INVALID")


def test_manifest_that_is_none(client: Client) -> None:
    reply = client("PUT", f"/v2/{REPOSITORY}/manifests/v1", b"not json", Content_Type=OCI_MANIFEST)
    assert (reply.status, reply.code()) == (400, "MANIFEST_INVALID")


def test_unknown_things(client: Client) -> None:
    manifest = client("GET", f"/v2/{REPOSITORY}/manifests/v1")
    tags = client("GET", "/v2/tmc/nothing/tags/list")
    blob = client("GET", f"/v2/{REPOSITORY}/blobs/{digest_of(b'absent')}")
    name = client("POST", "/v2/tmc/UPPER/blobs/uploads/")
    assert (manifest.status, manifest.code()) == (404, "MANIFEST_UNKNOWN")
    assert (tags.status, tags.code()) == (404, "NAME_UNKNOWN")
    assert (blob.status, blob.code()) == (404, "BLOB_UNKNOWN")
    assert (name.status, name.body) == (404, b"404 page not found\n")


def test_tags(client: Client) -> None:
    for tag in ("v2", "v1"):
        client.push_image(REPOSITORY, tag, tag.encode())
    assert client("GET", f"/v2/{REPOSITORY}/tags/list").json() == {"name": REPOSITORY, "tags": ["v1", "v2"]}


def test_catalog_in_pages(client: Client) -> None:
    for repository in ("tmc/a", "tmc/b/c", "tmc/d"):
        client.push_image(repository, "v1", b"layer")
    first = client("GET", "/v2/_catalog?n=2")
    second = client("GET", _header(first, "Link").partition("<")[2].partition(">")[0])
    assert first.json() == {"repositories": ["tmc/a", "tmc/b/c"]}
    assert second.json() == {"repositories": ["tmc/d"]}


def test_deleted_manifest(client: Client) -> None:
    digest = client.push_image(REPOSITORY, "v1", b"layer")
    assert client("DELETE", f"/v2/{REPOSITORY}/manifests/{digest}").status == 202
    assert client("HEAD", f"/v2/{REPOSITORY}/manifests/{digest}").status == 404
    assert client("HEAD", f"/v2/{REPOSITORY}/manifests/v1").status == 404


def _header(reply: Reply, name: str) -> str:
    """Header names differ in their letter case from server to server."""
    return next((value for key, value in reply.headers.items() if key.lower() == name.lower()), "")
