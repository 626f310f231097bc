"""The oracle: a small Go program that says what the real consumers make of an answer. Built once, asked by lines."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

HERE = Path(__file__).resolve().parent
#: The first time, its modules are fetched and compiled: on a slow machine that takes minutes.
BUILD_SECONDS = 900


class Oracle:
    def __init__(self, program: subprocess.Popen[str]) -> None:
        self._program = program

    def ask(self, op: str, **question: Any) -> dict[str, Any]:
        """The answer; `error` in it when the consumer refuses."""
        assert self._program.stdin and self._program.stdout
        self._program.stdin.write(json.dumps({"op": op, **{k: _plain(v) for k, v in question.items()}}) + "\n")
        self._program.stdin.flush()
        found: dict[str, Any] = json.loads(self._program.stdout.readline())
        assert "broken" not in found, found
        return found

    def blocks(self, text: str | bytes) -> list[tuple[str, bytes]]:
        content = text.encode() if isinstance(text, str) else text
        return [(each["label"], base64.b64decode(each["der"])) for each in self.ask("pem", text=content)["blocks"]]

    def reads(self, der: bytes) -> str:
        """Why Go does not read this certificate, else empty."""
        return str(self.ask("certificate", der=der).get("error", ""))

    def trusts(
        self,
        chain: Sequence[x509.Certificate],
        roots: Sequence[x509.Certificate],
        at: datetime | None = None,
        name: str = "",
    ) -> str:
        """Why Go does not trust this chain, else empty."""
        ders = {"chain": [_der(each) for each in chain], "roots": [_der(each) for each in roots]}
        when = int((at or datetime.now(UTC)).timestamp())
        return str(self.ask("verify", **ders, time=when, name=name).get("error", ""))


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _plain(value: Any) -> Any:
    """Go reads bytes as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return [_plain(each) for each in value] if isinstance(value, list) else value


def cache() -> Path:
    """Outside of the checkout: it lasts longer than one."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "tmc-sm-installer-tests"


def built() -> Path:
    """The program, made anew when its source has changed."""
    sources = sorted(path for path in HERE.iterdir() if path.suffix == ".go" or path.name in ("go.mod", "go.sum"))
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    program = cache() / f"oracle-{digest}"
    program.parent.mkdir(parents=True, exist_ok=True)
    # Of the workers of one run the first one builds, on all processors; the others wait for it.
    with (cache() / "building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _build(program)
    return program


def _build(program: Path) -> None:
    made = program.with_suffix(".new")
    done = subprocess.run(
        ["go", "build", "-o", str(made), "."],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        _cannot_build(done.stderr)
    made.replace(program)


def _cannot_build(words: str) -> None:
    """Without a network its modules cannot be had; in CI they must be."""
    message = f"the oracle cannot be built: {words.strip().splitlines()[-1] if words.strip() else 'go failed'}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@contextlib.contextmanager
def running() -> Iterator[Oracle]:
    with subprocess.Popen([str(built())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        try:
            yield Oracle(program)
        finally:
            program.stdin.close()  # type: ignore[union-attr]
