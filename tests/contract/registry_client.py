"""What the registry tests share: a practice CA for loopback, and a plain HTTP client that hides nothing."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from installer_tasks.rehearsal.registry import User
from tests.waiting import PATIENCE


@dataclass(frozen=True)
class Certificates:
    """Files of a CA and of one certificate for localhost; `folder` is fit for skopeo's --cert-dir."""

    folder: Path
    ca: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    ca = _builder(ca_name, ca_name, ca_key).add_extension(x509.BasicConstraints(True, None), critical=True)
    leaf = _builder(name, ca_name, key).add_extension(names, critical=False)
    (folder / "trust").mkdir()
    files = Certificates(folder / "trust", folder / "trust" / "ca.crt", folder / "tls.crt", folder / "tls.key")
    files.ca.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files.certificate.write_bytes(leaf.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=90))
    )


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def code(self) -> str:
        """Of the first error in an OCI error body."""
        return str(self.json()["errors"][0]["code"])


class Client:
    """One kept-alive connection; sends Basic at once when it has a user."""

    def __init__(self, port: int, ca: Path, user: User | None = None, token: str = "") -> None:
        self.context = ssl.create_default_context(cafile=str(ca))
        self.connection = http.client.HTTPSConnection("localhost", port, context=self.context, timeout=PATIENCE)
        self.headers: dict[str, str] = {}
        if user:
            self.headers["Authorization"] = basic(user.name, user.password)
        if token:
            self.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body=body, headers={**self.headers, **sent})
        response = self.connection.getresponse()
        return Reply(response.status, dict(response.headers.items()), response.read())

    def location(self, repository: str) -> str:
        """Of a new upload."""
        return self("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]

    def push_blob(self, repository: str, content: bytes) -> str:
        digest = digest_of(content)
        reply = self("PUT", f"{self.location(repository)}&digest={digest}", content)
        assert reply.status == 201, reply
        return digest

    def push_image(self, repository: str, tag: str, *layers: bytes) -> str:
        """A small OCI image; its manifest digest."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
        self.push_blob(repository, config.encode())
        for layer in layers:
            self.push_blob(repository, layer)
        manifest = image_manifest(config.encode(), *layers)
        reply = self("PUT", f"/v2/{repository}/manifests/{tag}", manifest, Content_Type=OCI_MANIFEST)
        assert reply.status == 201, reply
        return reply.headers["Docker-Content-Digest"]


OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def image_manifest(config: bytes, *layers: bytes, **more: Any) -> bytes:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer) for layer in layers],
            **more,
        }
    ).encode()


def descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def digest_of(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
