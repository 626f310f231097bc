"""`python -m installer_tasks.systems.registry --bundle DIR --project HOST/PROJECT`: `manage.py push` without Django."""

from __future__ import annotations

import gc
import os
import sys

gc.disable()  # nothing that imports make is garbage

from installer_tasks.systems.registry.command import main  # noqa: E402 - after the line above

if __name__ == "__main__":
    gc.enable()
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the kernel frees it all at once: a tenth of the time of a push that has nothing to do
