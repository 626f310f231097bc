"""The identity provider: what it says of itself, its keys, whether it knows the client and the callback of the zone.

Where people sign in with a directory, see identity_ldap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import cast

from installer_tasks import releases
from installer_tasks.answer_keys import LDAP
from installer_tasks.preflight.facts import identity_ldap
from installer_tasks.preflight.facts.authority import supplied
from installer_tasks.preflight.facts.base import Observations, Probe
from installer_tasks.preflight.shapes import identity as shapes
from installer_tasks.systems import identity, proxies
from installer_tasks.systems.dns import resolver
from installer_tasks.systems.http import parse_url
from installer_tasks.systems.identity import Discovery, scopes

TIMEOUT = 10.0  #: of each request


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    observations.observe_together(Probe(shapes.GROUPS, partial(_groups, answers)))
    if answers["identity.kind"] == LDAP:
        identity_ldap.collect(answers, observations)
        return
    discovery = observations.observe_with(shapes.DISCOVERY, partial(_discover, answers), _described)
    if discovery is None:
        return
    observations.observe(shapes.WAY, partial(_way, answers))
    observations.observe_together(
        Probe(shapes.HOSTS, partial(_hosts, discovery, answers)),
        Probe(shapes.KEYS, partial(_keys, discovery, answers)),
        Probe(shapes.CLIENT, partial(_client, discovery, answers)),
        Probe(shapes.REDIRECT, partial(_redirect, discovery, answers)),
        Probe(shapes.REQUEST, partial(_request, discovery, answers)),
    )


def _discover(answers: Mapping[str, str]) -> Discovery:
    return identity.discover(answers["identity.issuer_url"], supplied(answers, "identity.ca"), TIMEOUT)


def _described(discovery: Discovery) -> shapes.Discovery:
    return cast("shapes.Discovery", asdict(discovery))


def _way(answers: Mapping[str, str]) -> shapes.Way:
    """The proxy by which this machine reached the provider; "" for the direct way."""
    target = parse_url(answers["identity.issuer_url"])
    proxy = proxies.proxy_for(target.hostname or "", target.port or 443)
    return {"host": target.netloc, "proxy": proxy.shown if proxy else ""}


def _groups(answers: Mapping[str, str]) -> dict[str, str]:
    return {"admin": answers["identity.admin_group"], "member": answers["identity.member_group"]}


def _hosts(discovery: Discovery, answers: Mapping[str, str]) -> list[shapes.Host]:
    hosts = identity.hosts(discovery, supplied(answers, "identity.ca"), TIMEOUT)
    return [cast("shapes.Host", asdict(host)) for host in hosts]


def _keys(discovery: Discovery, answers: Mapping[str, str]) -> shapes.Keys:
    return cast("shapes.Keys", asdict(identity.jwks(discovery, supplied(answers, "identity.ca"), TIMEOUT)))


def _client(discovery: Discovery, answers: Mapping[str, str]) -> shapes.Client:
    verdict = identity.check_client(
        discovery,
        answers["identity.client_id"],
        answers["identity.client_secret"],
        # No code is ever sent there: any callback will do while the zone is not known.
        redirect_uri=releases.chosen(answers).redirect_uri(answers["dns.zone"] or "zone.invalid"),
        ca_pem=supplied(answers, "identity.ca"),
        timeout=TIMEOUT,
    )
    return cast("shapes.Client", asdict(verdict))


def _redirect(discovery: Discovery, answers: Mapping[str, str]) -> shapes.Redirect:
    verdict = identity.probe_redirect(
        discovery,
        answers["identity.client_id"],
        releases.chosen(answers).redirect_uri(resolver.parse_zone(answers["dns.zone"])),
        ca_pem=supplied(answers, "identity.ca"),
        timeout=TIMEOUT,
    )
    return cast("shapes.Redirect", asdict(verdict))


def _request(discovery: Discovery, answers: Mapping[str, str]) -> shapes.Request:
    verdict = identity.probe_request(
        discovery,
        answers["identity.client_id"],
        releases.chosen(answers).redirect_uri(resolver.parse_zone(answers["dns.zone"])),
        scopes.scopes_asked(answers["identity.scopes"]),
        ca_pem=supplied(answers, "identity.ca"),
        timeout=TIMEOUT,
    )
    return cast("shapes.Request", asdict(verdict))
