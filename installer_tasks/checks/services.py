"""Judging the services: passwords by each component's rules, and the load balancer by a trial."""

from __future__ import annotations

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: MinIO wants at least eight characters; a field report says more than eight, so we ask for nine.
MINIO_PASSWORD = 9
MINIO_USER = 3


def _passwords(facts: Facts) -> Verdict:
    """The lengths and kinds were observed, never the passwords themselves."""
    found = facts("services", "passwords")
    problems = [problem for name, rules in found.items() for problem in _problems(name, rules)]
    if not problems:
        return passed(_("The passwords keep the rules of PostgreSQL and MinIO."), evidence=found)
    name, cause = problems[0]
    return Verdict(
        Level.FAIL,
        text(_("A password breaks the rules of its component.")),
        value=name,
        cause=cause,
        remedy=text(_("Generate one on this page, or type a longer one without blanks and control characters.")),
        evidence=found,
    )


def _problems(name: str, rules: dict[str, int | bool]) -> list[tuple[str, Text]]:
    problems = []
    if rules["length"] < MINIO_PASSWORD:
        problems.append(
            (name, text(_("It has %(length)d characters; at least %(least)d are needed."),
                        length=int(rules["length"]), least=MINIO_PASSWORD))
        )  # fmt: skip
    if not rules["printable"]:
        problems.append((name, text(_("It holds blanks or characters that cannot be printed."))))
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
    Check("services.load-balancer", _("The load balancer gives an address"), Owner.NETWORK,
          ("cluster.kubeconfig", "cluster.context", "services.service_type", "services.load_balancer_ip",
           "services.load_balancer_class"), _load_balancer, needs=("cluster.reachable",),
          touches=_("Makes a Service of type LoadBalancer in a namespace of its own and removes both.")),
)  # fmt: skip
