"""Small attacks on single pages and files: odd numbers and paths, formulas, terminals, and what a viewer sets off."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from django.test import Client
from django.urls import URLPattern, reverse
from django.urls.converters import IntConverter

from installer_tasks import saved_answers
from installer_tasks.errors import InstallerError
from installer_tasks.models import AuditEntry, Installation, Role
from installer_tasks.systems.registry.answers import Answer
from installer_tasks.systems.registry.auth import _parse_token
from installer_tasks.systems.registry.wire import Headers
from tests.web.people import a_member, a_person, signed_in
from tests.web.test_sign_in import ARGUMENTS
from wizard import urls
from wizard.documents.support import plain
from wizard.presenters.audit import as_csv

pytestmark = pytest.mark.django_db

NUMBERS = (0, 2**31, 2**63 - 1, 2**63, 10**40)
PATTERNS = [cast(URLPattern, pattern) for pattern in urls.urlpatterns]


@pytest.fixture
def client() -> Client:
    made = signed_in(a_person("ada"))
    made.raise_request_exception = False
    return made


@pytest.mark.parametrize("number", [2**63 - 1, 2**63])
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_number_in_an_address_fails_the_installer(client: Client, method: str, number: int) -> None:
    Installation.objects.create(pk=ARGUMENTS["pk"], name="Contoso", workspace=saved_answers.default_workspace())
    for pattern in PATTERNS:
        numbers = [name for name, kind in pattern.pattern.converters.items() if isinstance(kind, IntConverter)]
        for odd in numbers:
            arguments = {name: ARGUMENTS[name] for name in pattern.pattern.converters} | {odd: 987654321}
            arguments |= {"name": "zone"} if pattern.name in ("options", "generate", "take-over") else {}
            answer = getattr(client, method)(
                reverse(str(pattern.name), kwargs=arguments).replace("987654321", str(number))
            )
            assert answer.status_code < 500, f"{method} {pattern.name} {odd}"


@pytest.mark.parametrize("query", ["before", "person", "installation", "page", "topic", "after"])
def test_no_number_in_a_query_fails_the_installer(client: Client, query: str) -> None:
    for name in ("installations", "audit", "audit-table"):
        for number in (*NUMBERS, -1):
            assert client.get(reverse(name), {query: str(number)}).status_code < 500, (name, number)


@pytest.mark.parametrize("path", ["~nosuchuser", "~nosuchuser/x", "~\0", "/\0", "/" + "x" * 5000, "~" * 3000])
def test_no_path_fails_the_installer(client: Client, path: str) -> None:
    made = saved_answers.create_installation("Contoso")
    for page, field in ((reverse("step", args=[made.pk, "bundle"]), "path"), (reverse("bundle-folders"), "path")):
        assert client.post(page, {field: path}).status_code in (200, 302, 422), page


@pytest.mark.parametrize(
    "document",
    [
        b'{"token": "x", "expires_in": 1' + b"0" * 400 + b"}",
        b'{"token": "x", "expires_in": 1e400}',
        b'{"token": "x", "expires_in": ' + b"9" * 5000 + b"}",
        b'{"token": ' * 100_000,
        b"[" * 100_000,
        b'{"token": "x\\r\\nX-Evil: 1"}',
        b'{"token": "caf\\u00e9"}',
    ],
    ids=["400 digits", "infinite", "5000 digits", "deep", "deeper", "line end", "no ASCII"],
)
def test_a_token_service_fails_nothing_but_itself(document: bytes) -> None:
    """Either a token that a header can carry, or an error of the service."""
    answer = Answer("GET", "https://auth.example/token", 200, Headers([]), document)
    try:
        found = _parse_token(answer)
    except InstallerError as error:
        assert error.code != "crashed"
    else:
        assert found.value == "x"


@pytest.mark.parametrize(
    "cell", ["=1+1", "＝1+1", "＋1", "－1", "＠x", " =1", "a;=1+1", "a;＝1", "a\n=1", "a\t@x", "\n=1"]
)
def test_no_spreadsheet_computes_a_cell(cell: str) -> None:
    """Also where a semicolon separates cells, and in full width."""
    entry = AuditEntry.objects.create(
        action="installation.created", installation=saved_answers.create_installation(cell[:100])
    )
    table = as_csv([entry])
    for piece in table.replace('"', "").replace("\t", ";").replace("\n", ";").replace(",", ";").split(";"):
        assert not piece.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠")), table


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;https://evil\x1b\\link", "link"),
        ("\x9b2Jgone", "gone"),
        ("a\x08b\x00\x7f", "ab"),
        ("\x1bPdevice\x1b\\x", "x"),
        ("one\ttwo\nthree 中", "one\ttwo\nthree 中"),
    ],
)
def test_a_log_moves_no_terminal(raw: str, shown: str) -> None:
    assert plain(raw) == shown


@pytest.mark.parametrize("name", ["sign-in-rehearsal-start", "sign-in-rehearsal-callback"])
def test_a_viewer_sets_off_no_request(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("wizard.views.sign_in_rehearsal._client", asked.append)
    made = saved_answers.create_installation("Contoso")
    client = signed_in(a_member("vera", Role.VIEWER))
    assert client.get(reverse(name, args=[made.pk])).status_code == 403
    assert asked == []
    assert json.dumps(dict(client.session.items())).find("rehears") < 0
