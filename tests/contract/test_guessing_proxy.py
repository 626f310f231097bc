"""Whose address a guess has, behind a real nginx: what a client claims of itself counts nowhere."""

from __future__ import annotations

import http.cookiejar
import json
import os
import signal
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.nginx import nginx
from tests.contract.up_process import QUICK_PASSWORDS, Up
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.redis, pytest.mark.program("redis-server"), pytest.mark.program("nginx")]

#: As docs/operations.md shows it: overwritten, not added to.
DOCUMENTED = "proxy_set_header X-Forwarded-For $remote_addr;"
NAMES = 26


@pytest.fixture(params=["", "127.0.0.1"], ids=["no proxy named", "the proxy named"])
def up(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path / "state", TMC_INSTALLER_PROXIES=request.param, **QUICK_PASSWORDS)
    yield running
    running.close()


class Guesser:
    """Without cookies but those of the form, and with another address in every request."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}/sign-in/"

    def guess(self, number: int) -> int:
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        forged = {"X-Forwarded-For": f"198.51.100.{number}"}
        page = opener.open(urllib.request.Request(self.url, headers=forged), timeout=PATIENCE).read().decode()
        token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        sent = urllib.parse.urlencode({"name": f"n{number}", "password": "wrong", "csrfmiddlewaretoken": token})
        try:
            return int(opener.open(urllib.request.Request(self.url, sent.encode(), forged), timeout=PATIENCE).status)
        except urllib.error.HTTPError as error:
            return error.code


def audited(state: Path) -> set[str]:
    with sqlite3.connect(state / "installer.sqlite3") as database:
        rows = database.execute("SELECT detail FROM installer_tasks_auditentry WHERE action LIKE 'sign-in.%'")
        return {json.loads(detail)["address"] for (detail,) in rows}


@pytest.mark.skipif("DATABASE_URL" in os.environ, reason="looks into the file of SQLite")
def test_another_forged_address_each_time_is_no_way_round_the_limit(up: Up, tmp_path: Path) -> None:
    url = up.ready()
    with nginx(tmp_path / "nginx", urllib.parse.urlsplit(url).netloc, more=DOCUMENTED) as proxy:
        guesser = Guesser(f"http://{proxy}")
        codes = [guesser.guess(number) for number in range(NAMES)]
    direct = Guesser(url).guess(77)
    up.ends(signal.SIGTERM)
    assert codes == [422] * (NAMES - 1) + [429]
    # Whoever comes from the proxy's own machine is believed; a client elsewhere is not.
    assert direct in (422, 429)
    assert audited(tmp_path / "state") - {"198.51.100.77"} == {"127.0.0.1"}
