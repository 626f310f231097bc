"""The practice registry speaks OCI Distribution: uploads, blobs, manifests, lists."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.rehearsal.registry import RegistryServer
from tests.contract.registry_client import (
    OCI_INDEX,
    OCI_MANIFEST,
    Certificates,
    Client,
    descriptor,
    digest_of,
    image_manifest,
    make_certificates,
)

REPOSITORY = "tmc/498533941640.dkr.ecr.us-west-2.amazonaws.com/packages/standard/repo"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def registry(tmp_path: Path, certificates: Certificates) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path / "registry", certificates.certificate, certificates.key) as server:
        server.create_project("tmc")
        yield server


@pytest.fixture
def client(registry: RegistryServer, certificates: Certificates) -> Iterator[Client]:
    with Client(registry.port, certificates.ca, registry.users["admin"]) as client:
        yield client


def test_monolithic_upload_is_stored_and_counted(registry: RegistryServer, client: Client) -> None:
    content = os.urandom(300_000)

    digest = client.push_blob(REPOSITORY, content)

    reply = client("GET", f"/v2/{REPOSITORY}/blobs/{digest}")
    assert (reply.status, reply.body) == (200, content)
    assert reply.headers["Docker-Content-Digest"] == digest
    assert reply.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert registry.received == {digest: 1}
    assert registry.received_bytes == {digest: len(content)}
    put = next(record for record in registry.requests if record.method == "PUT")
    assert (put.received, put.digest, put.user, put.status) == (len(content), digest, "admin", 201)


def test_chunked_upload_in_order(client: Client) -> None:
    content = os.urandom(150_000)
    location = client.location(REPOSITORY)
    for start, end in ((0, 99_999), (100_000, 149_999)):
        reply = client("PATCH", location, content[start : end + 1], Content_Range=f"{start}-{end}")
        assert (reply.status, reply.headers["Range"]) == (202, f"0-{end}")
        location = reply.headers["Location"]
    assert client("GET", location).headers["Range"] == "0-149999"

    reply = client("PUT", f"{location}&digest={digest_of(content)}")

    assert reply.status == 201
    assert client("GET", f"/v2/{REPOSITORY}/blobs/{digest_of(content)}").body == content


def test_body_with_chunked_transfer_encoding(client: Client) -> None:
    parts = [os.urandom(70_000), b"x", os.urandom(10)]
    location = client.location(REPOSITORY)
    location = client("PATCH", location, iter(parts)).headers["Location"]  # http.client chunks an iterator

    assert client("PUT", f"{location}&digest={digest_of(b''.join(parts))}").status == 201


def test_chunk_out_of_order_is_refused_and_says_where_to_go_on(client: Client) -> None:
    location = client("PATCH", client.location(REPOSITORY), b"12345", Content_Range="0-4").headers["Location"]

    reply = client("PATCH", location, b"99", Content_Range="7-8")

    assert (reply.status, reply.code(), reply.headers["Range"]) == (416, "RANGE_INVALID", "0-4")
    assert client("PATCH", location, b"67", Content_Range="5-6").status == 202


def test_wrong_digest_is_refused_and_the_upload_is_gone(registry: RegistryServer, client: Client) -> None:
    location = client.location(REPOSITORY)

    reply = client("PUT", f"{location}&digest={digest_of(b'other')}", b"content")

    assert (reply.status, reply.code()) == (400, "DIGEST_INVALID")
    assert client("GET", location).code() == "BLOB_UPLOAD_UNKNOWN"
    assert client("HEAD", f"/v2/{REPOSITORY}/blobs/{digest_of(b'content')}").status == 404
    assert registry.received == {}


def test_sha512_digests(client: Client) -> None:
    from hashlib import sha512

    digest = f"sha512:{sha512(b'content').hexdigest()}"
    assert client("PUT", f"{client.location(REPOSITORY)}&digest={digest}", b"content").status == 201
    assert client("GET", f"/v2/{REPOSITORY}/blobs/{digest}").body == b"content"


def test_location_must_be_used_with_its_query(client: Client) -> None:
    bare = client.location(REPOSITORY).partition("?")[0]
    assert client("PUT", f"{bare}?digest={digest_of(b'')}", b"").code() == "BLOB_UPLOAD_INVALID"


def test_cancelled_upload_is_unknown(client: Client) -> None:
    location = client.location(REPOSITORY)
    assert client("DELETE", location).status == 204
    assert client("PATCH", location, b"1").code() == "BLOB_UPLOAD_UNKNOWN"


def test_an_upload_belongs_to_its_repository(client: Client) -> None:
    location = client.location("tmc/one").replace("tmc/one", "tmc/two")
    assert client("GET", location).code() == "BLOB_UPLOAD_UNKNOWN"


def test_mount_instead_of_sending(registry: RegistryServer, client: Client) -> None:
    digest = client.push_blob("tmc/one", b"shared")

    reply = client("POST", f"/v2/tmc/two/blobs/uploads/?mount={digest}&from=tmc/one")

    assert (reply.status, reply.headers["Location"]) == (201, f"/v2/tmc/two/blobs/{digest}")
    assert client("GET", f"/v2/tmc/two/blobs/{digest}").body == b"shared"
    assert registry.received == {digest: 1}


@pytest.mark.parametrize("query", ["?mount={digest}&from=tmc/other", "?mount={digest}"])
def test_mount_that_cannot_be_opens_an_upload(client: Client, query: str) -> None:
    digest = digest_of(b"not there")
    reply = client("POST", f"/v2/tmc/two/blobs/uploads/{query.format(digest=digest)}")
    assert reply.status == 202
    assert client("PUT", f"{reply.headers['Location']}&digest={digest}", b"not there").status == 201


def test_post_with_digest_ignores_the_body_as_distribution_does(client: Client) -> None:
    reply = client("POST", f"/v2/{REPOSITORY}/blobs/uploads/?digest={digest_of(b'1')}", b"1")
    assert reply.status == 202
    assert client("HEAD", f"/v2/{REPOSITORY}/blobs/{digest_of(b'1')}").status == 404


def test_blobs_are_seen_in_their_own_repository_only(client: Client) -> None:
    digest = client.push_blob("tmc/one", b"mine")
    assert client("HEAD", f"/v2/tmc/one/blobs/{digest}").status == 200
    reply = client("GET", f"/v2/tmc/two/blobs/{digest}")
    assert (reply.status, reply.code()) == (404, "BLOB_UNKNOWN")


def test_deleted_blob_is_gone(client: Client) -> None:
    digest = client.push_blob("tmc/one", b"mine")
    assert client("DELETE", f"/v2/tmc/one/blobs/{digest}").status == 202
    assert client("HEAD", f"/v2/tmc/one/blobs/{digest}").status == 404


@pytest.mark.parametrize(
    ("wanted", "part", "content_range"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=5-99", b"56789", "bytes 5-9/10"),
    ],
)
def test_part_of_a_blob(client: Client, wanted: str, part: bytes, content_range: str) -> None:
    digest = client.push_blob(REPOSITORY, b"0123456789")
    reply = client("GET", f"/v2/{REPOSITORY}/blobs/{digest}", Range=wanted)
    assert (reply.status, reply.body, reply.headers["Content-Range"]) == (206, part, content_range)


def test_part_beyond_the_end_is_refused(client: Client) -> None:
    digest = client.push_blob(REPOSITORY, b"0123456789")
    assert client("GET", f"/v2/{REPOSITORY}/blobs/{digest}", Range="bytes=10-").status == 416


def test_image_by_tag_and_digest(registry: RegistryServer, client: Client) -> None:
    digest = client.push_image(REPOSITORY, "v1", b"layer one", b"layer two")

    by_tag = client("GET", f"/v2/{REPOSITORY}/manifests/v1")
    head = client("HEAD", f"/v2/{REPOSITORY}/manifests/{digest}")

    assert digest_of(by_tag.body) == digest == by_tag.headers["Docker-Content-Digest"]
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(by_tag.body)))
    assert head.headers["Content-Type"] == OCI_MANIFEST
    assert registry.has(REPOSITORY, "v1") and registry.has(REPOSITORY, digest)
    assert not registry.has(REPOSITORY, "v2")


def test_manifest_needs_its_blobs(client: Client) -> None:
    manifest = image_manifest(b"{}", b"absent layer")
    client.push_blob(REPOSITORY, b"{}")

    reply = client("PUT", f"/v2/{REPOSITORY}/manifests/v1", manifest, Content_Type=OCI_MANIFEST)

    assert (reply.status, reply.code()) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert [error["detail"]["digest"] for error in reply.json()["errors"]] == [digest_of(b"absent layer")]
    assert client("GET", f"/v2/{REPOSITORY}/manifests/v1").code() == "MANIFEST_UNKNOWN"


def test_index_needs_its_children(client: Client) -> None:
    child = image_manifest(b"{}")
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(OCI_MANIFEST, child)]})

    before = client("PUT", f"/v2/{REPOSITORY}/manifests/multi", index, Content_Type=OCI_INDEX)
    client.push_blob(REPOSITORY, b"{}")
    client("PUT", f"/v2/{REPOSITORY}/manifests/{digest_of(child)}", child, Content_Type=OCI_MANIFEST)
    after = client("PUT", f"/v2/{REPOSITORY}/manifests/multi", index, Content_Type=OCI_INDEX)

    assert (before.code(), before.json()["errors"][0]["detail"]["digest"]) == (
        "MANIFEST_BLOB_UNKNOWN",
        digest_of(child),
    )
    assert after.status == 201


def test_layers_that_live_elsewhere_are_not_asked_for(client: Client) -> None:
    client.push_blob(REPOSITORY, b"{}")
    document = json.loads(image_manifest(b"{}", b"foreign"))
    document["layers"][0]["urls"] = ["https://example.invalid/layer"]
    reply = client("PUT", f"/v2/{REPOSITORY}/manifests/v1", json.dumps(document), Content_Type=OCI_MANIFEST)
    assert reply.status == 201


@pytest.mark.parametrize(
    ("reference", "content", "media_type", "code"),
    [
        ("v1", b"not json", OCI_MANIFEST, "MANIFEST_INVALID"),
        ("v1", b"[]", OCI_MANIFEST, "MANIFEST_INVALID"),
        ("v1", b'{"schemaVersion": 2, "config": 7}', OCI_MANIFEST, "MANIFEST_INVALID"),
        ("v1", image_manifest(b"{}"), OCI_INDEX, "MANIFEST_INVALID"),
        ("v1", image_manifest(b"{}"), "text/plain", "MANIFEST_INVALID"),
        (digest_of(b"other"), image_manifest(b"{}"), OCI_MANIFEST, "DIGEST_INVALID"),
        ("-v1", image_manifest(b"{}"), OCI_MANIFEST, "TAG_INVALID"),
    ],
)
def test_bad_manifests_are_refused(client: Client, reference: str, content: bytes, media_type: str, code: str) -> None:
    client.push_blob(REPOSITORY, b"{}")
    reply = client("PUT", f"/v2/{REPOSITORY}/manifests/{reference}", content, Content_Type=media_type)
    assert (reply.status, reply.code()) == (400, code)


def test_tag_moves_and_deleting_a_tag_keeps_the_image(client: Client) -> None:
    first = client.push_image(REPOSITORY, "v1", b"one")
    second = client.push_image(REPOSITORY, "v1", b"two")

    assert client("HEAD", f"/v2/{REPOSITORY}/manifests/v1").headers["Docker-Content-Digest"] == second
    assert client("DELETE", f"/v2/{REPOSITORY}/manifests/v1").status == 202
    assert client("HEAD", f"/v2/{REPOSITORY}/manifests/v1").status == 404
    assert client("HEAD", f"/v2/{REPOSITORY}/manifests/{first}").status == 200
    assert client("HEAD", f"/v2/{REPOSITORY}/manifests/{second}").status == 200


def test_deleting_a_manifest_takes_its_tags(client: Client) -> None:
    digest = client.push_image(REPOSITORY, "v1", b"one")
    assert client("DELETE", f"/v2/{REPOSITORY}/manifests/{digest}").status == 202
    assert client("HEAD", f"/v2/{REPOSITORY}/manifests/v1").status == 404


def test_tags_come_in_pages(client: Client) -> None:
    for tag in ("a", "b", "c"):
        client.push_image(REPOSITORY, tag, b"one")

    first = client("GET", f"/v2/{REPOSITORY}/tags/list?n=2")
    link = first.headers["Link"]
    second = client("GET", link.partition("<")[2].partition(">")[0])

    assert first.json() == {"name": REPOSITORY, "tags": ["a", "b"]}
    assert link.endswith('; rel="next"')
    assert second.json()["tags"] == ["c"]
    assert "Link" not in second.headers


def test_catalog_comes_in_pages(client: Client) -> None:
    for repository in ("tmc/a", "tmc/b/c", "tmc/d"):
        client.push_image(repository, "v1", b"one")

    first = client("GET", "/v2/_catalog?n=2")
    second = client("GET", first.headers["Link"].partition("<")[2].partition(">")[0])

    assert first.json() == {"repositories": ["tmc/a", "tmc/b/c"]}
    assert second.json() == {"repositories": ["tmc/d"]}


def test_unknown_repository_has_no_tags(client: Client) -> None:
    reply = client("GET", "/v2/tmc/nothing/tags/list")
    assert (reply.status, reply.code()) == (404, "NAME_UNKNOWN")


def test_invalid_repository_name_is_no_route(client: Client) -> None:
    reply = client("POST", "/v2/tmc/UPPER/blobs/uploads/")
    assert (reply.status, reply.body) == (404, b"404 page not found\n")


def test_referrers(client: Client) -> None:
    subject = client.push_image(REPOSITORY, "v1", b"one")
    assert client("GET", f"/v2/{REPOSITORY}/referrers/{subject}").json()["manifests"] == []
    signature = image_manifest(
        b"{}", artifactType="application/x-signature", subject={"mediaType": OCI_MANIFEST, "digest": subject, "size": 1}
    )
    client.push_blob(REPOSITORY, b"{}")

    pushed = client("PUT", f"/v2/{REPOSITORY}/manifests/{digest_of(signature)}", signature, Content_Type=OCI_MANIFEST)
    found = client("GET", f"/v2/{REPOSITORY}/referrers/{subject}?artifactType=application/x-signature")
    none = client("GET", f"/v2/{REPOSITORY}/referrers/{subject}?artifactType=other")

    assert pushed.headers["OCI-Subject"] == subject
    assert [entry["digest"] for entry in found.json()["manifests"]] == [digest_of(signature)]
    assert none.json()["manifests"] == []


def test_method_without_meaning_is_unsupported(client: Client) -> None:
    reply = client("PATCH", f"/v2/{REPOSITORY}/manifests/v1")
    assert (reply.status, reply.code()) == (405, "UNSUPPORTED")
