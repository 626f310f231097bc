"""What people see: the Django project, its pages, steps, saved sessions and documents."""

from __future__ import annotations
