from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.oracle import asking


@pytest.fixture(scope="session")
def oracle() -> Iterator[asking.Oracle]:
    with asking.running() as program:
        yield program
