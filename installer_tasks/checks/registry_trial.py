"""Judging what a trial push met, as facts/registry_trial.py observes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.checks.registry import LOGIN, MIB
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: A project's policies that refuse pulls, by Harbor's names for them, and where they are switched off.
POLICIES = {
    "prevent_vul": "Prevent vulnerable images from running",
    "enable_content_trust": "Content Trust (Notary)",
    "enable_content_trust_cosign": "Content Trust (Cosign)",
}
PUSHED = ("registry.push-allowed",)


def _in_a_project(look: Callable[[Facts], Verdict]) -> Callable[[Facts], Verdict]:
    """Nothing was tried where there is no project yet."""

    def judged(facts: Facts) -> Verdict:
        return look(facts) if facts("registry", "project")["exists"] else _not_tried(facts)

    return judged


def _not_tried(facts: Facts) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("No trial push was made, because the project does not exist yet.")),
        value=facts.answers["registry.project"],
        cause=text(_("A trial would need the project.")),
        remedy=text(_("Create the project and check again, or let the run create it.")),
    )


def _push_allowed(facts: Facts) -> Verdict:
    trial = facts("registry", "trial")
    return passed(_("A tiny image was pushed to %(repository)s."), repository=trial["repository"],
                  evidence={**trial, "removal": facts("registry", "removal")})  # fmt: skip


def _pull_allowed(facts: Facts) -> Verdict:
    on = facts("registry", "project")["policies"]
    if on:
        return _policy(facts, on)
    pulled = facts("registry", "pulled")
    return passed(
        _("The trial image was pulled without a password and compared."),
        evidence={**pulled, "policies": on},
    )


def _policy(facts: Facts, on: list[str]) -> Verdict:
    names = ", ".join(POLICIES.get(key, key) for key in on)
    return Verdict(
        Level.FAIL,
        text(_("The project refuses pulls of images that nobody has scanned or signed.")),
        value=facts.answers["registry.project"],
        cause=text(_("Its policy is on: %(names)s. The images of TMC-SM would not start."), names=names),
        remedy=text(_("Switch it off in Harbor (Projects, Configuration), or use a project of its own for TMC-SM.")),
        evidence={"policies": on},
    )


@dataclass(frozen=True)
class _Probe:
    """What a probe proves, and what to say when the registry refuses; `cause` gets its %(words)s."""

    good: str
    bad: str
    cause: str
    remedy: str
    level: Level = Level.WARN

    def verdict(self, found: dict[str, Any], value: str) -> Verdict:
        if not found["refused"]:
            return passed(self.good, evidence=found)
        cause = text(self.cause, words=found["refused"])
        return Verdict(self.level, text(self.bad), value=value, cause=cause, remedy=text(self.remedy), evidence=found)


_NESTED = _Probe(
    _("Repositories may lie as deep as those of TMC-SM."),
    _("The registry takes no repositories as deep as those of TMC-SM."),
    _("TMC-SM keeps its images five levels deep, with dots in the names. The registry says: %(words)s"),
    _("Use a registry that allows nested repositories, as Harbor does, or allow them in this one."),
    Level.FAIL,
)
_MOUNT = _Probe(
    _("Content is shared between repositories."),
    _("The registry does not take content over from one repository into another."),
    _("What several images share is sent once for each of them. The registry says: %(words)s"),
    _("Go on with a longer push, or let the registry mount blobs across repositories."),
)
_RETAG = _Probe(
    _("A tag may be put a second time."),
    _("A tag that was put once is locked."),
    _("A push that is repeated after a break, or with a mended bundle, may need its tags again. %(words)s"),
    _("Remove the project's tag immutability rule until TMC-SM is installed (Projects, Policy, Tag Immutability)."),
)


def _nested_names(facts: Facts) -> Verdict:
    return _NESTED.verdict(facts("registry", "nested"), facts.answers["registry.project"])


def _mount(facts: Facts) -> Verdict:
    return _MOUNT.verdict(facts("registry", "mount"), facts.answers["registry.project"])


def _tags_movable(facts: Facts) -> Verdict:
    found = facts("registry", "retag")
    return _RETAG.verdict(found, found["tag"])


def _large_layers(facts: Facts) -> Verdict:
    found = facts("registry", "bodies")
    if found["passes"] < found["asked"]:
        return _limited(found)
    told = _("A layer of %(size)d MiB is let through.")
    silent = _("Nothing refuses a layer of %(size)d MiB when it is announced.")
    return passed(told if found["told"] else silent, size=found["asked"] // MIB, evidence=found)


def _limited(found: dict[str, Any]) -> Verdict:
    """The push engine goes on in parts where these come through; other tools end here."""
    in_parts = found["passes"] > 0 and not found["parts_refused"]
    sent = text(
        _("Layers will be sent in parts of %(size)s MiB, which takes longer."), size=f"{found['passes'] / MIB:g}"
    )
    return Verdict(
        Level.WARN if in_parts else Level.FAIL,
        sent if in_parts else text(_("No layer comes through to the registry, also not in parts.")),
        value=f"{found['asked'] // MIB} MiB",
        cause=text(
            _("A proxy in front of the registry (%(server)s) refuses large bodies (413). %(words)s"),
            server=found["server"],
            words=found["parts_refused"],
        ),
        remedy=text(_("Lift the proxy's limit: in nginx and its ingress it is client_max_body_size.")),
        command='client_max_body_size 0;\n# Ingress: nginx.ingress.kubernetes.io/proxy-body-size: "0"',
        evidence=found,
    )


CHECKS = (
    Check("registry.push-allowed", _("A real image can be pushed"), Owner.REGISTRY, LOGIN,
          _in_a_project(_push_allowed),
          needs=("registry.project", "registry.writable", "registry.may-create-project"),
          touches=_("Pushes an image of a few hundred bytes into the project and deletes it where allowed.")),
    Check("registry.pull-allowed", _("What was pushed can be pulled without a password"), Owner.REGISTRY, LOGIN,
          _in_a_project(_pull_allowed), needs=PUSHED),
    Check("registry.nested-names", _("Repositories may lie deep in the project"), Owner.REGISTRY, LOGIN,
          _in_a_project(_nested_names), needs=PUSHED,
          touches=_("Opens an upload and gives it up.")),
    Check("registry.mount", _("Content is shared between repositories"), Owner.REGISTRY, LOGIN,
          _in_a_project(_mount), needs=PUSHED,
          touches=_("Mounts a layer of the trial image into a second repository and deletes it where allowed.")),
    Check("registry.large-layers", _("Layers of the bundle's size come through"), Owner.NETWORK,
          (*LOGIN, "bundle.path"), _in_a_project(_large_layers), needs=PUSHED,
          touches=_("Announces an upload of this size without sending it.")),
    Check("registry.tags-movable", _("A tag may be put again"), Owner.REGISTRY, LOGIN,
          _in_a_project(_tags_movable), needs=PUSHED,
          touches=_("Puts the tag of the trial image a second time.")),
)  # fmt: skip
