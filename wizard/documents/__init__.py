"""Documents that leave the installer with a person."""

from __future__ import annotations
