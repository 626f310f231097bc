"""Who may enter: one-time links printed on the console, names with passwords, and a lock against guessing."""

from __future__ import annotations
