"""The processes of an installer on one machine: private Redis, Celery worker, web server; and who watches them."""

from __future__ import annotations

from installer_tasks.local.processes.lock import AlreadyRunning
from installer_tasks.local.processes.supervisor import Supervisor

__all__ = ["AlreadyRunning", "Supervisor"]
