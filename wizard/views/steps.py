"""One step: its page, saving it as a whole or field by field, and having it checked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from installer_tasks import saved_answers
from installer_tasks.models import Installation, Source
from installer_tasks.preflight import findings
from installer_tasks.preflight.state import InstallationState, load
from wizard import drafts, fragments, steps
from wizard.accounts.access import reads_only
from wizard.presenters import findings as finding_views
from wizard.presenters import steps as step_views
from wizard.steps.base import Step, StepForm
from wizard.steps.identity import FOLLOWING
from wizard.steps.services import new_password
from wizard.views.common import check_of, frame, installation_of, person, state_of


def step_of(slug: str) -> Step:
    try:
        return steps.BY_SLUG[slug]
    except KeyError as error:
        raise Http404 from error


@never_cache
@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    """Field by field with `only`, as a whole without."""
    state, found = state_of(pk), step_of(slug)
    if request.method == "POST":
        return _save_field(request, state, found) if "only" in request.GET else _save(request, state, found)
    if not reads_only(request):
        saved_answers.remember_step(state.installation, slug)
        if _look_ahead(state, found):
            state = load(state.installation)
    form = found.form(state=state)
    form.restore(drafts.take(request))
    return _page(request, state, found, form)


def _page(
    request: HttpRequest, state: InstallationState, found: Step, form: StepForm, *, status: int = 200
) -> HttpResponse:
    context = {
        **frame(state, found.slug),
        **_panel(state, found),
        "form": form,
        "fields": step_views.fields(form, found, state),
        "handouts": step_views.handouts(found, state.visible),
    }
    return render(request, "wizard/step.html", context, status=status)


def _panel(state: InstallationState, found: Step) -> dict[str, Any]:
    return {
        "installation": state.installation,
        "step": found,
        "panel": finding_views.panel(state, found.slug),
        "next": step_views.next_action(state, found.slug),
    }


def _look_ahead(state: InstallationState, found: Step) -> bool:
    """Look at the system once before anything is answered, for the choices that it offers."""
    wanted = found.looks_ahead in state.answers and found.slug not in state.observations
    if wanted:
        findings.request(state.installation, found.slug)
    return wanted


def _posted(
    request: HttpRequest, state: InstallationState, found: Step, only: Collection[str] | None = None
) -> StepForm:
    anywhere = person(request).is_superuser
    return found.form(request.POST, request.FILES, state=state, only=only, anywhere=anywhere, fills=only is None)


def _save(request: HttpRequest, state: InstallationState, found: Step) -> HttpResponse:
    """Keep all that is valid, also when something else is not; check when everything is."""
    form, installation = _posted(request, state, found), state.installation
    form.is_valid()
    form.fill_in()
    steps.save(form, person(request))
    if not form.is_valid():
        return _page(request, load(installation), found, form, status=422)
    findings.request_affected(installation, found.slug)
    onward = "?then=continue" if request.POST.get("then") == "continue" else ""
    return redirect(f"{reverse('step', args=[installation.pk, found.slug])}{onward}")


def _save_field(request: HttpRequest, state: InstallationState, found: Step) -> HttpResponse:
    """One field by itself; answers with its note, and with the fields whose choices follow from it."""
    name = request.GET["only"]
    if name not in found.form.base_fields:
        raise Http404
    form, installation = _posted(request, state, found, [name]), state.installation
    form.is_valid()
    changed = steps.save(form, person(request))
    if "bundle.path" in changed and "bundle.release" not in state.answers:
        findings.request(installation, found.slug)  # for the release in it
    state = load(installation)
    if not request.htmx:  # type: ignore[attr-defined]
        return _after_one_field(request, state, found, form)
    problems = step_views.problems(form, name)
    again = _needed_again(state) if changed else ()
    others = _dependent(state, found, name, again) if changed else ()
    context = {
        "again": again,
        "name": name,
        "problems": problems,
        "saved_at": timezone.now(),
        "others": others,
        "step": found,
    }
    context["field"] = step_views.one_field(form, name)
    if f"{name}_file" in request.FILES and not problems:
        context["uploaded"] = _uploaded(state, found, name)
    return render(request, "wizard/_saved.html", {**context, "installation": installation})


def _after_one_field(request: HttpRequest, state: InstallationState, found: Step, form: StepForm) -> HttpResponse:
    """Without JavaScript: back to the run where it was changed, or to its step when it is wrong."""
    if form.errors:
        return _page(request, state, found, form, status=422)
    if state.runs:
        return redirect("run", pk=state.installation.pk)
    return redirect("step", pk=state.installation.pk, slug=found.slug)


def _uploaded(state: InstallationState, found: Step, name: str) -> step_views.FieldView | None:
    """The text of an uploaded file belongs into its field: saving the whole form would else empty the answer."""
    views = step_views.fields(found.form(state=state), found, state)
    return next((view for view in views if view.name == name and not view.secret), None)


def _needed_again(state: InstallationState) -> tuple[step_views.Editor, ...]:
    """Secrets that were taken back, of every step."""
    return step_views.editors(state, state.installation.needed_again)


def _dependent(
    state: InstallationState, found: Step, name: str, again: Collection[step_views.Editor]
) -> tuple[step_views.FieldView, ...]:
    """Fields that offer other choices once this one has changed, or have lost their value by that."""
    form = found.form(state=state)
    lost = (editor.field.name for editor in again if editor.step is found)
    names = (*{"kubeconfig": ("context",), "ldap_type": FOLLOWING}.get(name, ()), *lost)
    return tuple(view for view in step_views.fields(form, found, state) if view.name in names)


@never_cache
@require_GET
def step_findings(request: HttpRequest, pk: int, slug: str) -> HttpResponse:
    found = step_of(slug)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("step", pk=pk, slug=slug)
    return fragments.answer(request, "wizard/_findings.html", _panel(state_of(pk), found))


@never_cache
@require_GET
def step_options(request: HttpRequest, pk: int, slug: str, name: str) -> HttpResponse:
    """The choices of one field, as the system now offers them."""
    state, found = state_of(pk), step_of(slug)
    views = step_views.fields(found.form(state=state), found, state)
    field = next((view for view in views if view.name == name), None)
    if field is None:
        raise Http404
    context = {"installation": state.installation, "step": found, "field": field}
    return fragments.answer(request, "wizard/_control.html", context)


@never_cache
@require_GET
def rail(request: HttpRequest, pk: int, current: str) -> HttpResponse:
    return fragments.answer(request, "wizard/_rail.html", frame(state_of(pk), current))


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
        return fragments.answer(request, "wizard/_findings.html", _panel(load(installation), found))
    return redirect("step", pk=installation.pk, slug=found.slug)


@require_POST
def generate(request: HttpRequest, pk: int, slug: str, name: str) -> HttpResponse:
    """Make a password here and seal it; nobody sees it on a page."""
    installation, found = installation_of(pk), step_of(slug)
    field = found.form.base_fields.get(name)
    if not getattr(field, "generated", False):
        raise Http404
    made = {found.form.key(name): new_password()}
    saved_answers.save_answers(installation, made, source=Source.GENERATED, person=person(request))
    return _after_button(request, installation, found, name, generated=True)


@require_POST
def take_over(request: HttpRequest, pk: int, slug: str, name: str) -> HttpResponse:
    """The certificates that another field has already."""
    state, found = state_of(pk), step_of(slug)
    offer = next((each for each in step_views.offers(found, name, state) if each.key == request.GET.get("from")), None)
    if offer is None:
        raise Http404
    taken = {found.form.key(name): state.answers[offer.key].value}
    saved_answers.save_answers(state.installation, taken, person=person(request))
    return _after_button(request, state.installation, found, name, generated=False)


def _after_button(
    request: HttpRequest, installation: Installation, found: Step, name: str, *, generated: bool
) -> HttpResponse:
    """One field has got its value by a button beside it."""
    pk, slug = installation.pk, found.slug
    if request.htmx:  # type: ignore[attr-defined]
        state = load(installation)
        again = _needed_again(state)
        context = {"name": name, "generated": generated, "saved_at": timezone.now(), "step": found, "again": again}
        context["field"] = step_views.one_field(found.form(state=state), name)
        if not generated:
            context["uploaded"] = _uploaded(state, found, name)
        return render(request, "wizard/_saved.html", {**context, "installation": installation})
    # Without JavaScript the whole form comes with the button.
    sent = [other for other in found.form.base_fields if other != name and other in request.POST]
    form = _posted(request, load(installation), found, sent)
    form.is_valid()
    steps.save(form, person(request))
    if form.is_valid():
        return redirect("step", pk=pk, slug=slug)
    return _page(request, load(installation), found, form, status=422)
