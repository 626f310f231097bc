"""A token service for docker-registry: real signed tokens, whose life and rights a test decides."""

from __future__ import annotations

import base64
import datetime
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

from tests.serving import serving

USERNAME, PASSWORD = "robot$tmc+pusher", "s3cret:with:colons"
ISSUER, SERVICE = "issuer-of-tests", "registry-of-tests"
LEEWAY = 60  #: seconds that distribution goes on taking a token after its end
_BASIC = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()


@dataclass
class TokenService:
    """`said` is the life that the service announces; `real` what the registry grants, its leeway included."""

    folder: Path
    said: float = 20
    real: float = 20 + LEEWAY
    given: list[tuple[str, ...]] = field(default_factory=list)  #: scopes of each token
    address: str = ""
    _key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    _certificate: str = ""

    def configuration(self) -> str:
        """For docker-registry."""
        values = f"realm: {self.address}, service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {self._root()}"
        return f"auth: {{token: {{{values}}}}}\n"

    def token(self, scopes: tuple[str, ...]) -> str:
        now = int(time.time())
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        claims = {
            "iss": ISSUER, "sub": USERNAME, "aud": SERVICE, "jti": secrets.token_hex(8),
            "nbf": now - 120, "iat": now, "exp": int(now + self.real - LEEWAY), "access": access,
        }  # fmt: skip
        signed = f"{_packed({'typ': 'JWT', 'alg': 'ES256', 'x5c': [self._certificate]})}.{_packed(claims)}"
        r, s = utils.decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def _root(self) -> Path:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self._certificate = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
        file = self.folder / "issuer.pem"
        file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return file


@contextmanager
def token_service(folder: Path, said: float = 20, real: float = 20 + LEEWAY) -> Iterator[TokenService]:
    """A running one."""
    folder.mkdir(parents=True, exist_ok=True)
    service = TokenService(folder, said, real)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers.get("Authorization") == _BASIC
            scopes = tuple(parse_qs(urlsplit(self.path).query).get("scope", ()))
            body: dict[str, Any] = {"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]}
            if allowed:
                service.given.append(scopes)
                body = {"token": service.token(scopes), "expires_in": service.said}
            data = json.dumps(body).encode()
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: `given` has it."""

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        service.address = f"http://localhost:{server.server_port}/token"
        yield service


def _packed(document: object) -> str:
    return _url(json.dumps(document).encode())


def _url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
