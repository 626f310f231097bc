"""No secret in a log, whichever logger, handler or print writes it."""

from __future__ import annotations

import io
import logging
import subprocess
import sys
from typing import TextIO, cast

import pytest

from installer_tasks.local import log_redaction
from installer_tasks.local.log_redaction import CleanFormatter, CleanStream
from installer_tasks.local.redaction_patterns import LINK_PREFIX, MASK
from tests.contract.up_process import ROOT, environment

CODE = LINK_PREFIX + "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4"
KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAbc\n-----END PRIVATE KEY-----\n"


def formatted(message: str, *args: object, error: bool = False) -> str:
    formatter = CleanFormatter("%(levelname)s %(message)s")
    record = logging.LogRecord("any", logging.INFO, __file__, 1, message, args, sys.exc_info() if error else None)
    return formatter.format(record)


def test_message_arguments_and_traceback_are_cleaned() -> None:
    log_redaction.remember("remembered-canary")
    try:
        raise ValueError("said remembered-canary")
    except ValueError:
        text = formatted("%s of %s", CODE, "remembered-canary", error=True)
    assert "ValueError" in text
    assert CODE not in text
    assert "remembered-canary" not in text


def test_a_printed_line_is_cleaned_however_it_is_cut() -> None:
    for cut in range(1, len(CODE)):
        written = io.StringIO()
        stream = CleanStream(written)
        stream.write("at " + CODE[:cut])
        stream.write(CODE[cut:] + "\nnext")
        stream.flush()
        assert written.getvalue() == f"at {MASK}\nnext"


def test_a_printed_key_is_left_out_line_by_line() -> None:
    written = io.StringIO()
    print(f"before\n{KEY}after", file=cast(TextIO, CleanStream(written)))
    assert written.getvalue() == f"before\n{MASK}\n{MASK}\n{MASK}\nafter\n"


def test_only_the_secrets_used_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_redaction, "_known", log_redaction._Known())
    log_redaction.remember("the-first-canary", *(f"another-{number:08}" for number in range(log_redaction.MOST)))
    assert log_redaction.clean("the-first-canary another-00000005") == f"the-first-canary {MASK}"


PROGRAM = """
import logging, sys
own = logging.getLogger("somebody.elses")
own.propagate = False
own.addHandler(logging.StreamHandler(sys.stderr))
import wizard.asgi
code = sys.argv[1]
own.error("own handler %s", code)
logging.getLogger("uvicorn.error").error("root handler %s", code)
print("printed", code)
print("printed to stderr", code, file=sys.stderr)
raise RuntimeError(code)
"""


def test_in_a_process_of_ours_every_way_out_is_cleaned(state_folder: object) -> None:
    """A handler that was there before, our own, what is printed, and the traceback that ends it."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, CODE],
        cwd=ROOT, env=environment(TMC_INSTALLER_STATE=str(state_folder)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert CODE not in said
    for words in ("own handler", "root handler", "printed", "printed to stderr", "RuntimeError:"):
        assert f"{words} {MASK}" in said
