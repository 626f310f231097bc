"""Template tags of the wizard."""

from __future__ import annotations

from django import template

register = template.Library()
