"""What tells one installer from others on the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer_tasks.local import state_folder


def test_each_state_folder_has_an_instance_of_its_own_which_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name in ("rehearsal", "real", "rehearsal"):
        monkeypatch.setenv(state_folder.VARIABLE, str(tmp_path / name))
        found.append(state_folder.instance("the same key"))
    assert found[0] == found[2] != found[1]
    assert state_folder.instance("another key") != state_folder.instance("the same key")
    assert "rehearsal" not in found[0]


def test_machines_that_share_a_database_have_the_same_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = set()
    for name in ("one", "other"):
        monkeypatch.setenv(state_folder.VARIABLE, str(tmp_path / name))
        found.add(state_folder.instance("the same key", database="tmc"))
    assert len(found) == 1
