"""Pages: fetch, form, service, answer."""

from __future__ import annotations
