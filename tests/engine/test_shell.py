"""Running programs: outcome, environment, secrets, deadline, cancel, and no orphan."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from installer_tasks.errors import Cancelled, Missing, Stalled
from installer_tasks.local import pdeathsig, shell
from tests.waiting import PATIENCE, until

PYTHON = sys.executable


def python(code: str, **more: object) -> shell.Command:
    return shell.Command((PYTHON, "-c", code), **more)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    """Whether it runs; a zombie nobody has waited for does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_outcome_has_exit_code_and_both_outputs() -> None:
    outcome = shell.run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"))
    assert (outcome.exit_code, outcome.stdout, outcome.stderr, outcome.ok) == (3, "out", "err", False)


def test_lines_arrive_while_it_runs() -> None:
    seen = threading.Event()
    command = python("import time; print('ready', flush=True); time.sleep(3600)")
    with pytest.raises(Cancelled):
        shell.run(command, on_line=lambda stream, line: seen.set(), stop=seen.is_set)
    assert seen.is_set()


def test_the_child_sees_only_the_environment_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_SECRET", "x")
    monkeypatch.setenv("NAMED", "y")
    code = "import os; print(os.environ.get('CANARY_SECRET'), os.environ.get('NAMED'), os.environ['SET'])"
    assert shell.run(python(code, pass_env=("NAMED",), env={"SET": "z"})).stdout == "None y z"


def test_a_secret_comes_by_file_and_the_file_is_gone_afterwards() -> None:
    code = "import os; p = os.environ['PASSWORD']; print(p, oct(os.stat(p).st_mode & 0o777), open(p).read())"
    command = python(code, secret_files={"PASSWORD": "canary-pw"})
    path, mode, content = shell.run(command).stdout.split()
    assert (mode, content) == ("0o600", "canary-pw")
    assert not Path(path).exists()
    assert "canary" not in repr(command)


def test_a_secret_comes_by_standard_input() -> None:
    command = python("import sys; print(len(sys.stdin.read()))", stdin="canary")
    assert shell.run(command).stdout == "6"
    assert "canary" not in repr(command)


def test_past_its_deadline_it_is_ended_and_says_what_was_waited_for(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(3600)"
    with pytest.raises(Stalled) as caught:
        shell.run(python(code, deadline=1.0))
    assert caught.value.value == Path(PYTHON).name
    assert not alive(int(pid_file.read_text()))


def test_what_ignores_term_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "GRACE", 0.2)
    monkeypatch.setattr(shell._end_group, "__defaults__", (0.2,))
    ready = threading.Event()
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(3600)"
    )
    with pytest.raises(Cancelled):
        shell.run(python(code), on_line=lambda *_: ready.set(), stop=ready.is_set)


def test_grandchildren_end_with_the_program() -> None:
    code = (
        "import subprocess, sys; "
        "c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'], stdout=subprocess.DEVNULL,"
        " stderr=subprocess.DEVNULL); print(c.pid, flush=True); import os; os._exit(0)"
    )
    outcome = shell.run(python(code))
    assert not alive(int(outcome.stdout))


def test_what_is_leashed_dies_with_whoever_called_it(tmp_path: Path) -> None:
    """Killed in mid-air: nothing of the caller's own can end what it has started."""
    pid_file = tmp_path / "pid"
    child = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(3600)"
    code = (
        "import sys; from installer_tasks.local import shell;"
        f"shell.run(shell.Command((sys.executable, '-c', {child!r}), leashed=True, deadline=3600))"
    )
    caller = subprocess.Popen([PYTHON, "-c", code], cwd=Path(__file__).parents[2])
    try:
        until(lambda: pid_file.exists() and pid_file.read_text())
    finally:
        caller.kill()
        caller.wait()
    until(lambda: not alive(int(pid_file.read_text())))


def test_the_leash_changes_neither_outcome_nor_environment() -> None:
    command = python("import os, sys; print(os.environ['A']); sys.exit(5)", secret_env={"A": "canary"}, leashed=True)
    outcome = shell.run(command)
    assert (outcome.exit_code, outcome.stdout) == (5, "canary")
    assert "canary" not in repr(command)
    nowhere = shell.run(shell.Command(("/nowhere/imgpkg",), leashed=True))
    assert (nowhere.exit_code, nowhere.stderr) == (pdeathsig.NOT_STARTED, "No such file or directory")


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(Missing) as caught:
        shell.run(shell.Command(("/nowhere/imgpkg", "copy")))
    assert caught.value.value == "/nowhere/imgpkg"


def test_a_started_process_writes_to_its_file_and_ends(tmp_path: Path) -> None:
    output = tmp_path / "log"
    code = "import os, sys; print(os.getpgid(0) == os.getpid(), flush=True); sys.stdin.read(); sys.exit(4)"
    process = shell.start_process((PYTHON, "-c", code), output=output)
    assert process.wait(PATIENCE) == 4
    assert (output.read_text(), oct(output.stat().st_mode & 0o777)) == ("True\n", "0o600")
    assert process.poll() == 4


def test_a_started_process_can_be_ended() -> None:
    process = shell.start_process((PYTHON, "-c", "import time; time.sleep(3600)"), output=Path(os.devnull))
    assert process.poll() is None
    assert process.end(grace=PATIENCE) == -15
    assert not alive(process.pid)
