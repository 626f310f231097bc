"""Where a look goes: every host and port is audited the first time that an installation asks it, and few are new.

Forms take any address, so without a limit they would be a port scanner in the hands of whoever may answer them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from installer_tasks.errors import InputError, InstallerError, Refused
from installer_tasks.models import Answer, AuditEntry, Installation
from installer_tasks.systems.cluster.kubeconfig import parse_kubeconfig
from installer_tasks.text import mark as _
from installer_tasks.text import text

ACTION = "system.first-asked"
#: New places that one person may have asked; an estate has about five, and a name is mistyped now and then.
MOST, WINDOW = 30, timedelta(hours=1)
#: The answers that name a place, by their step, and the port where none is given.
NAMED = {
    "cluster.kubeconfig": 443,
    "dns.server": 53,
    "identity.issuer_url": 443,
    "identity.ldap_host": 636,
    "registry.project": 443,
}


def refusals(
    installation: Installation, systems: Collection[str], answers: Mapping[str, str]
) -> dict[str, InstallerError]:
    """By system, why it is not asked now. New places of the others are audited."""
    found: dict[str, InstallerError] = {}
    for key, place in _places(systems, answers):
        if not _granted(installation, key, place):
            found[key.partition(".")[0]] = _too_many(place)
    return found


def require(installation: Installation, system: str, answers: Mapping[str, str]) -> None:
    """For what asks a system itself, without a check: Refused when it may not be asked now."""
    for refusal in refusals(installation, [system], answers).values():
        raise refusal


@transaction.atomic
def _granted(installation: Installation, key: str, place: str) -> bool:
    """Counted and written down at once: those that ask at the same time wait here for each other."""
    if _known(installation, place):
        return True
    row = Answer.objects.filter(installation=installation, key=key).first()
    person = row.changed_by if row else None
    if person is not None:
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if _known(installation, place):
        return True
    mine = AuditEntry.objects.filter(action=ACTION, person=person, at__gt=timezone.now() - WINDOW)
    if person is not None and mine.count() >= MOST:
        return False
    AuditEntry.objects.create(
        person=person, installation=installation, action="system.first-asked", detail={"place": place}
    )
    return True


def _known(installation: Installation, place: str) -> bool:
    return AuditEntry.objects.filter(installation=installation, action=ACTION, detail__place=place).exists()


def _places(systems: Collection[str], answers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, port in NAMED.items():
        value = answers.get(key, "").strip()
        if value and key.partition(".")[0] in systems:
            place = _place(_address(key, value, answers), port)
            if place:
                yield key, place


def _address(key: str, value: str, answers: Mapping[str, str]) -> str:
    if key != "cluster.kubeconfig":
        return value
    try:
        return parse_kubeconfig(value, context=answers.get("cluster.context", "")).server
    except InputError:
        return ""


def _place(address: str, port: int) -> str:
    """`host:port`; empty for what names none, which no look asks either."""
    try:
        found = urlsplit(address if "://" in address else f"//{address}")
        return f"{found.hostname}:{found.port or port}" if found.hostname else ""
    except ValueError:
        return ""


def _too_many(place: str) -> Refused:
    return Refused(
        text(_("%(count)d new addresses were checked within an hour; %(place)s was not."), count=MOST, place=place),
        value=place,
        remedy=text(_("Check again in an hour, or ask an administrator.")),
        code="too-many-addresses",
    )
