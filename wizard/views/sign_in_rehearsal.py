"""A person signs in at their own provider, and sees as what they would enter TMC. Kept is the judgement alone."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_POST

from installer_tasks import answer_keys
from installer_tasks.errors import InstallerError, Refused
from installer_tasks.models import AuditEntry, Installation
from installer_tasks.preflight import findings, outward
from installer_tasks.preflight.shapes.identity import DISCOVERY
from installer_tasks.preflight.state import InstallationState
from installer_tasks.systems import identity
from installer_tasks.systems.identity import Begun, Client, Told, Wanted
from installer_tasks.systems.identity.scopes import scopes_asked
from installer_tasks.text import Text
from installer_tasks.text import mark as _
from wizard.presenters.sign_in_rehearsal import of_directory, outcome
from wizard.system_guesses import SystemGuess
from wizard.views.common import frame, installation_of, person, state_of

KEY = "sign-in-rehearsal"  #: of the session
#: A person has this long to find their password.
SECONDS = 15 * 60
NEEDED = ("identity.issuer_url", "identity.client_id", "identity.client_secret")


@never_cache
@require_GET
def rehearsal(request: HttpRequest, pk: int) -> HttpResponse:
    state = state_of(pk)
    if answer_keys.kind_of(state.visible) == answer_keys.LDAP:
        context = {**frame(state, "identity"), "directory": of_directory(state)}
        return render(request, "wizard/sign_in_rehearsal.html", context)
    context = {
        **frame(state, "identity"),
        "ready": state.answers.keys() >= set(NEEDED),
        "callback": _callback_url(request, pk),
        "by_password": _by_password_offered(state),
        "outcome": outcome(_kept(request, pk).get("result")),
    }
    return render(request, "wizard/sign_in_rehearsal.html", context)


def _by_password_offered(state: InstallationState) -> bool:
    """Unless the provider is known to refuse it."""
    discovery = findings.fact(state, DISCOVERY)
    return not discovery or "grant_types_supported" not in discovery["listed"] or "password" in discovery["grant_types"]


@never_cache
@require_GET
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """To the provider. A link, not a form: our own policy lets forms lead nowhere else."""
    installation = installation_of(pk)
    begun = Begun.fresh(_callback_url(request, pk))
    try:
        url = identity.sign_in_url(_client(installation), begun)
    except InstallerError as error:
        return _failed(request, pk, error)
    secret = {"redirect_uri": begun.redirect_uri, "state": begun.state, "nonce": begun.nonce}
    _keep(request, pk, begun=secret | {"verifier": begun.verifier, "until": time.time() + SECONDS})
    return HttpResponseRedirect(url)


@never_cache
@require_GET
@sensitive_variables()
def callback(request: HttpRequest, pk: int) -> HttpResponse:
    """Back from the provider; what was begun ends here, whatever came."""
    installation, begun = installation_of(pk), _kept(request, pk).get("begun")
    _keep(request, pk)
    if not begun or begun["until"] < time.time() or not _same(begun["state"], request.GET.get("state", "")):
        return _failed(request, pk, _not_ours())
    if "error" in request.GET:
        told = identity.refusal(request.GET["error"], request.GET.get("error_description", ""))
        return _failed(request, pk, told)
    expected = Begun(begun["redirect_uri"], begun["state"], begun["nonce"], begun["verifier"])
    return _judge(request, installation, lambda client: identity.by_code(client, expected, request.GET.get("code", "")))


@never_cache
@sensitive_post_parameters("password")
@sensitive_variables()
@require_POST
def by_password(request: HttpRequest, pk: int) -> HttpResponse:
    name, password = request.POST.get("username", "")[:500], request.POST.get("password", "")[:1000]
    installation = installation_of(pk)
    guess = SystemGuess(installation, person(request), _answers(installation)["identity.issuer_url"], name)
    return _judge(request, installation, lambda client: _guess(guess, client, password))


@sensitive_variables()
def _guess(guess: SystemGuess, client: Client, password: str) -> Told:
    guess.begin()
    try:
        told = identity.by_password(client, guess.account, password)
    except InstallerError:
        guess.tell("identity.rehearsal-failed")
        raise
    guess.succeeded()
    return told


@sensitive_variables()
def _judge(request: HttpRequest, installation: Installation, ask: Callable[[Client], Told]) -> HttpResponse:
    answers = _answers(installation)
    wanted = Wanted(*(answers[f"identity.{name}"] for name in ("groups_claim", "admin_group", "member_group")))
    try:
        found = identity.judge(ask(_client(installation)), wanted)
    except InstallerError as error:
        return _failed(request, installation.pk, error)
    _keep(request, installation.pk, result={"judgement": found.as_json()})
    detail = {"role": found.role, "enters": found.enters}
    AuditEntry.objects.create(
        installation=installation, person=person(request), action="identity.rehearsed", detail=detail
    )
    return redirect("sign-in-rehearsal", pk=installation.pk)


def _failed(request: HttpRequest, pk: int, error: InstallerError) -> HttpResponse:
    _keep(request, pk, result={"error": error.as_json()})
    return redirect("sign-in-rehearsal", pk=pk)


def _answers(installation: Installation) -> dict[str, str]:
    return answer_keys.with_defaults(installation.plain_answers())


def _client(installation: Installation) -> Client:
    """Refused when the provider is one too many new addresses."""
    answers = _answers(installation)
    outward.require(installation, "identity", answers)
    issuer, client_id, secret = (answers[key] for key in NEEDED)
    scopes = scopes_asked(answers["identity.scopes"])
    return Client(issuer, client_id, secret, answers["identity.ca"].strip() or None, scopes)


def _callback_url(request: HttpRequest, pk: int) -> str:
    return request.build_absolute_uri(reverse("sign-in-rehearsal-callback", args=[pk]))


def _same(kept: str, came: str) -> bool:
    return hmac.compare_digest(kept.encode(), came.encode("utf-8", "replace"))


def _not_ours() -> Refused:
    return Refused(
        Text(_("This response does not belong to a sign-in that was started here recently.")),
        value="state",
        remedy=Text(_("Start the rehearsal again, in this browser.")),
        code="identity-sign-in-state",
    )


def _kept(request: HttpRequest, pk: int) -> Mapping[str, Any]:
    found: Mapping[str, Any] = request.session.get(f"{KEY}-{pk}", {})
    return found


def _keep(request: HttpRequest, pk: int, **what: Any) -> None:
    """Instead of what was kept of this installation before; halves of characters, which no page can show, replaced."""
    whole = json.dumps(what, ensure_ascii=False).encode("utf-8", "replace")
    request.session[f"{KEY}-{pk}"] = json.loads(whole)
