"""The tests touch no state folder but their own."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings

from installer_tasks.local import state_folder
from tests import own_state


def test_the_settings_name_the_folder_of_this_test_run() -> None:
    assert Path(settings.STATE_DIR) == own_state.FOLDER == Path(os.environ[state_folder.VARIABLE])
    assert own_state.FOLDER in Path(settings.KEYRING_FILE).parents
    assert str(own_state.FOLDER) in settings.REDIS_URL
