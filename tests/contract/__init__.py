"""Our fakes and the real systems, through the same cases."""

from __future__ import annotations
