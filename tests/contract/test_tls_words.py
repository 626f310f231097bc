"""One server, asked by everything of ours that speaks TLS: each says the same of the same fault, and sends nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from installer_tasks.errors import TlsFailure
from installer_tasks.rehearsal.ca import Issued
from installer_tasks.systems import certificates, directory, http
from installer_tasks.systems.cluster.access import connect
from installer_tasks.systems.cluster.credentials import Credentials
from installer_tasks.systems.cluster.kubeconfig import Kubeconfig
from installer_tasks.systems.registry import RegistryClient
from tests import hostile
from tests.unit.x509 import CLIENT, SERVER, Made, constrained, make, usable_for
from tests.waiting import PATIENCE

Ask = Callable[[int, str], object]


def _registry(port: int, ca: str) -> None:
    client = RegistryClient(f"localhost:{port}", ca_pem=ca)
    try:
        client.ping()
    finally:
        client.close()


def _cluster(port: int, ca: str) -> object:
    user = Credentials(token="canary-token")
    return connect(Kubeconfig(("one",), "one", f"https://localhost:{port}", user, ca), timeout=PATIENCE)


ASKED: dict[str, Ask] = {
    "look": lambda port, ca: certificates.verify_endpoint("localhost", port, ca_pem=ca),
    "http": lambda port, ca: http.fetch(f"https://localhost:{port}/", ca_pem=ca),
    "registry": _registry,
    "cluster": _cluster,
    "directory": lambda port, ca: directory.Session(directory.Place("localhost", port), ca),
}
ROOT = make("root", ca=True)


def _below(middle: Made) -> tuple[Made, ...]:
    return make("leaf", middle, dns="localhost", extra=[usable_for(SERVER)]), middle


CHAINS: dict[str, tuple[tuple[Made, ...], str]] = {
    "expired": ((make("leaf", ROOT, dns="localhost", end=timedelta(hours=-1)),), "tls-expired"),
    "an authority that expired": (_below(make("mid", ROOT, ca=True, end=timedelta(hours=-1))), "tls-expired"),
    "not yet valid": ((make("leaf", ROOT, dns="localhost", start=timedelta(hours=1)),), "tls-not-yet-valid"),
    "another name": ((make("leaf", ROOT, dns="other.example"),), "tls-wrong-name"),
    "an unknown authority": ((make("leaf", make("other", ca=True), dns="localhost"),), "tls-unknown-ca"),
    "name constraints": (
        _below(make("mid", ROOT, ca=True, extra=[constrained("corp.example")])),
        "tls-name-constraints",
    ),
    "excluded name": (
        _below(make("mid", ROOT, ca=True, extra=[constrained(excluded=["localhost"])])),
        "tls-name-constraints",
    ),
    "a client's certificate": ((make("leaf", ROOT, dns="localhost", extra=[usable_for(CLIENT)]),), "tls-wrong-purpose"),
    "an authority for clients": (_below(make("mid", ROOT, ca=True, extra=[usable_for(CLIENT)])), "tls-wrong-purpose"),
    "signed by a server": (_below(make("mid", ROOT, dns="mid.example")), "tls-not-a-ca"),
}


def asked(ask: Ask, port: int) -> TlsFailure:
    with pytest.raises(TlsFailure) as failure:
        ask(port, ROOT.pem)
    assert f"localhost:{port}" in failure.value.value
    assert str(failure.value.remedy)
    return failure.value


@pytest.mark.parametrize(("chain", "code"), CHAINS.values(), ids=CHAINS)
def test_everybody_says_the_same_of_a_certificate(chain: tuple[Made, ...], code: str, tmp_path: Path) -> None:
    issued = Issued(chain[0].pem, "".join(each.pem for each in chain), chain[0].key_pem())
    with hostile.serving(hostile.silent, issued, tmp_path) as port:
        failures = [asked(ask, port) for ask in ASKED.values()]
    assert [failure.code for failure in failures] == [code] * len(ASKED)
    assert len({str(failure.cause) for failure in failures}) == 1


def test_everybody_says_the_same_of_a_port_without_tls(tmp_path: Path) -> None:
    with hostile.serving(hostile.plain_http, None, tmp_path) as port:
        assert {asked(ask, port).code for ask in ASKED.values()} == {"tls-none"}
