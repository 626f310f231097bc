"""Judging the services: passwords by each component's rules, and the load balancer by a trial."""

from __future__ import annotations

from installer_tasks.answer_keys import BY_NAME
from installer_tasks.preflight.checks import services_values
from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.checks.trial_removal import passed_trial
from installer_tasks.preflight.shapes import services as shapes
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

#: MinIO refuses a password shorter than eight characters; one field report says that eight were too few.
MINIO_PASSWORD = 8
MINIO_USER = 3
Problem = tuple[Level, str, Text]


def _passwords(facts: Facts) -> Verdict:
    """The lengths and kinds were observed, never the passwords themselves."""
    found = facts.some(shapes.PASSWORDS)
    problems = [problem for name in sorted(found) for problem in _problems(name, found[name])]
    if not problems:
        return passed(_("The passwords meet the rules of PostgreSQL and MinIO."), evidence=found)
    level, name, cause = min(problems, key=lambda problem: problem[0] is not Level.FAIL)
    label = Text(BY_NAME[name].label)
    return Verdict(
        level,
        text(_("%(name)s does not meet the rules of its component."), name=label)
        if level is Level.FAIL
        else text(_("%(name)s has exactly the minimum length."), name=label),
        value=name,
        cause=cause,
        remedy=text(_("Generate one on this page, or enter a longer one without spaces and control characters.")),
        evidence=found,
    )


def _problems(name: str, rules: shapes.Password) -> list[Problem]:
    least = {"services.minio_password": MINIO_PASSWORD, "services.minio_username": MINIO_USER}.get(name, 1)
    problems = []
    if rules["length"] < least:
        short = ngettext(
            "It has %(length)d character; at least %(least)d are required.",
            "It has %(length)d characters; at least %(least)d are required.",
        )
        problems.append((Level.FAIL, name, text(short, length=rules["length"], least=least)))
    if not rules["printable"]:
        problems.append((Level.FAIL, name, text(_("It contains spaces or non-printable characters."))))
    if name == "services.minio_password" and rules["length"] == MINIO_PASSWORD:
        cause = _("MinIO requires %(least)d characters, but in one installation exactly that many were too few.")
        problems.append((Level.WARN, name, text(cause, least=MINIO_PASSWORD)))
    return problems


def _load_balancer(facts: Facts) -> Verdict:
    trial, pinned = facts(shapes.LOAD_BALANCER), facts.answers["services.load_balancer_ip"]
    if trial["skipped"]:
        return Verdict(
            Level.WARN,
            text(_("Not tested: the service type is %(kind)s."), kind=trial["kind"]),
            value=trial["kind"],
            cause=text(_("Only a LoadBalancer Service gets an address automatically.")),
            remedy=text(_("Make sure that the public names point to the nodes.")),
            evidence=trial,
        )
    if pinned and trial["address"] != pinned:
        return Verdict(
            Level.FAIL,
            text(_("The load balancer assigned %(given)s, not %(pinned)s."), given=trial["address"], pinned=pinned),
            value=pinned,
            cause=text(_("The load balancer ignores the requested address, or the address is in use.")),
            remedy=text(_("Use the annotation or class of your load balancer, or another free address.")),
            evidence=trial,
        )
    template = _("A test Service got the address %(address)s in %(seconds)d s.")
    return passed_trial(trial, text(template, address=trial["address"], seconds=trial["seconds"]))


CHECKS = (
    Check("services.passwords", _("The passwords meet the rules of PostgreSQL and MinIO"), Owner.INSTALLER,
          ("services.postgres_password", "services.minio_password", "services.redis_password", "services.minio_username",
           "bundle.release"), _passwords, strict=True),
    *services_values.CHECKS,
    Check("services.load-balancer", _("The load balancer assigns an address"), Owner.NETWORK,
          ("cluster.kubeconfig", "cluster.context", "services.service_type", "services.load_balancer_ip",
           "services.load_balancer_class", "bundle.release"), _load_balancer, needs=("cluster.reachable", "services.address-free"),
          touches=_("Creates a Service of type LoadBalancer in a temporary namespace, then deletes both.")),
)  # fmt: skip
