"""Which authorities the other systems present, and whether the run gives each of them to TMC-SM."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from installer_tasks import certificates
from installer_tasks.answers import FEDERATED, kind_of
from installer_tasks.certificates.anatomy import is_self_signed
from installer_tasks.certificates.chains import signed_by
from installer_tasks.errors import InstallerError
from installer_tasks.plan import Plan
from installer_tasks.registry import Reference

TIMEOUT = 5.0
HTTPS = 443
Certificates = Sequence[x509.Certificate]


def presented(answers: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each system that TMC-SM talks to: what vouches for it among the `trustedCAs` of the run."""
    trusted = [one for pem in Plan("", answers).trusted_cas().values() for one in certificates.parse_bundle(pem)]
    with ThreadPoolExecutor(2, thread_name_prefix="trust") as pool:
        looks = [pool.submit(_look, system, where, trusted) for system, where in _doors(answers)]
        return [look.result() for look in looks]


def _doors(answers: Mapping[str, str]) -> list[tuple[str, tuple[str, int]]]:
    """Where a certificate is to be seen; what is not answered or not an address is told by its own page."""
    doors: list[tuple[str, tuple[str, int]]] = []
    try:
        issuer = urlsplit(answers["identity.issuer_url"])
        if kind_of(answers) == FEDERATED and issuer.scheme == "https" and issuer.hostname:
            doors.append(("identity", (issuer.hostname, issuer.port or HTTPS)))
        registry = urlsplit(f"https://{Reference.parse(answers['registry.project']).host}")
        doors.append(("registry", (registry.hostname or "", registry.port or HTTPS)))
    except (ValueError, InstallerError):
        pass
    return doors


def _look(system: str, where: tuple[str, int], trusted: Certificates) -> dict[str, Any]:
    try:
        chain = certificates.peer_chain(*where, timeout=TIMEOUT)
    except InstallerError as error:
        return {"system": system, "host": where[0], "by": "unseen", "subject": "", "pem": "", "detail": error.code}
    by = _vouched(chain, trusted)
    return {
        "system": system,
        "host": where[0],
        "by": by,
        "subject": chain[-1].issuer.rfc4514_string(),
        "pem": "" if by == "authority" else _root_pem(chain),
        "detail": "",
    }


def _vouched(chain: Certificates, trusted: Certificates) -> str:
    """`authority`; `itself`, when only the server's own certificate is trusted; `nobody`."""
    authorities = [one for one in trusted if certificates.is_ca(one)]
    if certificates.verify_chain(chain, authorities).trusted:
        return "authority"
    return "itself" if chain[0] in trusted else "nobody"


def _root_pem(chain: Certificates) -> str:
    """The authority to add: the root, where it is presented or this machine has it; else the last that is presented."""
    last = chain[-1]
    if is_self_signed(last):
        return certificates.to_pem((last,)) if certificates.is_ca(last) else ""
    root = next((one for one in _of_this_machine() if one.subject == last.issuer and signed_by(last, one)), None)
    if root is None:
        root = last if certificates.is_ca(last) else None
    return certificates.to_pem((root,)) if root else ""


def _of_this_machine() -> Iterator[x509.Certificate]:
    for der in ssl.create_default_context().get_ca_certs(binary_form=True):
        with suppress(ValueError):  # old roots break rules that are kept today
            yield x509.load_der_x509_certificate(der)
