"""Certificates as facts show them."""

from __future__ import annotations

from typing import cast

from cryptography import x509

from installer_tasks.preflight.shapes.certificate import Anatomy, Described
from installer_tasks.systems import certificates
from installer_tasks.systems.certificates.anatomy import anatomy


def described(certificate: x509.Certificate) -> Described:
    return cast(Described, certificates.describe(certificate))


def dissected(certificate: x509.Certificate) -> Anatomy:
    return cast(Anatomy, anatomy(certificate))
