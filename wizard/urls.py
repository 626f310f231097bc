"""Every address of the installer."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, register_converter
from django.urls.converters import IntConverter, StringConverter

from wizard import live, steps
from wizard.accounts import views as accounts
from wizard.views import (
    all_settings,
    audit,
    bundle_folders,
    findings,
    handover,
    installations,
    manual,
    people,
    practice,
    reference,
    review,
    runs,
    sign_in_rehearsal,
    site,
    support,
    undo,
)
from wizard.views import steps as step_views


class RowNumber(IntConverter):
    """No longer than a database's number can be: a larger one is no address, and no query fails on it."""

    regex = "[0-9]{1,18}"


class StepSlug(StringConverter):
    regex = "|".join(steps.BY_SLUG)


class CheckName(StringConverter):
    regex = r"[a-z]+\.[a-z0-9.-]+"


register_converter(RowNumber, "row")
register_converter(StepSlug, "step")
register_converter(CheckName, "check")

ONE = "installations/<row:pk>/"
STEP = f"{ONE}steps/<step:slug>/"
REHEARSAL = f"{ONE}sign-in-rehearsal/"
ATTEMPT = f"{ONE}run/<row:attempt>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", installations.index, name="installations"),
    path("sign-in/", accounts.sign_in, name="sign-in"),
    path("sign-in/link/", accounts.sign_in_link, name="sign-in-link"),
    path("sign-in/<str:code>/", accounts.exposed_link, name="exposed-link"),
    path("welcome/", accounts.welcome, name="welcome"),
    path("sign-out/", accounts.sign_out, name="sign-out"),
    path("sessions/", accounts.own_sessions, name="sessions"),
    path("sessions/<str:code>/end/", accounts.end_session, name="session-end"),
    path("people/", people.people, name="people"),
    path("people/<row:number>/", people.roles, name="roles"),
    path("people/<row:number>/link/", people.link, name="person-link"),
    path("people/<row:number>/retire/", people.retire, name="retire"),
    path("people/<row:number>/bring-back/", people.bring_back, name="bring-back"),
    path("bundle-folders/", bundle_folders.page, name="bundle-folders"),
    path("bundle-folders/<row:number>/close/", bundle_folders.close, name="bundle-folder-close"),
    path("bundle-folders/programs/confirm/", bundle_folders.confirm, name="program-confirm"),
    path("bundle-folders/programs/<row:number>/withdraw/", bundle_folders.withdraw, name="program-withdraw"),
    path("audit/", audit.page, name="audit"),
    path("audit.csv", audit.table, name="audit-table"),
    path("reference/", reference.page, name="reference"),
    path("checklist/", manual.checklist, name="checklist"),
    path("docs/<slug:document>/", manual.page, name="manual"),
    path("live/", live.live, name="live"),
    path(ONE, installations.open_installation, name="open"),
    path(f"{ONE}delete/", installations.delete, name="delete"),
    path(f"{ONE}start-over/", installations.start_over, name="start-over"),
    path(f"{ONE}rail/<str:current>/", step_views.rail, name="rail"),
    path(STEP, step_views.step, name="step"),
    path(f"{STEP}findings/", step_views.step_findings, name="findings"),
    path(f"{STEP}check/", step_views.check, name="check"),
    path(f"{STEP}options/<slug:name>/", step_views.step_options, name="options"),
    path(f"{STEP}generate/<slug:name>/", step_views.generate, name="generate"),
    path(f"{STEP}take-over/<slug:name>/", step_views.take_over, name="take-over"),
    path(f"{ONE}findings/<check:name>/again/", step_views.check_one, name="check-one"),
    path(f"{ONE}findings/<check:name>/fix/", findings.fix, name="fix"),
    path(REHEARSAL, sign_in_rehearsal.rehearsal, name="sign-in-rehearsal"),
    path(f"{REHEARSAL}start/", sign_in_rehearsal.start, name="sign-in-rehearsal-start"),
    path(f"{REHEARSAL}callback/", sign_in_rehearsal.callback, name="sign-in-rehearsal-callback"),
    path(f"{REHEARSAL}password/", sign_in_rehearsal.by_password, name="sign-in-rehearsal-password"),
    path(f"{ONE}findings/<check:name>/waive/", findings.waive, name="waive"),
    path(f"{ONE}findings/<check:name>/unwaive/", findings.unwaive, name="unwaive"),
    path(f"{ONE}settings/", all_settings.page, name="all-settings"),
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
    path(f"{ATTEMPT}support/", support.preview, name="support"),
    path(f"{ATTEMPT}support.zip", support.download, name="support-bundle"),
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
