"""Who never goes to a cluster does not load the library for it: 30 MB, and a part of every start."""

from __future__ import annotations

import subprocess
import sys

from tests.contract.up_process import ROOT
from tests.own_state import FOLDER

LOADS = """
import sys, django; django.setup()
import wizard.urls; print("kubernetes" in sys.modules)
import installer_tasks.tasks; print("kubernetes" in sys.modules)
"""


def test_pages_do_not_load_the_kubernetes_library_and_the_worker_does_before_it_forks() -> None:
    env = {"DJANGO_SETTINGS_MODULE": "wizard.settings", "TMC_INSTALLER_STATE": str(FOLDER)}
    done = subprocess.run([sys.executable, "-c", LOADS], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
