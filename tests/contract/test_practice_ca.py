"""The practice CA, judged by openssl, by Python's ssl and by kubectl's Go: none of them is ours."""

from __future__ import annotations

import os
import ssl
import stat
import subprocess
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from installer_tasks.errors import Invalid
from installer_tasks.rehearsal.ca import Issued, PracticeCA
from tests import hostile
from tests.waiting import PATIENCE


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("estate") / "ca")


def openssl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE)


def verified(ca: PracticeCA, issued: Issued, folder: Path, *arguments: str) -> str:
    file = folder / "certificate.pem"
    file.write_text(issued.cert_pem)
    outcome = openssl("verify", "-x509_strict", "-CAfile", str(ca.ca_file), *arguments, str(file))
    return outcome.stdout + outcome.stderr


@pytest.mark.program("openssl")
def test_openssl_verifies_strictly_by_purpose_and_name(ca: PracticeCA, tmp_path: Path) -> None:
    server = ca.issue(["tmc.example", "*.tmc.example", "127.0.0.1"])
    for check in (("-purpose", "sslserver"), ("-verify_hostname", "s3.tmc.example"), ("-verify_ip", "127.0.0.1")):
        assert verified(ca, server, tmp_path, *check).endswith(": OK\n"), check
    assert "hostname mismatch" in verified(ca, server, tmp_path, "-verify_hostname", "console.s3.tmc.example")
    assert "purpose" in verified(ca, server, tmp_path, "-purpose", "sslclient")


@pytest.mark.program("openssl")
def test_a_client_certificate_names_user_and_groups(ca: PracticeCA, tmp_path: Path) -> None:
    issued = ca.issue([], common_name="practice-admin", client=True, organizations=("system:masters",))
    assert verified(ca, issued, tmp_path, "-purpose", "sslclient").endswith(": OK\n")
    subject = openssl("x509", "-in", str(tmp_path / "certificate.pem"), "-noout", "-subject").stdout
    assert "O = system:masters" in subject
    assert "CN = practice-admin" in subject


@pytest.mark.program("openssl")
def test_an_expired_certificate_is_seen_as_expired(ca: PracticeCA, tmp_path: Path) -> None:
    issued = ca.issue(["tmc.example"], lifetime=timedelta(hours=-1))
    assert "certificate has expired" in verified(ca, issued, tmp_path)


def test_python_verifies_with_its_strictest_flags(ca: PracticeCA, tmp_path: Path) -> None:
    strict = ssl.create_default_context(cafile=str(ca.ca_file))
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    client, server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = strict.wrap_bio(client, server, server_hostname="tmc.example")
    theirs = hostile.server_context(ca.issue(["tmc.example"]), tmp_path).wrap_bio(server, client, server_side=True)
    for _flight in range(4):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    certificate = ours.getpeercert()
    assert certificate is not None
    assert certificate["subjectAltName"] == (("DNS", "tmc.example"),)


@pytest.mark.program("kubectl")
def test_go_trusts_a_server_of_it_and_nobody_elses(ca: PracticeCA, tmp_path: Path) -> None:
    """kubectl speaks TLS with Go's verifier; what it says of the answer shows that the handshake was good."""
    behaviour = hostile.answering(body=b'{"major": "1", "minor": "30", "gitVersion": "v1.30.0"}')
    other = PracticeCA.load_or_create(tmp_path / "other")
    with hostile.serving(behaviour, ca.issue(["127.0.0.1"]), tmp_path) as port:
        outcomes = {}
        for name, authority in (("ours", ca), ("other", other)):
            command = ["kubectl", "--server", f"https://127.0.0.1:{port}", "--certificate-authority",
                       str(authority.ca_file), "--token", "none", "get", "--raw", "/version"]  # fmt: skip
            outcomes[name] = subprocess.run(
                command, capture_output=True, text=True, timeout=PATIENCE, check=False,
                env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            )  # fmt: skip
    assert "v1.30.0" in outcomes["ours"].stdout, outcomes["ours"].stderr
    assert "x509: certificate signed by unknown authority" in outcomes["other"].stderr


def test_it_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = PracticeCA.load_or_create(tmp_path / "ca")
    assert PracticeCA.load_or_create(tmp_path / "ca").ca_pem == first.ca_pem
    assert first.ca_file.read_text() == first.ca_pem
    assert stat.S_IMODE((tmp_path / "ca").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "ca" / "ca.key").stat().st_mode) == 0o600
    certificate, key = first.issue_files(tmp_path / "files", "registry", ["localhost"])
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(x509.load_pem_x509_certificates(certificate.read_bytes())) == 2
    assert sorted(file.name for file in (tmp_path / "files").iterdir()) == ["registry.crt", "registry.key"]


def test_all_who_come_at_the_same_time_get_the_same_one(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(PracticeCA.load_or_create(tmp_path / "ca").ca_pem))
        for _number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("damaged", ["ca.crt", "ca.key"])
def test_a_damaged_one_is_said_to_be_damaged(tmp_path: Path, damaged: str) -> None:
    PracticeCA.load_or_create(tmp_path / "ca")
    (tmp_path / "ca" / damaged).write_text("cut short")
    with pytest.raises(Invalid) as failure:
        PracticeCA.load_or_create(tmp_path / "ca")
    assert failure.value.code == "practice-ca-damaged"


def test_a_key_of_another_authority_is_noticed(tmp_path: Path) -> None:
    PracticeCA.load_or_create(tmp_path / "a")
    other = PracticeCA.load_or_create(tmp_path / "b")
    (tmp_path / "a" / "ca.key").write_text(other.key_pem)
    with pytest.raises(Invalid):
        PracticeCA.load_or_create(tmp_path / "a")


def test_no_key_is_shown_by_accident(ca: PracticeCA) -> None:
    issued = ca.issue(["tmc.example"])
    assert "PRIVATE KEY" not in repr(issued)
    assert "PRIVATE KEY" not in repr(ca)
