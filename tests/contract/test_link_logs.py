"""A sign-in link from the console to the page, through a real nginx with its access log: its code is in no log."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.local.redaction_patterns import LINK_PREFIX, MASK
from tests.contract.docker_registry import free_port
from tests.contract.nginx import nginx
from tests.contract.up_process import ROOT, Up, environment
from tests.waiting import PATIENCE, until

pytestmark = [pytest.mark.redis, pytest.mark.program("redis-server")]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path / "state")
    yield running
    running.close()


def ask(address: str, fields: dict[str, str] | None = None, **headers: str) -> int:
    sent = urllib.parse.urlencode(fields).encode() if fields is not None else None
    request = urllib.request.Request(address, data=sent, headers={"Host": "localhost", **headers})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def logged(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(errors="replace") for path in folder.rglob("*.log*") if path.is_file()}


@pytest.mark.program("nginx")
def test_the_code_of_a_link_is_in_no_log_of_ours_and_in_none_of_a_proxy(up: Up, tmp_path: Path) -> None:
    """All that a browser does with it: open the page, then a form, here one that is refused for its missing token."""
    url = up.ready()
    link = up.says(r"(http://\S+/sign-in/\S+)")[1]
    page, _, code = link.partition("#")
    with nginx(tmp_path / "nginx", urllib.parse.urlsplit(url).netloc) as proxy:
        through = page.replace(urllib.parse.urlsplit(url).netloc, proxy)
        assert ask(through) == 200
        assert ask(through, {"code": code}, Referer=through) == 410
        assert ask(through, {"code": code}) == 410, "the first one has spent it"
        until(lambda: "POST /sign-in/" in (tmp_path / "nginx" / "access.log").read_text())
    up.ends(signal.SIGTERM)
    logs = logged(tmp_path)
    assert "Forbidden" in logs["web.log"], "Django says that it refused the form"
    assert [name for name, text in logs.items() if code.removeprefix(LINK_PREFIX) in text] == []


def test_a_code_that_somebody_puts_anywhere_else_is_not_logged_either(up: Up, tmp_path: Path) -> None:
    """Where no browser of ours puts it: path, query, header, name of a host."""
    url = up.ready()
    code = up.says(r"(http://\S+/sign-in/\S+)")[1].rpartition("#")[2]
    for path in (f"/sign-in/{code}/", f"/sign-in/link/?code={code}", f"/theme/?x={code}", f"/no/{code}/"):
        ask(url + path)
        ask(url + path, {"code": code}, Referer=url + path)
    assert ask(url, Host=f"{code.removeprefix(LINK_PREFIX).strip('-_')}.example") == 400
    assert ask(url, Host=f"{code}.example") == 400
    up.ends(signal.SIGTERM)
    assert [name for name, text in logged(tmp_path).items() if code in text] == []


def test_a_service_prints_no_link_into_the_journal(tmp_path: Path) -> None:
    """systemd says which stream is its journal; another command prints a link where a person reads it."""
    state, env = tmp_path / "state", environment()
    reader, writer = os.pipe()
    found = os.fstat(writer)
    env["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino}"
    argv = [sys.executable, "manage.py", "up", "--state", str(state), "--port", "0"]
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdout=writer, stderr=writer) as up, os.fdopen(reader) as lines:
        os.close(writer)
        said = [next(line for line in lines if "sign_in_link" in line)]
        asked = [sys.executable, "manage.py", "sign_in_link", "--state", str(state)]
        done = subprocess.run(asked, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)
        link = done.stdout.strip()
        assert ask(link.partition("#")[0]) == 200
        up.terminate()
        said += lines
    assert LINK_PREFIX in link
    assert LINK_PREFIX not in "".join(said)


def test_an_access_log_that_somebody_switches_on_is_cleaned(tmp_path: Path) -> None:
    """uvicorn as a team starts it itself, with the log of every request."""
    state, port = tmp_path / "state", free_port()
    env = environment(TMC_INSTALLER_STATE=str(state))
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=env, check=True)
    argv = [sys.executable, "-m", "uvicorn", "wizard.asgi:application", "--port", str(port), "--lifespan", "off"]
    log, code = tmp_path / "uvicorn.log", LINK_PREFIX + "abcdefghijklmnopqrstuvwxyz"
    with log.open("wb") as output, subprocess.Popen(argv, cwd=ROOT, env=env, stdout=output, stderr=output) as server:
        try:
            until(lambda: "running on" in log.read_text())
            ask(f"http://127.0.0.1:{port}/sign-in/{code}/?state={code}")
            until(lambda: re.search(r'"GET /sign-in/', log.read_text()))
        finally:
            server.terminate()
    assert f"/sign-in/{MASK}/?state={MASK}" in log.read_text()
    assert code not in log.read_text()
