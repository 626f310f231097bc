"""The practice estate: a customer's environment on loopback, for training, demonstration and tests."""

from __future__ import annotations
