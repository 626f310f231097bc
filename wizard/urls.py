"""Every address of the installer."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, register_converter
from django.urls.converters import StringConverter

from wizard import live, steps
from wizard.accounts import views as accounts
from wizard.views import (
    audit,
    findings,
    handover,
    installations,
    people,
    practice,
    review,
    runs,
    sign_in_rehearsal,
    site,
    undo,
)
from wizard.views import steps as step_views


class StepSlug(StringConverter):
    regex = "|".join(steps.BY_SLUG)


class CheckName(StringConverter):
    regex = r"[a-z]+\.[a-z0-9.-]+"


register_converter(StepSlug, "step")
register_converter(CheckName, "check")

ONE = "installations/<int:pk>/"
STEP = f"{ONE}steps/<step:slug>/"
REHEARSAL = f"{ONE}sign-in-rehearsal/"
ATTEMPT = f"{ONE}run/<int:attempt>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", installations.index, name="installations"),
    path("sign-in/", accounts.sign_in, name="sign-in"),
    path("sign-in/<str:token>/", accounts.sign_in_link, name="sign-in-link"),
    path("welcome/", accounts.welcome, name="welcome"),
    path("sign-out/", accounts.sign_out, name="sign-out"),
    path("people/", people.people, name="people"),
    path("people/<int:number>/", people.roles, name="roles"),
    path("people/<int:number>/link/", people.link, name="person-link"),
    path("people/<int:number>/retire/", people.retire, name="retire"),
    path("people/<int:number>/bring-back/", people.bring_back, name="bring-back"),
    path("audit/", audit.page, name="audit"),
    path("audit.csv", audit.table, name="audit-table"),
    path(ONE, installations.open_installation, name="open"),
    path(f"{ONE}delete/", installations.delete, name="delete"),
    path(f"{ONE}start-over/", installations.start_over, name="start-over"),
    path(f"{ONE}live/", live.live, name="live"),
    path(f"{ONE}rail/<str:current>/", step_views.rail, name="rail"),
    path(STEP, step_views.step, name="step"),
    path(f"{STEP}findings/", step_views.step_findings, name="findings"),
    path(f"{STEP}check/", step_views.check, name="check"),
    path(f"{STEP}options/<slug:name>/", step_views.step_options, name="options"),
    path(f"{STEP}generate/<slug:name>/", step_views.generate, name="generate"),
    path(f"{ONE}findings/<check:name>/again/", step_views.check_one, name="check-one"),
    path(f"{ONE}findings/<check:name>/fix/", findings.fix, name="fix"),
    path(REHEARSAL, sign_in_rehearsal.rehearsal, name="sign-in-rehearsal"),
    path(f"{REHEARSAL}start/", sign_in_rehearsal.start, name="sign-in-rehearsal-start"),
    path(f"{REHEARSAL}callback/", sign_in_rehearsal.callback, name="sign-in-rehearsal-callback"),
    path(f"{REHEARSAL}password/", sign_in_rehearsal.by_password, name="sign-in-rehearsal-password"),
    path(f"{ONE}findings/<check:name>/waive/", findings.waive, name="waive"),
    path(f"{ONE}findings/<check:name>/unwaive/", findings.unwaive, name="unwaive"),
    path(f"{ONE}review/", review.review, name="review"),
    path(f"{ONE}review/readiness/", review.readiness, name="readiness"),
    path(f"{ONE}review/map/", review.systems, name="map"),
    path(f"{ONE}review/check/", review.check_all, name="check-all"),
    path(f"{ONE}install/", review.install, name="install"),
    path(f"{ONE}run/", runs.run, name="run"),
    path(f"{ONE}resume/", runs.resume, name="resume"),
    path(f"{ONE}undo/", undo.undo, name="undo"),
    path(ATTEMPT, runs.run, name="attempt"),
    path(f"{ATTEMPT}progress/", runs.progress, name="progress"),
    path(f"{ATTEMPT}log/", runs.log, name="log"),
    path(f"{ATTEMPT}log.txt", runs.download, name="log-download"),
    path(f"{ATTEMPT}support.zip", runs.support_bundle, name="support-bundle"),
    path(f"{ATTEMPT}cancel/", runs.cancel, name="cancel"),
    path(f"{ONE}done/", runs.done, name="done"),
    path(f"{ONE}handover/", handover.page, name="handover"),
    path(f"{ONE}handover.html", handover.file, name="handover-file"),
    path(f"{ONE}practice/", practice.faults, name="practice"),
    path("language/", site.language, name="language"),
    path("theme/", site.theme, name="theme"),
    path("healthz", site.healthz, name="healthz"),
    path("favicon.ico", site.favicon, name="favicon"),
    path("design/", site.design, name="design"),
]

handler400 = site.bad_request
handler403 = site.forbidden
handler404 = site.not_found
handler500 = site.server_error
