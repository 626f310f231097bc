"""Fetching the package repository as kapp-controller does: with the authorities it was given, and its very words.

The default of `Hooks.fetch`. It really asks the registry, so that a forgotten CA or an incomplete push fails here too.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass

import urllib3

from installer_tasks.systems.registry.challenges import parse_challenges

_FETCHING = (
    "vendir: Error: Syncing directory '0':\n"
    "  Syncing directory '.' with imgpkgBundle contents:\n"
    "    Fetching image:\n"
    "      "
)
_TRANSPORT = (
    "Error while preparing a transport to talk with the registry:\n        Unable to create round tripper:\n          "
)
ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)


class FetchFailed(Exception):
    """The repository's bundle could not be fetched; the text is what the controller reports."""


@dataclass(frozen=True)
class Reference:
    """An image by tag or digest."""

    host: str
    path: str
    version: str

    def __str__(self) -> str:
        separator = "@" if self.version.startswith("sha256:") else ":"
        return f"{self.host}/{self.path}{separator}{self.version}"

    @classmethod
    def parse(cls, image: str) -> Reference:
        found = re.fullmatch(r"([^/]+)/([^@]+?)(?:@(sha256:[0-9a-f]{64})|:([\w.-]{1,128}))?", image)
        if found is None:
            raise FetchFailed(f"vendir: Error: Parsing image reference: could not parse reference: {image}")
        host, path, digest, tag = found.groups()
        return cls(host, path, digest or tag or "latest")


def fetch_bundle(image: str, authorities: str) -> None:
    """Ask the registry for the manifest, without credentials; `authorities` are PEMs. Raises FetchFailed."""
    reference = Reference.parse(image)
    context = ssl.create_default_context()
    if authorities:
        context.load_verify_locations(cadata=authorities)
    retries = urllib3.Retry(total=0, redirect=3)
    with urllib3.PoolManager(ssl_context=context, retries=retries, timeout=10.0) as pool:
        ping = f"https://{reference.host}/v2/"
        try:
            headers = token_headers(pool, reference, pool.request("GET", ping))
            url = f"{ping}{reference.path}/manifests/{reference.version}"
            answer = pool.request("GET", url, headers={"Accept": ACCEPT, **headers})
        except urllib3.exceptions.HTTPError as error:
            raise FetchFailed(_FETCHING + _TRANSPORT + f'Get "{ping}": {go_words(error, reference.host)}') from None
    _check(answer, reference, url)


def token_headers(pool: urllib3.PoolManager, reference: Reference, ping: urllib3.BaseHTTPResponse) -> dict[str, str]:
    """A token for nobody in particular, where the registry deals in tokens: what a public project gives."""
    answer = ask_for_token(pool, reference, ping)
    token = answer.json().get("token") if answer is not None and answer.status == 200 else None
    return {"Authorization": f"Bearer {token}"} if token else {}


def ask_for_token(
    pool: urllib3.PoolManager, reference: Reference, ping: urllib3.BaseHTTPResponse, login: str = ""
) -> urllib3.BaseHTTPResponse | None:
    """What the token service says to `user:password`, or to nobody; None where there is no such service."""
    challenges = parse_challenges(ping.headers.getlist("WWW-Authenticate"))
    bearer = next((found for found in challenges if found.scheme == "bearer" and found.realm), None)
    if ping.status != 401 or bearer is None:
        return None
    service = bearer.parameters.get("service", "")
    fields = {"service": service, "scope": f"repository:{reference.path}:pull"}
    headers = urllib3.make_headers(basic_auth=login) if login else {}
    return pool.request("GET", bearer.realm, fields=fields, headers=headers)


def _check(answer: urllib3.BaseHTTPResponse, reference: Reference, url: str) -> None:
    if answer.status == 200:
        return
    words = {
        401: "UNAUTHORIZED: authentication required",
        403: "DENIED: requested access to the resource is denied",
        404: f"MANIFEST_UNKNOWN: manifest unknown; NOT_FOUND: artifact {reference.path}:{reference.version} not found",
    }
    reason = words.get(answer.status, f"unexpected status code {answer.status}")
    raise FetchFailed(f"{_FETCHING}GET {url}:\n        {reason}")


def go_words(error: BaseException, host: str) -> str:
    """The same failure as a Go program words it."""
    text = f"{error} {getattr(error, 'reason', '')}"
    name = host.partition(":")[0]
    for pattern, words in (
        (r"certificate has expired", "x509: certificate has expired or is not yet valid"),
        (r"(Hostname|IP address) mismatch", f"x509: certificate is valid for another name, not {name}"),
        (r"certificate verify failed", "x509: certificate signed by unknown authority"),
        (r"WRONG_VERSION_NUMBER|RECORD_LAYER", "http: server gave HTTP response to HTTPS client"),
        (r"NameResolution|resolve", f"dial tcp: lookup {name}: no such host"),
        (r"refused", f"dial tcp {host}: connect: connection refused"),
        (r"timed out", "context deadline exceeded"),
    ):
        if re.search(pattern, text, re.I):
            return words
    return "EOF"
