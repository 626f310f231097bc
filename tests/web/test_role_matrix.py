"""Every address of the URL map × every role × every method: what is answered is what the table of addresses says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.local import practice
from tests.web.role_matrix import DOCUMENTS, ROLES, VIEWER, Answered, Asked, Found, World, matrix, patterns, row, wrong
from wizard.accounts.routes import ROUTES, For

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def world() -> Iterator[World]:
    yield World()
    practice.take_down()


def test_every_address_has_its_line() -> None:
    assert [str(pattern.name) for pattern in patterns() if pattern.name not in ROUTES] == []
    assert sorted(ROUTES) == sorted(str(pattern.name) for pattern in patterns())


def test_an_address_without_its_line_is_for_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ROUTES, "reference")
    for role in ROLES[1:]:
        world.sign_in(role)
        assert world.client.get("/reference/").status_code == 403


def test_no_viewer_sends_anything() -> None:
    assert [name for name, route in ROUTES.items() if route.sends is For.VIEWERS] == []


@pytest.mark.parametrize("role", ROLES)
def test_every_address_answers_as_the_table_says(world: World, role: str) -> None:
    answered = list(matrix(world, [role]))
    assert wrong(answered) == []
    for name, titles in DOCUMENTS.items():
        document = (ROOT / name).read_text(encoding="utf-8")
        assert row(role, answered, titles[role]) in document, "run scripts/role_matrix.py"


def test_what_is_answered_otherwise_is_found() -> None:
    deletes = Asked("delete", VIEWER, "POST", own=True)
    assert wrong([Answered(deletes, Found.FORBIDDEN, 403, ())]) == []
    assert wrong([Answered(deletes, Found.ANSWERED, 302, ())]) == ["viewer POST delete: 403 expected, 302"]
    assert wrong([Answered(deletes, Found.FORBIDDEN, 403, ("t",))]) == ["viewer POST delete: 403, but t written"]
    looks = Asked("delete", VIEWER, "GET", own=False)
    assert wrong([Answered(looks, Found.ANSWERED, 200, ())]) == [
        "viewer GET delete of another customer: 404 expected, 200"
    ]
