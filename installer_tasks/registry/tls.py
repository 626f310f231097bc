"""One TLS context: the system's certificate authorities and, where given, the customer's own. Always verifying."""

from __future__ import annotations

import ssl

from installer_tasks.errors import InputError
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _


def tls_context(ca_pem: str | None = None) -> ssl.SSLContext:
    """A verifying context; InputError when `ca_pem` holds no certificate."""
    context = ssl.create_default_context()
    if ca_pem and ca_pem.strip():
        try:
            context.load_verify_locations(cadata=ca_pem)
        except (ssl.SSLError, ValueError) as error:
            raise _not_certificates() from error
    return context


def _not_certificates() -> InputError:
    return InputError(
        text(_("The certificate authority is not a PEM certificate.")),
        remedy=Text(_("Paste the certificate that begins with -----BEGIN CERTIFICATE-----.")),
        field="registry.ca",
        code="registry-ca",
    )
