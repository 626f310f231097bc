"""The reference in the reader's language: what each check proves, what each error means, and how to fix it by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, gettext_lazy, ngettext

from installer_tasks import answer_keys
from installer_tasks.preflight.checks import BY_NAME
from installer_tasks.preflight.checks.base import Check, Owner
from installer_tasks.text import mark as _
from wizard import reference, steps
from wizard.presenters import states

_FILLED_IN = re.compile(r"%\((\w+)\)[-#0 +]*[\d.]*[a-z]")


@dataclass(frozen=True)
class Area:
    """What an error is about: who can fix it, and how to look at the same thing by hand."""

    slug: str
    title: Any
    owner: Owner
    commands: tuple[str, ...]


AREAS: Mapping[str, Area] = {
    area.slug: area
    for area in (
        Area("bundle", gettext_lazy("Release bundle"), Owner.INSTALLER, ("ls -l <folder>", "sha256sum <file>")),
        Area(
            "cluster",
            gettext_lazy("Cluster"),
            Owner.PLATFORM,
            (
                "kubectl --kubeconfig <file> get nodes,storageclasses",
                "kubectl --kubeconfig <file> auth can-i --list",
            ),
        ),
        Area("dns", gettext_lazy("DNS zone"), Owner.NETWORK, ("dig <name> @<DNS server>",)),
        Area(
            "identity",
            gettext_lazy("Identity provider"),
            Owner.IDENTITY,
            (
                "curl -v <issuer URL>/.well-known/openid-configuration",
                "ldapsearch -H ldaps://<host> -D <bind DN> -W -b <base> '<filter>'",
            ),
        ),
        Area("registry", gettext_lazy("Registry"), Owner.REGISTRY, ("curl -v -u <user> https://<registry>/v2/",)),
        Area(
            "certificates",
            gettext_lazy("Certificates"),
            Owner.SECURITY,
            (
                "openssl s_client -connect <host>:443 -servername <host> -showcerts </dev/null",
                "kubectl get clusterissuers -o yaml",
            ),
        ),
        Area(
            "services",
            gettext_lazy("Services"),
            Owner.NETWORK,
            ("kubectl get services --all-namespaces -o wide",),
        ),
        Area(
            "run",
            gettext_lazy("Installing and undoing"),
            Owner.PLATFORM,
            (
                "kubectl get packageinstalls,pods --namespace tmc-local",
                "kubectl describe packageinstall <name> --namespace tmc-local",
            ),
        ),
        Area("network", gettext_lazy("Network"), Owner.NETWORK, ("curl -v https://<host>:<port>/",)),
        Area("installer", gettext_lazy("This installer"), Owner.INSTALLER, ("manage.py doctor",)),
    )
}

#: The first that fits the beginning of a code.
OF_CODE: tuple[tuple[str, str], ...] = (
    ("issuer-has", "identity"),
    ("issuer-is", "identity"),
    ("no-load", "services"),
    ("no-internal", "certificates"),
    ("no-", "cluster"),
    ("program-", "bundle"),
    ("name-", "dns"),
    *((word, "bundle") for word in ("bundle", "vendor", "integrity")),
    *((word, "cluster") for word in ("kube", "kapp")),
    *((word, "dns") for word in ("dns", "zone")),
    *((word, "identity") for word in ("identity", "directory", "dn-", "domain", "filter", "guessing")),
    *((word, "registry") for word in ("registry", "image")),
    *((word, "certificates") for word in ("pem", "tls", "issuer", "fix-no", "landing")),
    *((word, "run") for word in ("acceptance", "packages", "repository", "install-", "undo")),
    *((word, "network") for word in ("unreachable", "http", "url", "refused", "missing", "invalid", "busy", "system")),
)


#: Titles of codes that stand for many causes; of the others it is their cause.
GENERAL: Mapping[str, Any] = {
    "input": gettext_lazy("A value is not valid"),
    "system": gettext_lazy("A system responded with an error"),
    "unreachable": gettext_lazy("A system cannot be reached"),
    "tls": gettext_lazy("The TLS connection failed"),
    "refused": gettext_lazy("A system rejected the credentials or permissions"),
    "missing": gettext_lazy("Something that is required does not exist"),
    "invalid": gettext_lazy("A response is not valid"),
    "conflict": gettext_lazy("Somebody else changed or owns this"),
    "busy": gettext_lazy("A system is overloaded or not ready"),
    "integrity": gettext_lazy("Files are damaged"),
    "stalled": gettext_lazy("A wait timed out"),
    "crashed": gettext_lazy("An internal error of the installer"),
}


CHANGES_NOTHING = _("Changes nothing: it only sends requests and reads the responses.")


@dataclass(frozen=True)
class CaseView:
    """One way in which it comes out."""

    messages: tuple[str, ...]
    causes: tuple[str, ...]
    remedies: tuple[str, ...]
    command: str


@dataclass(frozen=True)
class Entry:
    """A check or an error code."""

    anchor: str
    name: str
    title: str
    owner: Any
    proves: tuple[str, ...]
    touches: str
    reads: tuple[str, ...]
    needs: tuple[str, ...]
    strict: bool
    cases: tuple[CaseView, ...]
    commands: tuple[str, ...]
    errors: str = ""  #: the section of error codes that its messages come from


@dataclass(frozen=True)
class Section:
    anchor: str
    title: Any
    entries: tuple[Entry, ...]

    @property
    def of_checks(self) -> bool:
        return self.anchor.startswith("checks-")


def sentence(template: list[str]) -> str:
    """A template with ‹names› in place of what is filled in."""
    found = ngettext(template[0], template[1], 2) if len(template) > 1 else gettext(template[0])
    return _FILLED_IN.sub(r"‹\1›", found).replace("%%", "%")


def _all(templates: Iterable[list[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(sentence, templates)))


def _cases(found: Iterable[Mapping[str, Any]]) -> tuple[CaseView, ...]:
    views = (
        CaseView(_all(case["messages"]), _all(case["causes"]), _all(case["remedies"]), case["command"])
        for case in found
    )
    return _in_full(tuple(dict.fromkeys(views)))


def _in_full(cases: tuple[CaseView, ...]) -> tuple[CaseView, ...]:
    said = any(case.causes or case.messages for case in cases) and any(case.remedies for case in cases)
    return cases if said else (*cases, _as_the_error_says())


def area_of(code: str) -> Area:
    return AREAS[next((area for start, area in OF_CODE if code.startswith(start)), "installer")]


def sections() -> tuple[Section, ...]:
    """Checks by step, then errors by what they are about."""
    found = reference.entries()
    checks = [_check(each, BY_NAME[each["name"]]) for each in found["checks"] if each["name"] in BY_NAME]
    errors = [(area_of(each["code"]).slug, _error(each)) for each in found["errors"]]
    return (
        *(
            Section(f"checks-{step.slug}", step.title, tuple(each for each in checks if _is_of(each, step.slug)))
            for step in steps.STEPS
        ),
        *(
            Section(f"errors-{slug}", area.title, tuple(entry for other, entry in errors if other == slug))
            for slug, area in AREAS.items()
        ),
    )


def _is_of(entry: Entry, step: str) -> bool:
    return entry.name.partition(".")[0] == step


def _check(found: Mapping[str, Any], check: Check) -> Entry:
    return Entry(
        anchor=reference.anchor(reference.CHECK, check.name),
        name=check.name,
        title=gettext(check.title),
        owner=states.OWNER[check.owner],
        proves=_all(found["passes"]),
        touches=gettext(check.touches or CHANGES_NOTHING),
        reads=tuple(gettext(answer_keys.BY_NAME[key].label) for key in check.reads),
        needs=check.needs,
        strict=check.strict,
        cases=_cases(found["cases"]),
        errors="" if found["cases"] else f"errors-{check.system}",
        commands=(*AREAS[check.system].commands, "manage.py check --installation <number>"),
    )


def _error(found: Mapping[str, Any]) -> Entry:
    code, cases = found["code"], _cases(found["cases"])
    area = area_of(code)
    return Entry(
        anchor=reference.anchor(reference.CODE, code),
        name=code,
        title=str(GENERAL.get(code) or next((cause for case in cases for cause in case.causes), code)),
        owner=states.OWNER[area.owner],
        proves=(),
        touches="",
        reads=(),
        needs=(),
        strict=False,
        cases=cases,
        commands=area.commands,
    )


def _as_the_error_says() -> CaseView:
    """Where the sentences come with the error of the system itself."""
    return CaseView(
        (),
        (gettext("The message names the cause: it is that of the system's own error, with its code."),),
        (gettext("Follow the fix in the message; the entry of the error code describes it."),),
        "",
    )
