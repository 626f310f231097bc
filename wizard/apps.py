from __future__ import annotations

from django.apps import AppConfig


class Wizard(AppConfig):
    name = "wizard"
