"""Read-only queries turned into frozen values for templates, one module a page."""

from __future__ import annotations
