"""Which authorities the other systems present, and whether the run gives each of them to TMC-SM."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Literal
from urllib.parse import urlsplit

from cryptography import x509

from installer_tasks.answer_keys import FEDERATED, kind_of
from installer_tasks.errors import InstallerError
from installer_tasks.plan import Plan
from installer_tasks.preflight.shapes import certificates as shapes
from installer_tasks.preflight.shapes.base import Sentence
from installer_tasks.systems import certificates
from installer_tasks.systems.certificates.anatomy import is_self_signed
from installer_tasks.systems.certificates.chains import signed_by
from installer_tasks.systems.certificates.extensions import UNREADABLE
from installer_tasks.systems.registry import Reference
from installer_tasks.text import Text

TIMEOUT = 5.0
HTTPS = 443
Certificates = Sequence[x509.Certificate]


def presented(answers: Mapping[str, str]) -> list[shapes.Trust]:
    """Each system that TMC-SM talks to: what vouches for it among the `trustedCAs` of the run."""
    trusted = [one for pem in Plan("", answers).trusted_cas().values() for one in certificates.parse_bundle(pem)]
    with ThreadPoolExecutor(2, thread_name_prefix="trust") as pool:
        probes = [pool.submit(_probe, system, where, trusted) for system, where in _endpoints(answers)]
        return [probe.result() for probe in probes]


def accepted(answers: Mapping[str, str]) -> list[shapes.Accepted]:
    """Each certificate among the `trustedCAs` of the run, and why Go rejects it: every version, or only newer ones."""
    supplied = [one for pem in Plan("", answers).trusted_cas().values() for one in certificates.parse_bundle(pem)]
    return [
        {
            "subject": certificates.subject_of(one),
            "rejected": _json(certificates.rejection(one)),
            "rejected_by_newer": _json(certificates.newer_rejection(one)),
        }
        for one in supplied
    ]


def _json(reason: Text | None) -> Sentence | None:
    return reason.as_json() if reason else None


def _endpoints(answers: Mapping[str, str]) -> list[tuple[str, tuple[str, int]]]:
    """Where a certificate is to be seen; what is not answered or not an address is told by its own page."""
    endpoints: list[tuple[str, tuple[str, int]]] = []
    try:
        issuer = urlsplit(answers["identity.issuer_url"])
        if kind_of(answers) == FEDERATED and issuer.scheme == "https" and issuer.hostname:
            endpoints.append(("identity", (issuer.hostname, issuer.port or HTTPS)))
        registry = urlsplit(f"https://{Reference.parse(answers['registry.project']).host}")
        endpoints.append(("registry", (registry.hostname or "", registry.port or HTTPS)))
    except (ValueError, InstallerError):
        pass
    return endpoints


def _probe(system: str, where: tuple[str, int], trusted: Certificates) -> shapes.Trust:
    try:
        chain = certificates.peer_chain(*where, timeout=TIMEOUT, web=True)
    except InstallerError as error:
        return {"system": system, "host": where[0], "by": "unseen", "subject": "", "pem": "", "detail": error.code}
    by = _vouched(chain, trusted)
    return {
        "system": system,
        "host": where[0],
        "by": by,
        "subject": certificates.issuer_of(chain[-1]),
        "pem": "" if by == "authority" else _root_pem(chain),
        "detail": "",
    }


def _vouched(chain: Certificates, trusted: Certificates) -> Literal["authority", "itself", "nobody"]:
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
    root = next((one for one in _of_this_machine() if signed_by(last, one)), None)
    if root is None:
        root = last if certificates.is_ca(last) else None
    return certificates.to_pem((root,)) if root else ""


def _of_this_machine() -> Iterator[x509.Certificate]:
    for der in ssl.create_default_context().get_ca_certs(binary_form=True):
        with suppress(*UNREADABLE):  # old roots break rules that are kept today
            yield x509.load_der_x509_certificate(der)
