"""A canary scan: none of the secrets typed in is found anywhere but sealed, after a run with all its detours.

One person walks through the real pages of the real processes beside a practice estate, types every secret wrongly
first, has a run fail, resumes it to its end, and opens every address there is in both languages. What the cluster and
the registry are given is theirs: the estate's memory is not looked at.
"""

from __future__ import annotations

import base64
import html
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import redis
from django.core import signing
from django.http import HttpResponse
from django.urls import URLPattern, path, reverse

from installer_tasks.answer_keys import STEPS
from installer_tasks.local.processes.redis import socket_path
from installer_tasks.rehearsal.estate import ZONE
from tests.contract.up_process import QUICK_PASSWORDS, Up
from tests.faults.canaries import Monitor, Scanner, Watch, files, keys, odd, rows
from tests.faults.echoing import ORIGIN, echoing
from tests.faults.visitor import Answer, Person
from tests.faults.walk import PARTS, Secrets, Walk, everything_echoed, everything_wrong, look_at
from tests.faults.whole import small_estate
from tests.waiting import until
from wizard import manual, urls
from wizard.steps import BY_SLUG

# --- What the scanner must find -------------------------------------------------------------------------------------

WRAPPED: dict[str, Callable[[str], bytes]] = {
    "as it is": lambda secret: secret.encode(),
    "base64": lambda secret: base64.b64encode(secret.encode()),
    "base64 after one byte": lambda secret: base64.b64encode(b":" + secret.encode() + b"!"),
    "base64 after two bytes": lambda secret: base64.b64encode(b"a:" + secret.encode() + b"!"),
    "urlsafe base64": lambda secret: base64.urlsafe_b64encode(b"\xfb\xff" + secret.encode()),
    "base64 in an address": lambda secret: quote_plus(base64.b64encode(b"\xff" + secret.encode())).encode(),
    "base64 in lines": lambda secret: base64.encodebytes(b"x" * 40 + secret.encode()),
    "base64 in lines in JSON": lambda secret: json.dumps(
        base64.encodebytes(b"x" * 40 + secret.encode()).decode()
    ).encode(),
    "base64 of JSON": lambda secret: base64.b64encode(json.dumps({"password": secret}).encode()),
    "a line of a PEM": lambda secret: f"-----BEGIN X-----\n{secret}\n-----END X-----".encode(),
    "quoted for a path": lambda secret: quote(secret, safe="").encode(),
    "quoted for a form": lambda secret: quote_plus(secret).encode(),
    "JSON": lambda secret: json.dumps({"password": secret}).encode(),
    "JSON in JSON": lambda secret: json.dumps(json.dumps(secret)).encode(),
    "HTML": lambda secret: html.escape(secret).encode(),
    "repr": lambda secret: repr(secret).encode(),
    "hex": lambda secret: secret.encode().hex().encode(),
    "hex in capitals": lambda secret: secret.encode().hex().upper().encode(),
    "base64 twice": lambda secret: base64.b64encode(base64.b64encode(b"user:" + secret.encode())),
    "JSON as Go writes it": lambda secret: json.dumps(secret, ensure_ascii=False).replace("<", r"\u003c").encode(),
    "lower-case hex in an address": lambda secret: quote(secret, safe="").lower().encode(),
    "base64 of a form": lambda secret: base64.b64encode(b"id:" + quote_plus(secret).encode()),
    "bytes as numbers": lambda secret: str(list(secret.encode())).encode(),
    "hex with colons": lambda secret: secret.encode().hex(":").encode(),
    "every byte quoted": lambda secret: "".join(f"%{byte:02X}" for byte in secret.encode()).encode(),
    "UTF-16": lambda secret: secret.encode("utf-16-le"),
    "backwards": lambda secret: secret[::-1].encode(),
    "a compressed session": lambda secret: signing.dumps(
        {"a": secret, "b": "b" * 200}, key="k", compress=True
    ).encode(),
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED.keys())
@pytest.mark.parametrize(
    "secret", [odd(), secrets.token_hex(12), 'ü"é ' + secrets.token_hex(9)], ids=["odd", "plain", "long"]
)
def test_the_scanner_finds_a_secret_however_it_is_wrapped(secret: str, wrap: Callable[[str], bytes]) -> None:
    noise = secrets.token_bytes(500)
    scanner = Scanner({"planted": secret, "another": odd()})
    assert scanner.leaks([("here", noise + b'"' + wrap(secret) + b'"' + noise)]) == ["planted in here"]
    assert scanner.leaks([("here", noise + wrap(odd()) + noise)]) == []


def test_a_secret_that_could_hide_is_no_canary() -> None:
    with pytest.raises(ValueError, match="too short"):
        Scanner({"short": "a+b/c&d+e/f&g+h/i&"})


def test_the_watch_sees_argument_and_environment_of_a_child() -> None:
    said, given = odd(), odd()
    child = [sys.executable, "-c", "import sys; sys.stdin.read()", said]
    with subprocess.Popen(child, stdin=subprocess.PIPE, env={"GIVEN": given}), Watch(os.getpid()) as watch:
        until(lambda: any(given.encode() in block for block in set(watch.environ)))
    assert Scanner({"said": said, "given": given}).leaks(watch.blobs()) == ["given in environment", "said in argv"]


# --- Every address --------------------------------------------------------------------------------------------------

Known = Mapping[str, Sequence[tuple[Any, ...]]]


def addresses(patterns: Sequence[Any], known: Known) -> Iterator[str]:
    """Of every pattern, with everything that its parameters can be; KeyError when that is not known.

    `known` says it by `<parameter>`, or by the pattern's name for all its parameters together.
    """
    for pattern in patterns:
        assert isinstance(pattern, URLPattern), f"{pattern} is not a single address"
        for values in arguments(pattern, known):
            yield reverse(str(pattern.name), urlconf=tuple(patterns), args=values)  # type: ignore[arg-type]


def arguments(pattern: URLPattern, known: Known) -> Iterator[tuple[Any, ...]]:
    if pattern.name in known:
        yield from known[pattern.name]
        return
    for values in product(*(known[f"<{parameter}>"] for parameter in pattern.pattern.converters)):
        yield tuple(value for (value,) in values)


def neglected(patterns: Sequence[Any], served: Sequence[Answer]) -> list[str]:
    """Patterns that nobody looked at, or that take only a POST which nobody sent with success."""
    looked = {answer.name: answer for answer in served if answer.method == "GET"}
    posted = {answer.name for answer in served if answer.method == "POST" and answer.status < 400}
    names = [str(pattern.name) for pattern in patterns]
    return [name for name in names if name not in looked or (looked[name].status == 405 and name not in posted)]


def test_an_address_that_the_scan_does_not_know_fails_it() -> None:
    known: Known = {"<pk>": [(1,)], "one": [(1, "a")]}
    one = path("<int:pk>/<str:what>/", HttpResponse, name="one")
    assert list(addresses([one], known)) == ["/1/a/"]
    with pytest.raises(KeyError, match="thing"):
        list(addresses([one, path("<int:pk>/new/<str:thing>/", HttpResponse, name="new")], known))


def test_an_address_that_was_neglected_is_named() -> None:
    def answered(method: str, path: str, status: int) -> Answer:
        return Answer(method, path, status, {}, b"")

    three = [path("theme/", HttpResponse, name="theme"), path("healthz", HttpResponse, name="healthz")]
    assert neglected(three, []) == ["theme", "healthz"]
    seen = [answered("GET", "/theme/", 405), answered("GET", "/healthz", 200)]
    assert neglected(three, [*seen, answered("POST", "/theme/", 403)]) == ["theme"]
    assert neglected(three, [*seen, answered("POST", "/theme/", 302)]) == []


# --- The scan -------------------------------------------------------------------------------------------------------

#: Found by the same scanner in the same places, to show that it does look there.
PUBLIC = {
    "zone": ZONE,
    "module": "installer_tasks",
    "folder": "TMC_INSTALLER_STATE",
    "queue": "_kombu.binding.installer",
}
#: Need a vendor's program in the bundle, which the estate has not; they are sent a digest and a number, nothing else.
OF_A_PROGRAM = ("program-confirm", "program-withdraw")
PLACES = (
    "argv",
    "environment",
    "state/installer.sqlite3",
    "state/installer.sqlite3-wal",
    "state/logs/worker.log",
    "state/redis/appendonlydir",
    "table installer_tasks_answer",
    "table installer_tasks_event",
    "Redis key",
    "what Redis was told",
    "GET /installations/1/review/ 200",
    "GET /installations/1/run/2/log.txt 200",
    "GET /installations/1/done/ 200",
)


@dataclass
class Scene:
    """Everything that belongs to one installer, to look through at any moment."""

    state: Path
    scratch: Path
    up: Up
    url: str
    link: str

    def __post_init__(self) -> None:
        self.person = Person(self.url)
        self.watch = Watch(self.up.process.pid)
        self.monitor = Monitor(socket_path(self.state))

    def kept(self) -> Iterator[tuple[str, bytes]]:
        """What the installer has written down by now."""
        yield from files(self.state, self.scratch)
        yield from rows(self.state / "installer.sqlite3")
        with redis.Redis(unix_socket_path=str(socket_path(self.state))) as client:
            yield from keys(client)

    def said(self) -> Iterator[tuple[str, bytes]]:
        """What it has told others since its start."""
        yield "what Redis was told", bytes(self.monitor.heard)
        yield from self.watch.blobs()
        yield from self.pages()

    def ended(self) -> Iterator[tuple[str, bytes]]:
        """What it leaves behind, and all that it printed; without the link, which is printed for a person to use."""
        self.up.ends(signal.SIGTERM)
        self.up.says("Stopping")
        yield "the console", "\n".join(self.up.lines).replace(self.link, "").encode()
        yield from files(self.state, self.scratch)

    def pages(self) -> Iterator[tuple[str, bytes]]:
        for one in self.person.served:
            yield f"{one.method} {one.path} {one.status}", one.whole


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """`manage.py up` with a folder of its own for what is there only for a moment."""
    state, scratch = tmp_path / "state", tmp_path / "scratch"
    scratch.mkdir()
    up = Up(state, TMPDIR=str(scratch), **QUICK_PASSWORDS)
    try:
        found = Scene(state, scratch, up, up.ready(), up.says(r"(http://\S+/sign-in/\S+)")[1])
        with found.watch:
            yield found
        found.monitor.close()
    finally:
        up.close()


def known(walk: Walk) -> Known:
    """What the parameters of addresses can be for this installation."""
    fields = [(walk.pk, slug, name) for slug in STEPS for name in BY_SLUG[slug].form.base_fields]
    of_check = [(walk.pk, "registry.credentials")]
    return {
        "<pk>": [(walk.pk,)],
        "<slug>": [(slug,) for slug in STEPS],
        "<current>": [(slug,) for slug in (*STEPS, "review")],
        "<attempt>": [(1,), (2,)],
        "<number>": [(walk.other,)],
        "<code>": [("as-links-were-before",)],
        "<document>": [(name,) for name in manual.NAMES],
        "options": fields,
        "generate": [one for one in fields if one[2].endswith("_password")],
        "take-over": [one for one in fields if one[2].endswith("ca")],
        "waive": of_check,
        "unwaive": of_check,
        "fix": of_check,
        "check-one": of_check,
    }


@pytest.mark.redis
@pytest.mark.program("redis-server")
def test_no_secret_is_found_anywhere(tmp_path: Path, scene: Scene) -> None:
    """One run that fails, one that ends well, every page in both languages; scanned after each part."""
    with small_estate(tmp_path / "estate") as estate:
        secrets = Secrets(estate, scene.link)
        walk, leaks = Walk(scene.person, secrets), set()
        for part in PARTS:
            part(walk)
            leaks |= set(Scanner(secrets.typed).leaks(scene.kept()))
            if part is everything_wrong:
                echoed(walk, tmp_path)
                leaks |= set(Scanner(secrets.typed).leaks(scene.kept()))
    look_at(scene.person, [*addresses(urls.urlpatterns, known(walk)), f"{reverse('live')}?topic={walk.pk}:0"])
    assert any(b"event: changed" in answer.body for answer in scene.person.served if answer.name == "live")
    assert neglected(urls.urlpatterns, scene.person.served) == list(OF_A_PROGRAM)
    everything = [*scene.said(), *scene.kept(), *scene.ended()]
    assert blind_spots(everything) == []
    assert sorted(leaks | set(Scanner(secrets.typed).leaks(everything))) == []
    assert planted(secrets.typed, scene.state) == sorted(f"{name} in logs/worker.log" for name in secrets.typed)


def echoed(walk: Walk, folder: Path) -> None:
    """Systems that echo what they were told, in every form; all three were told it."""
    with echoing(walk.secrets.estate.ca, folder / "echoing") as server:
        told = everything_echoed(walk, ORIGIN.format(server.server_port))
        assert {name for name, secret in told.items() if secret not in server.echoed} == set()


def planted(typed: Mapping[str, str], state: Path) -> list[str]:
    """What the same scan finds once each secret stands in a log, in a form that the redactor does not know."""
    log = state / "logs" / "worker.log"
    log.write_text("".join(f"{secret[::-1]}\n{secret.encode().hex(':')}\n" for secret in typed.values()))
    return sorted(Scanner(typed).leaks(files(state / "logs")))


def blind_spots(everything: Sequence[tuple[str, bytes]]) -> list[str]:
    """Places where even what stands there openly was not found."""
    seen = Scanner(PUBLIC).leaks(everything)
    return [place for place in PLACES if not any(f" in {place}" in one for one in seen)]
