from __future__ import annotations

from django.apps import AppConfig


class InstallerTasks(AppConfig):
    name = "installer_tasks"
    default_auto_field = "django.db.models.BigAutoField"
