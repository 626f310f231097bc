"""`up` over TLS: the made certificate, one's own, what is printed, and no clear text beyond this machine by oversight."""

from __future__ import annotations

import hashlib
import http.client
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.contract.up_process import ROOT, Up, environment
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.redis, pytest.mark.program("redis-server")]

NAME = "installer.example.com"


@contextmanager
def up(state: Path, *options: str, **env: str) -> Iterator[Up]:
    running = Up(state, *options, **env)
    try:
        yield running
    finally:
        running.close()


def test_the_made_certificate_is_named_by_its_fingerprint_and_kept(tmp_path: Path) -> None:
    fingerprints = []
    for _start in range(2):
        with up(tmp_path / "state", "--tls", TMC_INSTALLER_HOSTS=f"{NAME},127.0.0.1") as running:
            url = running.ready()
            fingerprints.append(running.says(r"SHA-256 fingerprint of its certificate: (\S+)")[1])
            assert running.says(r"(https://\S+/sign-in/\S+)")
            trusted = ssl.create_default_context(cafile=str(tmp_path / "state" / "tls" / "certificate.pem"))
            with Named(urlsplit(url).port or 0, trusted) as connection:
                connection.request("GET", "/sign-in/", headers={"Host": NAME})
                answer = connection.getresponse()
                der = connection.sock.getpeercert(binary_form=True)
                assert answer.status == 200
                assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
                assert "Secure" in answer.headers["Set-Cookie"]
            assert plain_http(urlsplit(url).port or 0) == (307, f"https://{NAME}/sign-in/?next=%2F")
            assert hashlib.sha256(der).hexdigest() == fingerprints[-1].replace(":", "").lower()
    assert fingerprints[0] == fingerprints[1]
    assert (tmp_path / "state" / "tls" / "key.pem").stat().st_mode & 0o077 == 0


def plain_http(port: int) -> tuple[int, str]:
    """What a browser gets whose person typed the address without https."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with closing(connection):
        connection.request("GET", "/sign-in/?next=%2F", headers={"Host": NAME})
        answer = connection.getresponse()
        assert b"https://" in answer.read()
        return answer.status, answer.headers["Location"]


class Named(http.client.HTTPSConnection):
    """To loopback, and checked as a browser on another machine checks it: by the name."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", port, timeout=PATIENCE)
        self._trusted = context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._trusted.wrap_socket(self.sock, server_hostname=NAME)

    def __enter__(self) -> Named:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def refused(state: Path, *options: str) -> str:
    argv = [sys.executable, str(ROOT / "manage.py"), "up", "--state", str(state), "--port", "0", *options]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", NAME])
def test_beyond_this_machine_nothing_is_sent_in_clear_by_oversight(tmp_path: Path, host: str) -> None:
    assert "passwords in clear text" in refused(tmp_path / "state", "--host", host)


def test_a_certificate_and_a_key_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("no certificate")
    said = refused(tmp_path / "state", "--tls-cert", str(tmp_path / "a.pem"), "--tls-key", str(tmp_path / "a.pem"))
    assert "cannot be used together" in said
    assert "belong together" in refused(tmp_path / "state", "--tls-cert", str(tmp_path / "a.pem"))


def test_a_link_has_the_origin_of_the_proxy(tmp_path: Path) -> None:
    with up(tmp_path / "state", TMC_INSTALLER_ORIGINS=f"https://{NAME}") as running:
        assert running.says(r"is running at (\S+)")[1] == f"https://{NAME}"
