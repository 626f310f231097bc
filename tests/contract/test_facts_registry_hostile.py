"""The registry's collector at servers that mean no good: it ends in time, is never green, and memory stays flat."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from installer_tasks.preflight.facts import registry as registry_facts
from installer_tasks.rehearsal.ca import Issued, PracticeCA
from tests.contract.looks import Look, look_at
from tests.hostile import (
    Behaviour,
    answering,
    cut_short,
    dripping,
    dripping_headers,
    endless,
    garbage,
    request,
    serving,
    silent,
)

PASSWORD = "canary-p@ss"
HTML = "Content-Type: text/html\r\n"
DEEP = b"[" * 200_000


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def issued(ca: PracticeCA) -> Issued:
    return ca.issue(["localhost", "127.0.0.1"])


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_facts, "FIRST_ANSWER", 0.5)
    monkeypatch.setattr(registry_facts, "FIRST_WORD", 1.0)


@contextmanager
def observing(behaviour: Behaviour, issued: Issued, ca: PracticeCA, folder: Path) -> Iterator[Look]:
    with serving(behaviour, issued, folder) as port:
        answers = {
            "registry.project": f"localhost:{port}/tmc",
            "registry.username": "robot$tmc+pusher",
            "registry.password": PASSWORD,
            "registry.ca": ca.ca_pem,
            "bundle.path": "/nowhere",
        }
        yield look_at("registry", answers)


def reds(look: Look) -> list[str]:
    return [name for name, level in look.levels.items() if level in ("fail", "error")]


@pytest.mark.parametrize(
    "behaviour",
    [
        silent,
        dripping,
        dripping_headers,
        garbage,
        cut_short,
        answering(status="302 Found", headers="Location: /v2/\r\n"),
        answering(headers=HTML, body=b"<p>Welcome, \xff\xfe"),
        answering(body=b'{"kind": "APIVersions"}'),
        answering(body=b"[]"),
        answering(body=DEEP),
        answering(status="999 \xff"),
        answering(status="404 Not Found", headers=HTML, body=b"<html>404</html>"),
    ],
)
def test_it_is_left_with_one_red_line(behaviour: Behaviour, issued: Issued, ca: PracticeCA, tmp_path: Path) -> None:
    with observing(behaviour, issued, ca, tmp_path) as look:
        assert reds(look) == ["registry.reachable"], look.levels
        assert "localhost" in look["registry.reachable"].value or look["registry.reachable"].value == "ping"


def test_two_gigabytes_are_not_kept(issued: Issued, ca: PracticeCA, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with observing(endless, issued, ca, tmp_path) as look:
        assert reds(look) == ["registry.reachable"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


def pretending(answers: Mapping[str, tuple[str, bytes]]) -> Behaviour:
    """Status and body by the beginning of `METHOD /path`, 404 else."""

    def answer(connection: socket.socket, stop: threading.Event) -> None:
        asked = request(connection).decode("latin-1")
        status, body = next((found for key, found in answers.items() if asked.startswith(key)), ("404 Not Found", b""))
        replaying = answering(status=status, body=body)
        replaying(_Read(connection), stop)  # type: ignore[arg-type]

    return answer


class _Read:
    """A connection whose request has been read already."""

    def __init__(self, connection: socket.socket) -> None:
        self.sendall = connection.sendall

    def recv(self, _size: int) -> bytes:
        return b""


HARBOR: dict[str, tuple[str, bytes]] = {
    "GET /v2/ ": ("200 OK", b"{}"),
    "GET /api/v2.0/systeminfo ": ("200 OK", b'{"auth_mode": ["db"], "read_only": "no", "harbor_version": 7}'),
    "GET /api/v2.0/projects/tmc ": ("200 OK", b'{"project_id": 1, "metadata": {"public": "true"}}'),
}


@pytest.mark.parametrize(
    ("wrong", "red"),
    [
        ({"GET /api/v2.0/projects/tmc ": b'{"project_id": "one", "metadata": []}'}, "registry.project"),
        ({"GET /api/v2.0/projects/tmc ": b"\xff\xfe"}, "registry.project"),
        ({"GET /api/v2.0/projects/tmc ": DEEP}, "registry.project"),
        ({"GET /api/v2.0/quotas": b'[{"ref": {"id": 1}, "hard": [1], "used": 3}]'}, "registry.push-allowed"),
        ({"GET /api/v2.0/quotas": b'[{"ref": [1]}, 7, null]'}, "registry.push-allowed"),
        ({"GET /api/v2.0/systeminfo/volumes ": b'{"storage": {"free": "much"}}'}, "registry.push-allowed"),
        ({"GET /api/v2.0/systeminfo/volumes ": b'{"storage": [7, {"free": null}]}'}, "registry.push-allowed"),
    ],
)
def test_an_api_that_is_like_harbors_but_not_quite(
    wrong: dict[str, bytes], red: str, issued: Issued, ca: PracticeCA, tmp_path: Path
) -> None:
    answers = HARBOR | {key: ("200 OK", body) for key, body in wrong.items()}
    with observing(pretending(answers), issued, ca, tmp_path) as look:
        assert reds(look) == [red], {name: look.says(name) for name in reds(look)}


def test_somebody_who_is_told_nothing_useful_creates_nothing(issued: Issued, ca: PracticeCA, tmp_path: Path) -> None:
    answers: dict[str, Any] = HARBOR | {
        "GET /api/v2.0/projects/tmc ": ("404 Not Found", b"{}"),
        "GET /api/v2.0/users/current ": ("200 OK", b'["ada"]'),
    }
    with observing(pretending(answers), issued, ca, tmp_path) as look:
        assert reds(look) == ["registry.may-create-project"]
