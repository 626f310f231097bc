"""One step: its page, saving it as a whole or field by field, and having it checked."""

from __future__ import annotations

import secrets
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from installer_tasks import findings, sessions
from installer_tasks.models import Installation
from wizard import fragments, steps
from wizard.accounts.access import reads_only
from wizard.presenters import findings as finding_views
from wizard.presenters import steps as step_views
from wizard.steps.base import Step, StepForm
from wizard.steps.identity import FOLLOWING
from wizard.views.common import check_of, frame, installation_of, person


def step_of(slug: str) -> Step:
    try:
        return steps.BY_SLUG[slug]
    except KeyError as error:
        raise Http404 from error


@never_cache
@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Field by field with `only`, as a whole without."""
    installation, found = installation_of(pk), step_of(slug)
    if request.method == "POST":
        return (
            _save_field(request, installation, found) if "only" in request.GET else _save(request, installation, found)
        )
    if not reads_only(request):
        sessions.remember_step(installation, slug)
        _look_ahead(installation, found)
    return _page(request, found, found.form(installation=installation))


def _page(request: HttpRequest, found: Step, form: StepForm, *, status: int = 200) -> HttpResponse:
    installation = form.installation
    context = {
        **frame(installation, found.slug),
        **_panel(installation, found),
        "form": form,
        "fields": step_views.fields(form, found),
        "handouts": step_views.handouts(found, sessions.visible_answers(installation)),
    }
    return render(request, "wizard/step.html", context, status=status)


def _panel(installation: Installation, found: Step) -> dict[str, Any]:
    return {
        "installation": installation,
        "step": found,
        "panel": finding_views.panel(installation, found.slug),
        "next": step_views.next_action(installation, found.slug),
    }


def _look_ahead(installation: Installation, found: Step) -> None:
    """Look at the system once before anything is answered, for the choices that it offers."""
    if not found.looks_ahead or installation.observations.filter(system=found.slug).exists():
        return
    if installation.answers.filter(key=found.looks_ahead).exists():
        findings.request(installation, found.slug)


def _save(request: HttpRequest, installation: Installation, found: Step) -> HttpResponse:
    """Keep all that is valid, also when something else is not; check when everything is."""
    form = found.form(request.POST, request.FILES, installation=installation)
    valid = form.is_valid()
    steps.save(form, person(request))
    if not valid:
        return _page(request, found, form, status=422)
    findings.request_affected(installation, found.slug)
    return redirect("step", pk=installation.pk, slug=found.slug)


def _save_field(request: HttpRequest, installation: Installation, found: Step) -> HttpResponse:
    """One field by itself; answers with its note, and with the fields whose choices follow from it."""
    name = request.GET["only"]
    if name not in found.form.base_fields:
        raise Http404
    form = found.form(request.POST, request.FILES, installation=installation, only=[name])
    form.is_valid()
    changed = steps.save(form, person(request))
    if not request.htmx:  # type: ignore[attr-defined]
        return _after_one_field(request, installation, found, form)
    problems = step_views.problems(form, name)
    others = _dependent(installation, found, name) if changed else ()
    context = {"name": name, "problems": problems, "saved_at": timezone.now(), "others": others, "step": found}
    if f"{name}_file" in request.FILES and not problems:
        context["uploaded"] = _uploaded(installation, found, name)
    return render(request, "wizard/_saved.html", {**context, "installation": installation})


def _after_one_field(request: HttpRequest, installation: Installation, found: Step, form: StepForm) -> HttpResponse:
    """Without JavaScript: back to the run where it was changed, or to its step when it is wrong."""
    if form.errors:
        return _page(request, found, form, status=422)
    if installation.runs.exists():
        return redirect("run", pk=installation.pk)
    return redirect("step", pk=installation.pk, slug=found.slug)


def _uploaded(installation: Installation, found: Step, name: str) -> step_views.FieldView | None:
    """The text of an uploaded file belongs into its field: saving the whole form would else empty the answer."""
    views = step_views.fields(found.form(installation=installation), found)
    return next((view for view in views if view.name == name and not view.secret), None)


def _dependent(installation: Installation, found: Step, name: str) -> tuple[step_views.FieldView, ...]:
    """Fields that offer other choices once this one has changed."""
    form = found.form(installation=installation)
    names = {"kubeconfig": ("context",), "ldap_type": FOLLOWING}.get(name, ())
    return tuple(view for view in step_views.fields(form, found) if view.name in names)


@never_cache
@require_GET
def step_findings(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    installation, found = installation_of(pk), step_of(slug)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("step", pk=pk, slug=slug)
    return fragments.answer(request, "wizard/_findings.html", _panel(installation, found))


@never_cache
@require_GET
def step_options(request: HttpRequest, pk: int, slug: str, name: str) -> HttpResponse:
    """The choices of one field, as the system now offers them."""
    installation, found = installation_of(pk), step_of(slug)
    views = step_views.fields(found.form(installation=installation), found)
    field = next((view for view in views if view.name == name), None)
    if field is None:
        raise Http404
    context = {"installation": installation, "step": found, "field": field}
    return fragments.answer(request, "wizard/_control.html", context)


@never_cache
@require_GET
def rail(request: HttpRequest, pk: int, current: str) -> HttpResponse:
    return fragments.answer(request, "wizard/_rail.html", frame(installation_of(pk), current))


@require_POST
def check(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Look at the system again, with the answers as they are."""
    installation, found = installation_of(pk), step_of(slug)
    findings.request(installation, found.slug)
    return _being_checked(request, installation, found)


@require_POST
def check_one(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Judge one check again, and what waits for it."""
    installation, check = installation_of(pk), check_of(name)
    findings.request_one(installation, check)
    return _being_checked(request, installation, step_of(check.system))


def _being_checked(request: HttpRequest, installation: Installation, found: Step) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        return fragments.answer(request, "wizard/_findings.html", _panel(installation, found))
    return redirect("step", pk=installation.pk, slug=found.slug)


@require_POST
def generate(request: HttpRequest, pk: int, slug: str, name: str) -> HttpResponse:
    """Make a password here and seal it; nobody sees it on a page."""
    installation, found = installation_of(pk), step_of(slug)
    field = found.form.base_fields.get(name)
    if not getattr(field, "generated", False):
        raise Http404
    sessions.save_answers(installation, {found.form.key(name): secrets.token_hex(20)}, person=person(request))
    if request.htmx:  # type: ignore[attr-defined]
        context = {"name": name, "generated": True, "saved_at": timezone.now(), "step": found}
        return render(request, "wizard/_saved.html", {**context, "installation": installation})
    # Without JavaScript the whole form comes with the button.
    sent = [other for other in found.form.base_fields if other != name and other in request.POST]
    form = found.form(request.POST, request.FILES, installation=installation, only=sent)
    valid = form.is_valid()
    steps.save(form, person(request))
    return redirect("step", pk=pk, slug=slug) if valid else _page(request, found, form, status=422)
