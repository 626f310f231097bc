"""Run at the start of every Python process that has this folder in its PYTHONPATH: passwords are hashed with one round.

For the processes of an installer in which a test signs people in: the real million of rounds takes half a second of
processor time for each. What such a test asserts depends on no hash's cost.
"""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher

PBKDF2PasswordHasher.iterations = 1
