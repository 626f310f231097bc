"""A push killed outright at random moments; `make bench-push ARGS="--kills 50"` is the long form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import kills


@pytest.mark.docker_registry
@pytest.mark.program("docker-registry")
def test_what_was_confirmed_is_never_sent_again(tmp_path: Path) -> None:
    found = kills.run(tmp_path, 6)
    assert found.killed >= 3, "most moments lie inside the push"
    assert found.sent <= found.trials * found.total + found.in_flight
    assert found.sent >= found.trials * found.total
