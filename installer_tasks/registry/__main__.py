"""`python -m installer_tasks.registry --bundle DIR --project HOST/PROJECT`: `manage.py push` without Django."""

from __future__ import annotations

import sys

from installer_tasks.registry.command import main

if __name__ == "__main__":
    sys.exit(main())
