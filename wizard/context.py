"""What every template gets."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest


def chrome(request: HttpRequest) -> dict[str, Any]:
    return {"theme": request.COOKIES.get("theme", "system")}
