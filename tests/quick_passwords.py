"""Django's own password hash with one round in place of a million: a test signs people in, it does not guard them.

The algorithm and the form of the hash are the real ones, so that a process with the real settings reads it too.
"""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickPBKDF2(PBKDF2PasswordHasher):
    iterations = 1
