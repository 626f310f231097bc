"""What the web side keeps of its own: the counters of password guesses. The rows of installations: installer_tasks."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class GuessCount(models.Model):
    """How often something was tried lately, and when it may be tried again. The key is a digest: guesses have names."""

    key = models.CharField(max_length=64, unique=True)
    count = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now, db_index=True)
    free_at = models.DateTimeField(null=True)
    refused = models.BooleanField(default=False, help_text="since the last try that was let through")

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.count}"
