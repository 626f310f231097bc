"""Judging what was typed for the services: passwords that survive where they go, and an address that is free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: Nobody types them later, so there is no reason for short ones.
SHORT, FEW = 12, 6
_GENERATE = Text(_("Generate it on this page."))
_SIGNS: Mapping[str, str] = {
    "quotes": _("It holds quotes, which end a string in a shell or in YAML."),
    "dollar": _("It holds a dollar sign, which a shell takes for a variable."),
    "backslash": _("It holds a backslash, which shells and YAML read as something else."),
    "address": _("It holds one of @ : / ? # %, which end the password where it is part of a database address."),
}


def _survive(facts: Facts) -> Verdict:
    """Charts hand them to start-up scripts, and build database addresses from them."""
    found = facts("services", "secrets")["passwords"]
    for name in sorted(found):
        if cause := _fragile(found[name]):
            return Verdict(
                Level.WARN,
                text(_("%(name)s holds characters that may not arrive as they are."), name=name),
                value=name,
                cause=Text(cause),
                remedy=_GENERATE,
                evidence=found,
            )
    return passed(_("The passwords hold nothing that shells, YAML or addresses change."), evidence=found)


def _fragile(kind: Mapping[str, Any]) -> str:
    if not kind["ascii"]:
        return _("It holds letters that are not ASCII; programs disagree on how they are written.")
    if kind["leading_dash"]:
        return _("It begins with a dash, so that a program takes it for an option.")
    return next((_SIGNS[sign] for sign in kind["signs"]), "")


def _hard_to_guess(facts: Facts) -> Verdict:
    found = facts("services", "secrets")
    weak = sorted(
        name for name, kind in found["passwords"].items() if kind["length"] < SHORT or kind["different"] < FEW
    )
    shared = sorted(found["passwords"]) if found["equal"] else []
    wrong = (
        (shared, _("PostgreSQL and MinIO have the same password: who learns one has both.")),
        (found["named"], _("The password is the user's name.")),
        (weak, _("It has fewer than twelve characters, or hardly any different ones.")),
    )
    for names, cause in wrong:
        if names:
            return Verdict(
                Level.WARN,
                text(_("%(name)s is easy to guess."), name=", ".join(names)),
                value=", ".join(names),
                cause=Text(cause),
                remedy=_GENERATE,
                evidence=found,
            )
    return passed(_("The passwords are long, and each is another."), evidence=found)


def _address_free(facts: Facts) -> Verdict:
    use = facts("services", "address_use")
    if not use["asked"]:
        return passed(_("No address is asked for: the load balancer chooses one."), evidence=use)
    if use["problem"]:
        return Verdict(
            Level.FAIL,
            text(_("%(address)s cannot be the address of a load balancer."), address=use["asked"]),
            value=use["asked"],
            cause=text(_("It is not an IP address."))
            if use["problem"] == "not-an-address"
            else text(_("No host ever has this address: it is for groups, for one link or for nothing.")),
            remedy=text(_("Ask the network team for a free address of the load balancer's pool.")),
            evidence=use,
        )
    if use["taken_by"]:
        return Verdict(
            Level.FAIL,
            text(_("%(address)s is taken by %(owner)s."), address=use["asked"], owner=use["taken_by"][0]),
            value=use["asked"],
            cause=text(_("%(owner)s of this cluster has it already."), owner=", ".join(use["taken_by"])),
            remedy=text(_("Ask the network team for a free address of the load balancer's pool.")),
            command="kubectl get nodes -o wide; kubectl get services -A | grep -F " + use["asked"],
            evidence=use,
        )
    return passed(_("Nothing in the cluster has the address %(address)s."), evidence=use, address=use["asked"])


_PASSWORDS = ("services.postgres_password", "services.minio_password")

CHECKS = (
    Check("services.passwords-survive", _("The passwords arrive as they are typed"), Owner.INSTALLER,
          (*_PASSWORDS, "services.minio_username"), _survive),
    Check("services.passwords-strong", _("The passwords are hard to guess"), Owner.INSTALLER,
          (*_PASSWORDS, "services.minio_username"), _hard_to_guess, ("services.passwords",)),
    Check("services.address-free", _("The asked address is free"), Owner.NETWORK,
          ("cluster.kubeconfig", "cluster.context", "services.load_balancer_ip", "bundle.release"), _address_free,
          needs=("cluster.reachable",)),
)  # fmt: skip
