"""Debian's docker-registry as a child of a test: a free loopback port, a folder of its own, nothing left behind.

with docker_registry(tmp_path) as registry:
    client = registry.client()
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from installer_tasks.systems.registry import RegistryClient
from tests.waiting import listens_on, stop, until_it_serves

PROGRAM = "docker-registry"
USERNAME, PASSWORD = "robot$tmc+pusher", "p@ss:word"


@dataclass(frozen=True)
class RunningRegistry:
    """A docker-registry that answers."""

    host: str  #: localhost:port
    folder: Path  #: its storage
    log: Path
    username: str
    password: str
    ca_pem: str | None  #: None: plain HTTP

    def client(self, **changes: str) -> RegistryClient:
        values = {"username": self.username, "password": self.password, **changes}
        return RegistryClient(self.host, **values, ca_pem=self.ca_pem, plain_http=self.ca_pem is None)

    def requests(self) -> list[str]:
        """The access log: `PUT /v2/...` with the status at the end, in the order of their ends."""
        lines = []
        for line in self.log.read_text(errors="replace").splitlines():
            request, _, rest = line.partition(' HTTP/1.1" ')
            if rest and '"' in request:
                lines.append(f"{request.rpartition(chr(34))[2]} {rest.split()[0]}")
        return lines


@contextmanager
def docker_registry(
    folder: Path, *, tls: bool = False, auth: bool = False, tokens: str = ""
) -> Iterator[RunningRegistry]:
    """A registry with storage below `folder`; TLS from an authority of its own, Basic authentication by htpasswd.

    `tokens` are lines of its configuration that make it ask for tokens instead (token_service.py).
    """
    folder.mkdir(parents=True, exist_ok=True)
    ca_pem = _write_certificates(folder) if tls else None
    if auth:
        _write_htpasswd(folder)
    port = free_port()
    config = folder / "config.yml"
    config.write_text(_config(folder, port, tls=tls, auth=auth) + tokens)
    log = folder / "registry.log"
    environment = {"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"}
    with log.open("wb") as output:
        command = [program_path(PROGRAM), "serve", str(config)]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        until_it_serves(process, lambda: listens_on(port), lambda: log.read_text(errors="replace"))
        user, password = (USERNAME, PASSWORD) if auth else ("", "")
        yield RunningRegistry(f"localhost:{port}", folder / "data", log, user, password, ca_pem)
    finally:
        stop(process)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def program_path(name: str) -> str:
    found = shutil.which(name, path=os.environ["PATH"] + os.pathsep + "/usr/sbin")
    assert found is not None, f"{name} is not installed"
    return found


def _config(folder: Path, port: int, *, tls: bool, auth: bool) -> str:
    lines = [
        "version: 0.1",
        "log: {level: info, accesslog: {disabled: false}}",
        "storage:",
        f"  filesystem: {{rootdirectory: {folder / 'data'}}}",
        "  cache: {blobdescriptor: inmemory}",
        "  delete: {enabled: true}",
        "  maintenance: {uploadpurging: {enabled: false}}",
        "http:",
        f"  addr: 127.0.0.1:{port}",
        f"  secret: {os.urandom(8).hex()}",
    ]
    if tls:
        lines.append(f"  tls: {{certificate: {folder / 'cert.pem'}, key: {folder / 'key.pem'}}}")
    if auth:
        lines.append(f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}")
    return "\n".join(lines) + "\n"


def _write_htpasswd(folder: Path) -> None:
    made = subprocess.run(
        ["htpasswd", "-niBC", "5", USERNAME],
        input=PASSWORD.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    (folder / "htpasswd").write_bytes(made.stdout)


def _write_certificates(folder: Path) -> str:
    """cert.pem and key.pem for localhost; the PEM of the authority that signed them."""
    ca_key, ca = _certificate("Test CA", None, None)
    key, certificate = _certificate("localhost", ca_key, ca)
    encoding = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(encoding))
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(private)
    return ca.public_bytes(encoding).decode()


def _certificate(
    name: str, issuer_key: ec.EllipticCurvePrivateKey | None, issuer: x509.Certificate | None
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    signer = issuer_key or key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=90))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if issuer is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    else:
        builder = builder.add_extension(_ca_usage(), critical=True)
    return key, builder.sign(signer, hashes.SHA256())


def _ca_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
