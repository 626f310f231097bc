"""Judging what was typed for the services: passwords that survive where they go, and an address that is free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from installer_tasks.answer_keys import BY_NAME
from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.shapes import services as shapes
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: Nobody types them later, so there is no reason for short ones.
SHORT, FEW = 12, 6
_GENERATE = Text(_("Generate it on this page."))
_SIGNS: Mapping[str, str] = {
    "quotes": _("It contains quotes, which end a string in a shell or in YAML."),
    "dollar": _("It contains a dollar sign, which a shell interprets as a variable."),
    "backslash": _("It contains a backslash, which shells and YAML interpret as an escape."),
    "address": _("It contains one of @ : / ? # %, which end the password in a database URL."),
}


def _survive(facts: Facts) -> Verdict:
    """Charts hand them to start-up scripts, and build database addresses from them."""
    found = _secrets(facts)["passwords"]
    for name in sorted(found):
        if cause := _fragile(found[name]):
            return Verdict(
                Level.WARN,
                text(
                    _("%(name)s contains characters that may be changed on the way to its component."),
                    name=_label(name),
                ),
                value=name,
                cause=Text(cause),
                remedy=_GENERATE,
                evidence=found,
            )
    return passed(_("The passwords contain no characters that shells, YAML or URLs change."), evidence=found)


def _label(key: str) -> Text:
    return Text(BY_NAME[key].label)


def _labels(keys: Sequence[str]) -> Text:
    """Several answers in one sentence, by their labels."""
    first, *more = map(_label, keys)
    return text(_("%(first)s, %(more)s"), first=first, more=_labels(keys[1:])) if more else first


def _secrets(facts: Facts) -> shapes.Secrets:
    found = facts(shapes.SECRETS)
    if not found["passwords"]:
        raise ValueError("no password was observed")
    return found


def _fragile(kind: shapes.Kind) -> str:
    if not kind["ascii"]:
        return _("It contains non-ASCII characters, which programs encode differently.")
    if kind["leading_dash"]:
        return _("It starts with a hyphen, so programs interpret it as an option.")
    return next((_SIGNS[sign] for sign in kind["signs"]), "")


def _hard_to_guess(facts: Facts) -> Verdict:
    found = _secrets(facts)
    weak = sorted(
        name for name, kind in found["passwords"].items() if kind["length"] < SHORT or kind["different"] < FEW
    )
    shared = sorted(found["passwords"]) if found["equal"] else []
    wrong = (
        (shared, _("PostgreSQL and MinIO have the same password: whoever learns one has both.")),
        (found["named"], _("The password is the same as the user name.")),
        (weak, _("It has fewer than 12 characters, or too few different ones.")),
    )
    for names, cause in wrong:
        if names:
            return Verdict(
                Level.WARN,
                text(_("%(name)s is easy to guess."), name=_labels(names)),
                value=", ".join(names),
                cause=Text(cause),
                remedy=_GENERATE,
                evidence=found,
            )
    return passed(_("The passwords are long and different from each other."), evidence=found)


def _address_free(facts: Facts) -> Verdict:
    use = facts(shapes.ADDRESS_USE)
    if not use["asked"]:
        return passed(_("No address is requested; the load balancer chooses one."), evidence=use)
    if use["problem"]:
        return Verdict(
            Level.FAIL,
            text(_("%(address)s cannot be the address of a load balancer."), address=use["asked"]),
            value=use["asked"],
            cause=text(_("It is not an IP address."))
            if use["problem"] == "not-an-address"
            else text(
                _("It is a multicast, broadcast, link-local or unspecified address, which no load balancer can use.")
            ),
            remedy=text(_("Ask the network team for a free address from the load balancer's pool.")),
            evidence=use,
        )
    if use["taken_by"]:
        return Verdict(
            Level.FAIL,
            text(_("%(address)s is in use by %(owner)s."), address=use["asked"], owner=use["taken_by"][0]),
            value=use["asked"],
            cause=text(_("%(owner)s in this cluster uses it already."), owner=", ".join(use["taken_by"])),
            remedy=text(_("Ask the network team for a free address from the load balancer's pool.")),
            command="kubectl get nodes -o wide; kubectl get services -A | grep -F " + use["asked"],
            evidence=use,
        )
    return passed(_("No object in the cluster uses the address %(address)s."), evidence=use, address=use["asked"])


_PASSWORDS = ("services.postgres_password", "services.minio_password", "services.redis_password", "bundle.release")

CHECKS = (
    Check("services.passwords-survive", _("The passwords reach their components unchanged"), Owner.INSTALLER,
          (*_PASSWORDS, "services.minio_username"), _survive),
    Check("services.passwords-strong", _("The passwords are hard to guess"), Owner.INSTALLER,
          (*_PASSWORDS, "services.minio_username"), _hard_to_guess, ("services.passwords",)),
    Check("services.address-free", _("The requested address is free"), Owner.NETWORK,
          ("cluster.kubeconfig", "cluster.context", "services.load_balancer_ip", "bundle.release"), _address_free,
          needs=("cluster.reachable",)),
)  # fmt: skip
