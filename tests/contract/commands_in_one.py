"""Several command lines of `manage.py` in one process: each start costs more than what such a command does.

As a program: a JSON list of lists of words on stdin, on stdout a list of `[exit code, stdout, stderr]`. Each is run by
`manage.main`, as by a shell; only what a process keeps (settings, the state folder, the log) is shared.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.contract.up_process import ROOT, environment
from tests.waiting import HANGS

Done = subprocess.CompletedProcess[str]


def manage_all(state: Path, *lines: Sequence[str | Path]) -> list[Done]:
    """One after another, with this state folder."""
    asked = [[*map(str, words), "--state", str(state)] for words in lines]
    process = subprocess.run(
        [sys.executable, "-m", "tests.contract.commands_in_one"],
        env=environment(), cwd=ROOT, input=json.dumps(asked), capture_output=True, text=True, timeout=HANGS, check=True,
    )  # fmt: skip
    assert process.stderr == ""
    told = json.loads(process.stdout)
    assert len(told) == len(asked)
    return [Done(words, *one) for words, one in zip(asked, told, strict=True)]


def _done(words: list[str]) -> tuple[int, str, str]:
    import manage

    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["manage.py", *words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            manage.main()
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.getvalue(), err.getvalue()


if __name__ == "__main__":
    print(json.dumps([_done(words) for words in json.load(sys.stdin)]))
