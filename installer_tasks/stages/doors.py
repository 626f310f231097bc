"""The public names as a browser meets them, asked at the load balancer's own address; what is seen, as findings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from installer_tasks import http, names
from installer_tasks.answers import LDAP
from installer_tasks.certificates import verify_endpoint
from installer_tasks.errors import Cancelled, InstallerError, LeaseLost, SystemFailure
from installer_tasks.net import is_address
from installer_tasks.plan import Plan
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

MOST_HOPS = 8
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Door:
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


def resolves(plan: Plan, name: str, door: Door) -> tuple[Text, dict[str, Any]]:
    """The name leads to the load balancer, by the DNS server that the customer named."""
    found = names.resolve(name, plan["dns.server"] or None)
    if is_address(door.address) and door.address not in found.addresses:
        raise SystemFailure(
            text(
                _("%(name)s leads to %(found)s, the load balancer is %(address)s."),
                name=name,
                found=", ".join(found.addresses),
                address=door.address,
            ),
            value=name,
            remedy=text(_("Point the record of %(name)s to %(address)s."), name=name, address=door.address),
            code="name-elsewhere",
        )
    return text(_("%(name)s leads to the load balancer."), name=name), {"addresses": list(found.addresses)}


def secured(plan: Plan, name: str, door: Door) -> tuple[Text, dict[str, Any]]:
    """It answers over TLS with a certificate for this name that chains to the operator's authority."""
    seen = verify_endpoint(door.address, door.port, server_name=name, ca_pem=plan["certificates.ca"])
    leaf = seen.chain[0]
    evidence = {
        "address": f"{door.address}:{door.port}",
        "subject": leaf.subject.rfc4514_string(),
        "issuer": leaf.issuer.rfc4514_string(),
        "not_after": leaf.not_valid_after_utc.isoformat(),
        "protocol": seen.protocol,
    }
    return text(_("%(name)s answers over TLS with a certificate of your authority."), name=name), evidence


def ask(plan: Plan, url: str, door: Door) -> http.Response:
    return http.fetch(
        url, ca_pem=plan["certificates.ca"], address_override=door.address if is_address(door.address) else ""
    )


def console(plan: Plan, door: Door) -> tuple[Text, dict[str, Any]]:
    answer = ask(plan, door.url(plan.zone), door)
    if answer.status != 200:
        raise _unexpected(plan.console_url, f"HTTP {answer.status}", "HTTP 200")
    return text(_("The console answers at %(url)s."), url=plan.console_url), {"status": answer.status}


def supervisor(plan: Plan, door: Door) -> tuple[Text, dict[str, Any]]:
    """Pinniped, which signs people in, knows itself by its public name."""
    host = f"pinniped-supervisor.{plan.zone}"
    answer = ask(plan, door.url(host, f"/provider/pinniped{DISCOVERY}"), door)
    issuer = str(http.json_object(answer).get("issuer", "")) if answer.status == 200 else f"HTTP {answer.status}"
    wanted = f"https://{host}/provider/pinniped"
    if without_port(issuer, door) != wanted:
        raise _unexpected(f"{host} issuer", issuer, wanted)
    return text(_("The sign-in service knows its own name.")), {"issuer": issuer}


def landing(plan: Plan, door: Door) -> tuple[Text, dict[str, Any]]:
    """Where people who are not signed in arrive: a page, or the way on to the sign-in."""
    name = f"landing.{plan.zone}"
    answer = ask(plan, door.url(name, "/landing"), door)
    if answer.status != 200 and not answer.is_redirect:
        raise _unexpected(name, f"HTTP {answer.status}", "HTTP 200")
    return text(_("The landing page answers.")), {"status": answer.status}


def sign_in(plan: Plan, door: Door) -> tuple[Text, dict[str, Any]]:
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
    return text(_("Signing in leads to the identity provider, with the right client and way back.")), {"hops": shown}


def _sign_in_here(plan: Plan, door: Door) -> tuple[Text, dict[str, Any]]:
    """With a directory nobody is sent on: the sign-in service asks for name and password on a page of its own."""
    hops, cookies = [door.url(f"auth.{plan.zone}", "/api/v1/login")], dict[str, str]()
    while (answer := _asked(plan, door, hops[-1], cookies)).is_redirect and len(hops) <= MOST_HOPS:
        hops.append(urljoin(hops[-1], answer.headers["location"]))
        _require_ours(plan, hops[-1])
    wanted = urlsplit(plan.known.issuer_url(plan.zone)).hostname
    found = urlsplit(hops[-1]).hostname or ""
    if found != wanted or answer.status != 200:
        raise _unexpected("sign-in", f"{found} HTTP {answer.status}", f"{wanted} HTTP 200")
    if not re.search(r"<input\b[^>]*\btype=[\"']?password\b", answer.text(), re.IGNORECASE):
        raise _unexpected("sign-in", _("a page without a field for a password"), _("a page with name and password"))
    shown = [http.without_secrets(hop) for hop in hops]
    return text(_("Signing in leads to the page that asks for name and password of the directory.")), {"hops": shown}


def _require_ours(plan: Plan, url: str) -> None:
    host = urlsplit(url).hostname or ""
    if host not in plan.known.public_names(plan.zone):
        raise _unexpected("sign-in", host, f"pinniped-supervisor.{plan.zone}")


def without_port(url: str, door: Door) -> str:
    """A practice load balancer may listen on another port than 443; names are what is judged."""
    return url.replace(f":{door.port}/", "/", 1) if door.port != 443 else url


def _hops(plan: Plan, door: Door) -> list[str]:
    """The addresses of the way, the last one outside of our names. Only our own names are asked."""
    ours = set(plan.known.public_names(plan.zone))
    hops = [door.url(f"auth.{plan.zone}", "/api/v1/login")]
    cookies: dict[str, str] = {}
    while urlsplit(hops[-1]).hostname in ours:
        if len(hops) > MOST_HOPS:
            raise _unexpected("sign-in", f"{MOST_HOPS} redirects", "the identity provider")
        hops.append(_next(plan, door, hops[-1], cookies))
    return hops


def _next(plan: Plan, door: Door, url: str, cookies: dict[str, str]) -> str:
    answer = _asked(plan, door, url, cookies)
    if not answer.is_redirect:
        raise _unexpected(
            http.without_secrets(url), f"HTTP {answer.status}", _("a redirect to the next page of the sign-in")
        )
    return urljoin(url, answer.headers["location"])


def _asked(plan: Plan, door: Door, url: str, cookies: dict[str, str]) -> http.Response:
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
    answer = http.fetch(f"{issuer}{DISCOVERY}", ca_pem=plan["identity.ca"] or None)
    return str(http.json_object(answer).get("authorization_endpoint", ""))


def _unexpected(what: str, found: str, wanted: str) -> SystemFailure:
    return SystemFailure(
        text(_("%(what)s: found %(found)s, expected %(wanted)s."), what=what, found=found or "–", wanted=wanted),
        value=found or what,
        remedy=text(_("Compare the answers of this installation with what the identity provider and DNS know.")),
        code="acceptance",
    )
