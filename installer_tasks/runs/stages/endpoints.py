"""The public names as a browser meets them, asked at the load balancer's own address; what is seen, as findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from installer_tasks.answer_keys import LDAP
from installer_tasks.errors import Cancelled, InstallerError, LeaseLost, SystemFailure
from installer_tasks.plan import Plan
from installer_tasks.releases import host_name
from installer_tasks.systems import http
from installer_tasks.systems.certificates import issuer_of, subject_of, verify_endpoint
from installer_tasks.systems.dns import resolver
from installer_tasks.systems.markup import asks_for_password
from installer_tasks.systems.net import is_address
from installer_tasks.text import Param, Text, text
from installer_tasks.text import mark as _

MOST_HOPS = 8
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Ingress:
    """Where the public names lead: the load balancer's address and the port of its `https`."""

    address: str
    port: int

    def url(self, name: str, path: str = "/") -> str:
        return f"https://{name}{path}" if self.port == 443 else f"https://{name}:{self.port}{path}"


def finding(name: str, look: Callable[[], tuple[Text, dict[str, Any]]], *, bad: str = "fail") -> dict[str, Any]:
    """Look once; an error of the system becomes the finding, with what was seen and what to do."""
    try:
        message, evidence = look()
    except (Cancelled, LeaseLost):
        raise
    except InstallerError as error:
        return {"name": name, "level": bad, "message": error.cause.as_json(), **_told(error)}
    return {"name": name, "level": "pass", "message": message.as_json(), "value": "", "evidence": evidence}


def _told(error: InstallerError) -> dict[str, Any]:
    evidence = {"code": error.code, "detail": error.detail}
    return {"value": error.value, "remedy": error.remedy.as_json(), "evidence": evidence}


def resolves(plan: Plan, name: str, door: Ingress) -> tuple[Text, dict[str, Any]]:
    """The name leads to the load balancer, by the DNS server that the customer named."""
    found = resolver.resolve(name, plan["dns.server"] or None)
    if is_address(door.address) and door.address not in found.addresses:
        raise SystemFailure(
            text(
                _("%(name)s points to %(found)s, but the load balancer is at %(address)s."),
                name=name,
                found=", ".join(found.addresses),
                address=door.address,
            ),
            value=name,
            remedy=text(_("Point the record of %(name)s to %(address)s."), name=name, address=door.address),
            code="name-elsewhere",
        )
    return text(_("%(name)s points to the load balancer."), name=name), {"addresses": list(found.addresses)}


def secured(name: str, door: Ingress, authority: str, *, internal: bool = False) -> tuple[Text, dict[str, Any]]:
    """It answers over TLS with a certificate for this name that chains to this authority."""
    seen = verify_endpoint(door.address, door.port, server_name=name, ca_pem=authority)
    leaf = seen.chain[0]
    evidence = {
        "address": f"{door.address}:{door.port}",
        "subject": subject_of(leaf),
        "issuer": issuer_of(leaf),
        "not_after": leaf.not_valid_after_utc.isoformat(),
        "protocol": seen.protocol,
    }
    template = (
        _("%(name)s answers over TLS with a certificate of the authority inside TMC-SM, as this release makes it.")
        if internal
        else _("%(name)s responds over TLS with a certificate from your CA.")
    )
    return text(template, name=name), evidence


def ask(url: str, door: Ingress, authority: str) -> http.Response:
    return http.fetch(url, ca_pem=authority, address_override=door.address if is_address(door.address) else "")


def console(plan: Plan, door: Ingress) -> tuple[Text, dict[str, Any]]:
    name = host_name(plan.known.endpoints.console, plan.zone)
    answer = ask(door.url(name), door, plan["certificates.ca"])
    if answer.status != 200:
        raise _wrong_status(name, answer.status, door)
    return text(_("The console is available at %(url)s."), url=plan.console_url), {"status": answer.status}


def supervisor(plan: Plan, door: Ingress) -> tuple[Text, dict[str, Any]]:
    """Pinniped, which signs people in, knows itself by its public name."""
    wanted = plan.known.issuer_url(plan.zone)
    host, path = urlsplit(wanted).netloc, urlsplit(wanted).path
    answer = ask(door.url(host, f"{path}{DISCOVERY}"), door, plan["certificates.ca"])
    if answer.status != 200:
        raise _wrong_status(host, answer.status, door)
    issuer = str(http.json_object(answer).get("issuer", ""))
    if without_port(issuer, door) != wanted:
        raise _unexpected(text(_("issuer of %(host)s"), host=host), issuer, wanted)
    return text(_("The sign-in service has the correct issuer URL.")), {"issuer": issuer}


def landing(plan: Plan, door: Ingress, authority: str) -> tuple[Text, dict[str, Any]]:
    """Where people who are not signed in arrive: a page, or the way on to the sign-in."""
    name = host_name(plan.known.endpoints.landing, plan.zone)
    answer = ask(door.url(name, "/landing"), door, authority)
    if answer.status != 200 and not answer.is_redirect:
        raise _wrong_status(name, answer.status, door)
    return text(_("The landing page is available.")), {"status": answer.status}


def sign_in(plan: Plan, door: Ingress) -> tuple[Text, dict[str, Any]]:
    """From the sign-in link, hop by hop, to the identity provider's sign-in page, asked for by the right client."""
    if plan.identity_kind == LDAP:
        return _sign_in_here(plan, door)
    hops = _hops(plan, door)
    last = urlsplit(hops[-1])
    query = {key: values[0] for key, values in parse_qs(last.query).items()}
    wanted = {
        "authorization endpoint": _authorization_endpoint(plan),
        "client_id": plan["identity.client_id"],
        "redirect_uri": plan.known.redirect_uri(plan.zone),
    }
    seen = {
        "authorization endpoint": f"{last.scheme}://{last.netloc}{last.path}",
        "client_id": query.get("client_id", ""),
        "redirect_uri": without_port(query.get("redirect_uri", ""), door),
    }
    for what, value in wanted.items():
        if seen[what] != value:
            raise _unexpected(what, seen[what], value)
    shown = [http.without_secrets(hop) for hop in hops]
    return text(_("Sign-in redirects to the identity provider with the correct client ID and redirect URI.")), {
        "hops": shown
    }


def _sign_in_here(plan: Plan, door: Ingress) -> tuple[Text, dict[str, Any]]:
    """With a directory nobody is sent on: the sign-in service asks for name and password on a page of its own."""
    hops, cookies = [_sign_in_url(plan, door)], dict[str, str]()
    while (answer := _asked(plan, door, hops[-1], cookies)).is_redirect and len(hops) <= MOST_HOPS:
        hops.append(urljoin(hops[-1], answer.headers["location"]))
        _require_ours(plan, hops[-1])
    wanted = urlsplit(plan.known.issuer_url(plan.zone)).hostname
    found = urlsplit(hops[-1]).hostname or ""
    if found == wanted and answer.status >= 400:
        raise _wrong_status(found, answer.status, door)
    if found != wanted or answer.status != 200:
        raise _unexpected(text(_("sign-in")), f"{found} HTTP {answer.status}", f"{wanted} HTTP 200")
    if not asks_for_password(answer.text()):
        raise _unexpected(
            text(_("sign-in")),
            text(_("a page without a password field")),
            text(_("a page with user name and password fields")),
        )
    shown = [http.without_secrets(hop) for hop in hops]
    return text(_("Sign-in opens the page that asks for the directory user name and password.")), {"hops": shown}


def _sign_in_url(plan: Plan, door: Ingress) -> str:
    return door.url(host_name(plan.known.endpoints.sign_in, plan.zone), "/api/v1/login")


def _require_ours(plan: Plan, url: str) -> None:
    host = urlsplit(url).hostname or ""
    if host not in plan.known.public_names(plan.zone):
        raise _unexpected(text(_("sign-in")), host, host_name(plan.known.endpoints.supervisor, plan.zone))


def without_port(url: str, door: Ingress) -> str:
    """A practice load balancer may listen on another port than 443; names are what is judged."""
    return url.replace(f":{door.port}/", "/", 1) if door.port != 443 else url


def _hops(plan: Plan, door: Ingress) -> list[str]:
    """The addresses of the way, the last one outside of our names. Only our own names are asked."""
    ours = set(plan.known.public_names(plan.zone))
    hops = [_sign_in_url(plan, door)]
    cookies: dict[str, str] = {}
    while urlsplit(hops[-1]).hostname in ours:
        if len(hops) > MOST_HOPS:
            raise _unexpected(
                text(_("sign-in")), text(_("%(count)d redirects"), count=MOST_HOPS), text(_("the identity provider"))
            )
        hops.append(_next(plan, door, hops[-1], cookies))
    return hops


def _next(plan: Plan, door: Ingress, url: str, cookies: dict[str, str]) -> str:
    answer = _asked(plan, door, url, cookies)
    if answer.status >= 400:
        raise _wrong_status(urlsplit(url).hostname or "", answer.status, door)
    if not answer.is_redirect:
        raise _unexpected(
            http.without_secrets(url), f"HTTP {answer.status}", text(_("a redirect to the next sign-in page"))
        )
    return urljoin(url, answer.headers["location"])


def _asked(plan: Plan, door: Ingress, url: str, cookies: dict[str, str]) -> http.Response:
    """One page of the way, with the cookies that came on it."""
    parts = urlsplit(url)
    here = door.url(parts.hostname or "", parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    address = door.address if is_address(door.address) else ""
    headers = {"Cookie": "; ".join(f"{key}={value}" for key, value in cookies.items())} if cookies else {}
    answer = http.fetch(here, ca_pem=plan["certificates.ca"], address_override=address, headers=headers)
    name, _sign, value = answer.headers.get("set-cookie", "").partition(";")[0].partition("=")
    if name:
        cookies[name] = value
    return answer


def _authorization_endpoint(plan: Plan) -> str:
    issuer = plan["identity.issuer_url"].rstrip("/")
    try:
        answer = http.fetch(f"{issuer}{DISCOVERY}", ca_pem=plan["identity.ca"] or None)
        return str(http.json_object(answer).get("authorization_endpoint", ""))
    except InstallerError as error:
        raise _provider_fails(issuer, error) from error


def _provider_fails(issuer: str, error: InstallerError) -> SystemFailure:
    """The public names are well up to here; it is the provider itself that does not respond as it should."""
    return SystemFailure(
        text(_("The identity provider does not respond as it should: %(cause)s"), cause=error.cause),
        value=issuer,
        remedy=error.remedy,
        detail=error.detail,
        code="acceptance-provider",
    )


def _wrong_status(name: str, status: int, door: Ingress) -> SystemFailure:
    """Name, route and certificate are right: what stands behind the load balancer answers wrongly."""
    told: dict[str, Param] = {"name": name, "status": status, "where": f"{door.address}:{door.port}"}
    if status == 404:
        return SystemFailure(
            text(
                _("%(name)s responds with HTTP %(status)s: what listens at %(where)s has no route for this name."),
                **told,
            ),
            value=f"https://{name} HTTP {status}",
            remedy=text(_("Check that its HTTPProxy is valid and that no other ingress controller has this address.")),
            code="acceptance-status",
        )
    if status in (502, 503, 504):
        return SystemFailure(
            text(
                _(
                    "%(name)s responds with HTTP %(status)s: the load balancer at %(where)s reaches no healthy server "
                    "behind it."
                ),
                **told,
            ),
            value=f"https://{name} HTTP {status}",
            remedy=text(
                _(
                    "Check the pool members of the load balancer and the contour-envoy pods, "
                    "then the pods behind %(name)s."
                ),
                name=name,
            ),
            code="acceptance-status",
        )
    return SystemFailure(
        text(_("%(name)s responds with HTTP %(status)s from %(where)s."), **told),
        value=f"https://{name} HTTP {status}",
        remedy=text(_("Check the pods behind %(name)s and their logs."), name=name),
        code="acceptance-status",
    )


def _unexpected(what: Param, found: Param, wanted: Param) -> SystemFailure:
    return SystemFailure(
        text(_("%(what)s: found %(found)s, expected %(wanted)s."), what=what, found=found or "–", wanted=wanted),
        value=str(found or what),
        remedy=text(
            _("Compare the values of this installation with the configuration of the identity provider and DNS.")
        ),
        code="acceptance",
    )
