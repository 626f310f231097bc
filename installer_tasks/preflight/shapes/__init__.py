"""What each fact looks like, a module a system: its TypedDict, and the `Fact` that collector and checks name it by."""

from __future__ import annotations
