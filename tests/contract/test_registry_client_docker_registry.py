"""Each verb of the client against a real registry, and each way of not reaching one."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.errors import Cancelled, TlsFailure
from installer_tasks.systems.bundle.manifests import digest_of
from installer_tasks.systems.bundle.model import OCI_MANIFEST
from installer_tasks.systems.registry import RegistryClient, errors, push_trial
from tests.contract.docker_registry import RunningRegistry, docker_registry, free_port
from tests.contract.meddler import Asked, Meddler, Meddling, Reply

pytestmark = [pytest.mark.docker_registry, pytest.mark.program("docker-registry")]
DATA = b"some bytes"
DIGEST = digest_of(DATA)
ABSENT = "sha256:" + "1" * 64


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry"), tls=True, auth=True) as running:
        yield running


@pytest.fixture
def client(registry: RunningRegistry) -> Iterator[RegistryClient]:
    made = registry.client()
    yield made
    made.close()


def test_ping(client: RegistryClient) -> None:
    assert 0 < client.ping() < 5


def test_a_blob_goes_up_and_comes_back(client: RegistryClient) -> None:
    assert not client.head_blob("v/blobs", DIGEST)
    client.put_upload(client.open_upload("v/blobs"), DIGEST, DATA, len(DATA))
    assert client.head_blob("v/blobs", DIGEST)
    assert client.get_blob("v/blobs", DIGEST) == DATA


def test_parts_of_a_blob_and_where_an_upload_stands(client: RegistryClient) -> None:
    upload = client.open_upload("v/parts")
    upload = client.patch_upload(upload, DATA[:4], 0, 4)
    assert client.upload_offset(upload) == 4
    upload = client.patch_upload(upload, DATA[4:], 4, len(DATA) - 4)
    client.put_upload(upload, DIGEST)
    assert client.get_blob("v/parts", DIGEST) == DATA


def test_an_upload_that_is_gone(client: RegistryClient) -> None:
    upload = client.open_upload("v/gone")
    client.cancel_upload(upload)
    assert client.upload_offset(upload) is None
    with pytest.raises(errors.UploadLost) as caught:
        client.put_upload(upload, DIGEST, DATA, len(DATA))
    assert caught.value.retry


def test_mount(client: RegistryClient) -> None:
    client.put_upload(client.open_upload("v/source"), DIGEST, DATA, len(DATA))
    assert client.mount_blob("v/destination", DIGEST, "v/source") is None
    assert client.head_blob("v/destination", DIGEST)
    upload = client.mount_blob("v/destination", ABSENT, "v/source")
    assert upload is not None
    client.cancel_upload(upload)


def test_wrong_bytes_are_refused(client: RegistryClient) -> None:
    with pytest.raises(errors.ChangedInTransit):
        client.put_upload(client.open_upload("v/wrong"), ABSENT, DATA, len(DATA))


def test_manifests_and_tags(client: RegistryClient) -> None:
    assert client.tags("v/images") == ()
    assert client.head_manifest("v/images", "one") is None
    assert client.get_manifest("v/images", "one") is None
    client.put_upload(client.open_upload("v/images"), DIGEST, DATA, len(DATA))
    described = f'{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{DIGEST}","size":{len(DATA)}}}'
    raw = f'{{ "schemaVersion":2, "mediaType":"{OCI_MANIFEST}", "config":{described}, "layers":[] }}'.encode()
    client.put_manifest("v/images", "one", raw, OCI_MANIFEST)
    client.put_manifest("v/images", "two", raw, OCI_MANIFEST)

    assert sorted(client.tags("v/images")) == ["one", "two"]
    assert client.head_manifest("v/images", "one") == digest_of(raw)
    found = client.get_manifest("v/images", "two")
    assert found is not None
    assert (found.raw, found.media_type) == (raw, OCI_MANIFEST)

    client.delete_manifest("v/images", digest_of(raw))
    assert client.head_manifest("v/images", "one") is None
    client.delete_blob("v/images", DIGEST)
    assert not client.head_blob("v/images", DIGEST)


def test_a_manifest_that_names_absent_content(client: RegistryClient) -> None:
    described = f'{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{ABSENT}","size":3}}'
    raw = f'{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{described},"layers":[]}}'.encode()
    with pytest.raises(errors.MissingOnPut) as caught:
        client.put_manifest("v/absent", "one", raw, OCI_MANIFEST)
    assert caught.value.digests == (ABSENT,)


def test_a_name_that_registries_refuse(client: RegistryClient) -> None:
    with pytest.raises(errors.BadName):
        client.open_upload("V/Upper")


def test_the_trial_pushes_pulls_and_leaves_nothing(client: RegistryClient) -> None:
    result = push_trial(client, "v")
    assert result.removed
    assert client.head_manifest(result.repository, result.digest) is None
    assert client.tags(result.repository) == ()


def test_the_trial_with_a_wrong_password(registry: RunningRegistry) -> None:
    client = registry.client(password="nonsense")
    with pytest.raises(errors.Unauthorized):
        push_trial(client, "v")
    client.close()


def test_a_trial_that_may_not_be_removed_is_no_failure(tmp_path: Path) -> None:
    def no_delete(asked: Asked) -> Meddling:
        return Reply(405, b'{"errors":[{"code":"UNSUPPORTED"}]}') if asked.method == "DELETE" else None

    with docker_registry(tmp_path / "registry") as backend, Meddler(backend.host, no_delete) as meddler:
        client = RegistryClient(meddler.host, plain_http=True)
        result = push_trial(client, "v")
        client.close()
    assert not result.removed
    assert "UNSUPPORTED" in result.kept_because


@pytest.mark.parametrize("host", ["no-such-host.invalid", "no-such-host.invalid:5000"])
def test_a_name_that_does_not_resolve(host: str) -> None:
    client = RegistryClient(host)
    with pytest.raises(errors.NameUnknown) as caught:
        client.ping()
    assert "no-such-host.invalid" in str(caught.value.cause)
    assert not caught.value.retry
    client.close()


def test_nobody_there() -> None:
    client = RegistryClient(f"localhost:{free_port()}")
    with pytest.raises(errors.NothingAnswers) as caught:
        client.ping()
    assert "refused" in str(caught.value.cause)
    client.close()


def test_plain_http_where_tls_is_expected(tmp_path: Path) -> None:
    with docker_registry(tmp_path / "plain") as running:
        client = RegistryClient(running.host)
        with pytest.raises(TlsFailure) as caught:
            client.ping()
        assert caught.value.code == "tls-none"
        client.close()


def test_tls_where_plain_http_was_asked_for(registry: RunningRegistry) -> None:
    client = RegistryClient(registry.host, plain_http=True)
    with pytest.raises(errors.WrongScheme):
        client.ping()
    client.close()


def test_a_certificate_of_an_unknown_authority(registry: RunningRegistry) -> None:
    client = RegistryClient(registry.host)
    with pytest.raises(TlsFailure) as caught:
        client.ping()
    assert caught.value.code == "tls-unknown-ca"
    client.close()


def test_a_certificate_for_another_name(registry: RunningRegistry) -> None:
    """Its certificate is for localhost and 127.0.0.1; here it answers on 127.0.0.2."""
    folder = registry.folder.parent
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    with socket.create_server(("127.0.0.2", 0)) as server:
        server.settimeout(10)

        def greet() -> None:
            connection, _address = server.accept()
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    return  # the client hangs up, which is what is tested

        thread = threading.Thread(target=greet)
        thread.start()
        client = RegistryClient(f"127.0.0.2:{server.getsockname()[1]}", ca_pem=registry.ca_pem)
        with pytest.raises(TlsFailure) as caught:
            client.ping()
        assert caught.value.code == "tls-wrong-name"
        thread.join()
        client.close()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404, b"<html><title>Not Found</title></html>"),
        Reply(200, b"<!doctype html><html><title>Harbor</title></html>"),
        Reply(302, b"", {"Location": "/login"}),
    ],
    ids=["404", "portal", "login"],
)
def test_what_is_no_registry(registry: RunningRegistry, reply: Reply) -> None:
    def portal(asked: Asked) -> Reply:
        return Reply(200, b"<html>sign in</html>") if asked.path == "/login" else reply

    with Meddler("localhost:1", portal) as meddler:
        client = RegistryClient(meddler.host, plain_http=True)
        with pytest.raises(errors.NotARegistry):
            client.ping()
        client.close()


def test_credentials_do_not_follow_a_redirect_to_another_host() -> None:
    """A blob that lies in an object store is fetched there, without the registry's password."""

    def away(asked: Asked) -> Reply:
        if "/blobs/" in asked.path:
            return Reply(307, b"", {"Location": f"http://{store.host}/bucket/blob"})
        return Reply(200, b"{}")

    with Meddler("localhost:1", lambda asked: Reply(200, DATA)) as store, Meddler("localhost:1", away) as meddler:
        client = RegistryClient(meddler.host, "admin", "hunter2", plain_http=True)
        assert client.get_blob("v/x", DIGEST) == DATA
        assert client.head_blob("v/x", DIGEST)
        client.close()
        assert all("Authorization" in asked.headers for asked in meddler.asked)
        assert [asked.method for asked in store.asked] == ["GET"]
        assert "Authorization" not in store.asked[0].headers


def test_a_blob_that_comes_back_changed(registry: RunningRegistry) -> None:
    with Meddler("localhost:1", lambda asked: Reply(200, b"other bytes")) as meddler:
        client = RegistryClient(meddler.host, plain_http=True)
        with pytest.raises(errors.WrongDigest):
            client.get_blob("v/x", DIGEST)
        with pytest.raises(errors.WrongDigest):
            client.get_manifest("v/x", DIGEST)
        client.close()


def test_tags_on_several_pages() -> None:
    def pages(asked: Asked) -> Reply:
        if "last=b" in asked.target:
            return Reply(200, b'{"tags":["c"]}')
        return Reply(200, b'{"tags":["a","b"]}', {"Link": '</v2/v/x/tags/list?last=b>; rel="next"'})

    with Meddler("localhost:1", pages) as meddler:
        client = RegistryClient(meddler.host, plain_http=True)
        assert client.tags("v/x") == ("a", "b", "c")
        client.close()


def test_after_abort_nothing_is_asked_until_it_is_revived(client: RegistryClient) -> None:
    client.abort()
    with pytest.raises(Cancelled):
        client.ping()
    client.revive()
    client.ping()


def test_no_cookies_are_kept() -> None:
    """Harbor wants a CSRF token from whoever sends a session cookie back."""
    with Meddler("localhost:1", lambda asked: Reply(200, b"{}", {"Set-Cookie": "sid=1; Path=/"})) as meddler:
        client = RegistryClient(meddler.host, plain_http=True)
        client.ping()
        client.ping()
        client.close()
        assert all("Cookie" not in asked.headers for asked in meddler.asked)
