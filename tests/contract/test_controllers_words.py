"""Values, fetches and certificates of the practice cluster: real outcomes, in the words of the real tools."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from installer_tasks import releases
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.controllers import FetchFailed, fetch_bundle
from installer_tasks.rehearsal.controllers.issuing import Authority, IssuerBroken, parse_duration, self_signed
from installer_tasks.rehearsal.controllers.ytt import validate
from installer_tasks.rehearsal.registry import RegistryServer
from installer_tasks.rehearsal.registry.storage import Manifest, digest_of

SCHEMA = releases.get("1.4.1").values_schema
VALUES = {
    "harborProject": "harbor.example.com/tmc",
    "dnsZone": "tmc.example.com",
    "clusterIssuer": "local",
    "oidc": {"issuerType": "pinniped", "issuerURL": "https://idp.example.com"},
    "postgres": {"userPassword": "x", "maxConnections": 300},
    "minio": {"username": "root", "password": "long-enough"},
    "contourEnvoy": {"serviceType": "LoadBalancer"},
    "trustedCAs": {"ca.pem": "pem"},
}


class TestValues:
    def test_good_ones_pass(self) -> None:
        assert validate(yaml.safe_dump(VALUES), SCHEMA) == ""

    def test_an_unknown_key_is_named_with_its_line(self) -> None:
        words = validate("dnsZone: z\nharbourProject: typo\n", SCHEMA)
        assert words.startswith("ytt: Error: Overlaying data values")
        assert "Given data value is not declared in schema" in words
        assert "2 | harbourProject: typo" in words
        assert "= found: harbourProject" in words
        assert 'a map item with the key named "harborProject"' in words

    def test_an_unknown_key_inside(self) -> None:
        assert "= found: colour" in validate(yaml.safe_dump({**VALUES, "minio": {"colour": 1}}), SCHEMA)

    def test_a_wrong_type(self) -> None:
        words = validate(yaml.safe_dump({**VALUES, "postgres": {"userPassword": "x", "maxConnections": "300"}}), SCHEMA)
        assert "= found: string" in words
        assert "= expected: integer" in words

    def test_missing_ones_are_listed(self) -> None:
        words = validate(yaml.safe_dump({**VALUES, "dnsZone": "", "minio": {"username": "root"}}), SCHEMA)
        assert words.startswith("ytt: Error: Validating final data values:")
        assert "  dnsZone\n" in words
        assert "  minio.password\n" in words

    @pytest.mark.parametrize("content", ["a: b: c", "pem: |\n-----BEGIN", "- list", ""])
    def test_what_is_no_map(self, content: str) -> None:
        assert validate(content, SCHEMA).startswith("ytt: Error")


@pytest.fixture
def authority(tmp_path: Path) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path / "ca")


@pytest.fixture
def registry(tmp_path: Path, authority: PracticeCA) -> Iterator[RegistryServer]:
    files = authority.issue_files(tmp_path / "tls", "registry", ["localhost", "127.0.0.1"])
    with RegistryServer(tmp_path / "data", *files) as server:
        server.create_project("tmc")
        server.create_project("closed", public=False)
        yield server


def complaint(image: str, authorities: str) -> str:
    with pytest.raises(FetchFailed) as caught:
        fetch_bundle(image, authorities)
    return str(caught.value)


class TestFetching:
    def test_a_manifest_that_is_there(self, registry: RegistryServer, authority: PracticeCA) -> None:
        content = b'{"schemaVersion": 2}'
        manifest = Manifest(digest_of(content), "application/vnd.oci.image.manifest.v1+json", content)
        registry.storage.put_manifest("tmc/package-repository", manifest)
        registry.storage.put_tag("tmc/package-repository", "1.4.1", manifest.digest)
        fetch_bundle(f"{registry.host}/tmc/package-repository:1.4.1", authority.ca_pem)

    def test_an_authority_that_kapp_controller_lacks(self, registry: RegistryServer) -> None:
        words = complaint(f"{registry.host}/tmc/package-repository:1.4.1", "")
        assert words.startswith("vendir: Error: Syncing directory '0':")
        assert words.endswith(f'Get "https://{registry.host}/v2/": x509: certificate signed by unknown authority')

    def test_a_tag_that_is_missing(self, registry: RegistryServer, authority: PracticeCA) -> None:
        words = complaint(f"{registry.host}/tmc/package-repository:1.4.1", authority.ca_pem)
        assert "artifact tmc/package-repository:1.4.1 not found" in words

    def test_a_private_project(self, registry: RegistryServer, authority: PracticeCA) -> None:
        assert "UNAUTHORIZED" in complaint(f"{registry.host}/closed/package-repository:1.4.1", authority.ca_pem)

    def test_nobody_there(self, registry: RegistryServer, authority: PracticeCA) -> None:
        host = registry.host
        registry.stop()
        assert "connection refused" in complaint(f"{host}/tmc/package-repository:1.4.1", authority.ca_pem)

    def test_what_is_no_reference(self) -> None:
        assert "could not parse reference" in complaint("nonsense", "")


def secret_of(certificate: str, key: str) -> dict[str, dict[str, str]]:
    pems = {"tls.crt": certificate, "tls.key": key}
    return {"data": {name: base64.b64encode(pem.encode()).decode() for name, pem in pems.items()}}


class TestIssuing:
    def test_a_certificate_is_trusted_by_who_trusts_the_issuer(self, authority: PracticeCA, tmp_path: Path) -> None:
        issuer = Authority.from_secret(secret_of(authority.ca_pem, authority.key_pem))
        issued = issuer.issue({"dnsNames": ["auth.tmc.test", "s3.tmc.test"], "duration": "8780h"})
        assert handshake(issued.certificate, issued.key, authority.ca_pem, "s3.tmc.test", tmp_path)
        found = x509.load_pem_x509_certificate(issued.certificate.encode())
        left = found.not_valid_after_utc - datetime.now(UTC)
        assert timedelta(hours=8779) < left <= timedelta(hours=8780)
        assert issued.ca == authority.ca_pem

    def test_an_issuer_below_another_sends_its_chain(self, authority: PracticeCA, tmp_path: Path) -> None:
        root = Authority.from_secret(secret_of(authority.ca_pem, authority.key_pem))
        below = root.issue({"commonName": "below", "isCA": True})
        issued = Authority.from_secret(secret_of(below.certificate, below.key)).issue({"dnsNames": ["tmc.test"]})
        assert handshake(issued.certificate, issued.key, authority.ca_pem, "tmc.test", tmp_path)

    def test_a_server_certificate_is_no_issuer(self, authority: PracticeCA) -> None:
        leaf = authority.issue(["localhost"])
        with pytest.raises(IssuerBroken, match="not a CA"):
            Authority.from_secret(secret_of(leaf.cert_pem, leaf.key_pem))

    def test_a_broken_secret_is_no_issuer(self) -> None:
        with pytest.raises(IssuerBroken, match="error decoding"):
            Authority.from_secret({"data": {"tls.crt": "%%%"}})

    def test_self_signed(self) -> None:
        issued = self_signed({"commonName": "own", "isCA": True})
        assert x509.load_pem_x509_certificate(issued.certificate.encode()).issuer.rfc4514_string() == "CN=own"

    @pytest.mark.parametrize(
        ("text", "hours"), [("8780h", 8780), ("1h30m0s", 1.5), ("2160h0m0s", 2160), ("", 2160), ("x", 2160)]
    )
    def test_durations(self, text: str, hours: float) -> None:
        assert parse_duration(text) == timedelta(hours=hours)


def handshake(certificate: str, key: str, authority: str, name: str, folder: Path) -> bool:
    """A TLS handshake in memory; raises when the client does not trust the server."""
    pem = folder / f"{name}.pem"
    pem.write_text(certificate + key)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cadata=authority).wrap_bio(to_client, to_server, server_hostname=name)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    for _turn in range(4):
        done = []
        for side in (client, server):
            try:
                side.do_handshake()
                done.append(side)
            except ssl.SSLWantReadError:
                pass
    return len(done) == 2
