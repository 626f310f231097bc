"""What every template gets."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from wizard.accounts.access import reads_only

THEMES = ("system", "light", "dark", "contrast")


def chrome(request: HttpRequest) -> dict[str, Any]:
    chosen = request.COOKIES.get(settings.THEME_COOKIE_NAME, "system")
    return {
        "theme": chosen if chosen in THEMES else "system",
        "instance": settings.INSTANCE,
        "read_only": reads_only(request),
    }
