"""Judging the services: passwords by each component's rules, and the load balancer by a trial."""

from __future__ import annotations

from typing import Any

from installer_tasks.checks import services_values
from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: MinIO refuses a password shorter than eight characters; one field report says that eight were too few.
MINIO_PASSWORD = 8
MINIO_USER = 3
Rules = dict[str, Any]
Problem = tuple[Level, str, Text]


def _passwords(facts: Facts) -> Verdict:
    """The lengths and kinds were observed, never the passwords themselves."""
    found = facts("services", "passwords")
    problems = [problem for name in sorted(found) for problem in _problems(name, found[name])]
    if not problems:
        return passed(_("The passwords keep the rules of PostgreSQL and MinIO."), evidence=found)
    level, name, cause = min(problems, key=lambda problem: problem[0] is not Level.FAIL)
    return Verdict(
        level,
        text(_("%(name)s breaks the rules of its component."), name=name)
        if level is Level.FAIL
        else text(_("%(name)s is only just long enough."), name=name),
        value=name,
        cause=cause,
        remedy=text(_("Generate one on this page, or type a longer one without blanks and control characters.")),
        evidence=found,
    )


def _problems(name: str, rules: Rules) -> list[Problem]:
    least = {"services.minio_password": MINIO_PASSWORD, "services.minio_username": MINIO_USER}.get(name, 1)
    problems = []
    if rules["length"] < least:
        cause = _("It has %(length)d characters; at least %(least)d are needed.")
        problems.append((Level.FAIL, name, text(cause, length=rules["length"], least=least)))
    if not rules["printable"]:
        problems.append((Level.FAIL, name, text(_("It holds blanks or characters that cannot be printed."))))
    if name == "services.minio_password" and rules["length"] == MINIO_PASSWORD:
        cause = _("MinIO asks for %(least)d characters, and in one installation exactly as many were too few.")
        problems.append((Level.WARN, name, text(cause, least=MINIO_PASSWORD)))
    return problems


def _load_balancer(facts: Facts) -> Verdict:
    trial, pinned = facts("services", "load_balancer"), facts.answers["services.load_balancer_ip"]
    if trial["skipped"]:
        return Verdict(
            Level.WARN,
            text(_("No trial was made: the service type is %(kind)s."), kind=trial["kind"]),
            value=trial["kind"],
            cause=text(_("Only a LoadBalancer gives an address by itself.")),
            remedy=text(_("Make sure the public names lead to the nodes.")),
            evidence=trial,
        )
    if pinned and trial["address"] != pinned:
        return Verdict(
            Level.FAIL,
            text(_("The load balancer gave %(given)s, not %(pinned)s."), given=trial["address"], pinned=pinned),
            value=pinned,
            cause=text(_("The load balancer ignores the asked address, or it is taken.")),
            remedy=text(_("Use the annotation or class of your load balancer, or another free address.")),
            evidence=trial,
        )
    return passed(
        _("A trial Service got the address %(address)s in %(seconds)d s and was removed."),
        address=trial["address"],
        seconds=trial["seconds"],
        evidence=trial,
    )


CHECKS = (
    Check("services.passwords", _("The passwords suit PostgreSQL and MinIO"), Owner.INSTALLER,
          ("services.postgres_password", "services.minio_password", "services.minio_username"), _passwords, strict=True),
    *services_values.CHECKS,
    Check("services.load-balancer", _("The load balancer gives an address"), Owner.NETWORK,
          ("cluster.kubeconfig", "cluster.context", "services.service_type", "services.load_balancer_ip",
           "services.load_balancer_class", "bundle.release"), _load_balancer, needs=("cluster.reachable", "services.address-free"),
          touches=_("Makes a Service of type LoadBalancer in a namespace of its own and removes both.")),
)  # fmt: skip
