"""The identity provider: what it says of itself, its keys, whether it knows the client and the callback of the zone.

Where people sign in with a directory, see identity_ldap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from installer_tasks import identity, names, releases, sign_in
from installer_tasks.answers import LDAP
from installer_tasks.facts import identity_ldap
from installer_tasks.facts.authority import supplied
from installer_tasks.facts.base import Observations
from installer_tasks.identity import Discovery

TIMEOUT = 10.0  #: of each request


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    observations.observe("groups", partial(_groups, answers))
    if answers["identity.kind"] == LDAP:
        identity_ldap.collect(answers, observations)
        return
    found: list[Discovery] = []

    def discovery() -> dict[str, Any]:
        found.append(identity.discover(answers["identity.issuer_url"], supplied(answers, "identity.ca"), TIMEOUT))
        return asdict(found[0])

    if observations.observe("discovery", discovery) is None:
        return
    looks = {"hosts": _hosts, "keys": _keys, "client": _client, "redirect": _redirect, "request": _request}
    observations.observe_together({name: partial(look, found[0], answers) for name, look in looks.items()})


def _groups(answers: Mapping[str, str]) -> dict[str, str]:
    return {"admin": answers["identity.admin_group"], "member": answers["identity.member_group"]}


def _hosts(discovery: Discovery, answers: Mapping[str, str]) -> list[dict[str, Any]]:
    return [asdict(host) for host in identity.hosts(discovery, supplied(answers, "identity.ca"), TIMEOUT)]


def _keys(discovery: Discovery, answers: Mapping[str, str]) -> dict[str, Any]:
    return asdict(identity.jwks(discovery, supplied(answers, "identity.ca"), TIMEOUT))


def _client(discovery: Discovery, answers: Mapping[str, str]) -> dict[str, Any]:
    verdict = identity.check_client(
        discovery,
        answers["identity.client_id"],
        answers["identity.client_secret"],
        # No code is ever sent there: any callback will do while the zone is not known.
        redirect_uri=releases.chosen(answers).redirect_uri(answers["dns.zone"] or "zone.invalid"),
        ca_pem=supplied(answers, "identity.ca"),
        timeout=TIMEOUT,
    )
    return asdict(verdict)


def _redirect(discovery: Discovery, answers: Mapping[str, str]) -> dict[str, Any]:
    verdict = identity.probe_redirect(
        discovery,
        answers["identity.client_id"],
        releases.chosen(answers).redirect_uri(names.parse_zone(answers["dns.zone"])),
        ca_pem=supplied(answers, "identity.ca"),
        timeout=TIMEOUT,
    )
    return asdict(verdict)


def _request(discovery: Discovery, answers: Mapping[str, str]) -> dict[str, Any]:
    verdict = identity.probe_request(
        discovery,
        answers["identity.client_id"],
        releases.chosen(answers).redirect_uri(names.parse_zone(answers["dns.zone"])),
        sign_in.scopes_asked(answers["identity.scopes"]),
        ca_pem=supplied(answers, "identity.ca"),
        timeout=TIMEOUT,
    )
    return asdict(verdict)
