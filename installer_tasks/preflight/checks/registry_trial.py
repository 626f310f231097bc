"""Judging what a trial push met, as facts/registry_trial.py observes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.checks.registry import LOGIN, MIB
from installer_tasks.preflight.shapes import registry as shapes
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
        return look(facts) if facts(shapes.PROJECT)["exists"] else _not_tried(facts)

    return judged


def _not_tried(facts: Facts) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("No test image was pushed, because the project does not exist yet.")),
        value=facts.answers["registry.project"],
        cause=text(_("This test needs the project.")),
        remedy=text(_("Create the project and check again, or let the run create it.")),
    )


def _push_allowed(facts: Facts) -> Verdict:
    trial = facts(shapes.TRIAL)
    return passed(_("A test image was pushed to %(repository)s."), repository=trial["repository"],
                  evidence={**trial, "removal": facts(shapes.REMOVAL)})  # fmt: skip


def _pull_allowed(facts: Facts) -> Verdict:
    on = facts(shapes.PROJECT)["policies"]
    if on:
        return _policy(facts, on)
    pulled = facts(shapes.PULLED)
    return passed(
        _("The test image was pulled without a password, and its content is correct."),
        evidence={**pulled, "policies": on},
    )


def _policy(facts: Facts, on: list[str]) -> Verdict:
    names = ", ".join(POLICIES.get(key, key) for key in on)
    return Verdict(
        Level.FAIL,
        text(_("The project rejects pulls of images that have not been scanned or signed.")),
        value=facts.answers["registry.project"],
        cause=text(_("This policy is enabled: %(names)s. The images of TMC-SM would not start."), names=names),
        remedy=text(_("Disable it in Harbor (Projects, Configuration), or use a separate project for TMC-SM.")),
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

    def verdict(self, found: shapes.Refusal, value: str) -> Verdict:
        if not found["refused"]:
            return passed(self.good, evidence=found)
        cause = text(self.cause, words=found["refused"])
        return Verdict(self.level, text(self.bad), value=value, cause=cause, remedy=text(self.remedy), evidence=found)


_NESTED = _Probe(
    _("Repositories can be nested as deep as TMC-SM needs."),
    _("The registry rejects repositories nested as deep as those of TMC-SM."),
    _("TMC-SM nests its images five levels deep, with dots in the names. The registry reports: %(words)s"),
    _("Use a registry that supports nested repositories, such as Harbor, or enable them in this one."),
    Level.FAIL,
)
_MOUNT = _Probe(
    _("Repositories share layers."),
    _("The registry cannot share layers between repositories."),
    _("Layers that several images share are sent once for each image. The registry reports: %(words)s"),
    _("Accept a longer push, or enable cross-repository blob mounts in the registry."),
)
_RETAG = _Probe(
    _("A tag can be pushed again."),
    _("A tag is locked after its first push."),
    _("A push repeated after an interruption, or with a corrected bundle, may need the same tags again. %(words)s"),
    _("Remove the project's tag immutability rule until TMC-SM is installed (Projects, Policy, Tag Immutability)."),
)


def _nested_names(facts: Facts) -> Verdict:
    return _NESTED.verdict(facts(shapes.NESTED), facts.answers["registry.project"])


def _mount(facts: Facts) -> Verdict:
    return _MOUNT.verdict(facts(shapes.MOUNT), facts.answers["registry.project"])


def _tags_movable(facts: Facts) -> Verdict:
    found = facts(shapes.RETAG)
    return _RETAG.verdict(found, found["tag"])


def _large_layers(facts: Facts) -> Verdict:
    found = facts(shapes.BODIES)
    if found["passes"] < found["asked"]:
        return _limited(found)
    told = _("The registry accepts a layer of %(size)d MiB.")
    silent = _("An announced layer of %(size)d MiB was not rejected.")
    return passed(told if found["told"] else silent, size=found["asked"] // MIB, evidence=found)


def _limited(found: shapes.Bodies) -> Verdict:
    """The push engine goes on in parts where these come through; other tools end here."""
    in_parts = found["passes"] > 0 and not found["parts_refused"]
    sent = text(
        _("Layers will be sent in chunks of %(size)s MiB, which takes longer."), size=f"{found['passes'] / MIB:g}"
    )
    proxy = _("A proxy in front of the registry (%(server)s) rejects large request bodies (413).")
    quoted = _("A proxy in front of the registry (%(server)s) rejects large request bodies (413). %(words)s")
    return Verdict(
        Level.WARN if in_parts else Level.FAIL,
        sent if in_parts else text(_("Layers cannot reach the registry, not even in chunks.")),
        value=f"{found['asked'] // MIB} MiB",
        cause=text(quoted if found["parts_refused"] else proxy, server=found["server"], words=found["parts_refused"]),
        remedy=text(_("Remove the proxy's limit; in nginx and its ingress controller it is client_max_body_size.")),
        command='client_max_body_size 0;\n# Ingress: nginx.ingress.kubernetes.io/proxy-body-size: "0"',
        evidence=found,
    )


CHECKS = (
    Check("registry.push-allowed", _("The user can push an image"), Owner.REGISTRY, LOGIN,
          _in_a_project(_push_allowed),
          needs=("registry.project", "registry.writable", "registry.may-create-project"),
          touches=_("Pushes an image of a few hundred bytes to the project, then deletes it where allowed.")),
    Check("registry.pull-allowed", _("A pushed image can be pulled without a password"), Owner.REGISTRY, LOGIN,
          _in_a_project(_pull_allowed), needs=PUSHED),
    Check("registry.nested-names", _("Repositories can be deeply nested in the project"), Owner.REGISTRY, LOGIN,
          _in_a_project(_nested_names), needs=PUSHED,
          touches=_("Starts an upload, then cancels it.")),
    Check("registry.mount", _("Repositories share layers"), Owner.REGISTRY, LOGIN,
          _in_a_project(_mount), needs=PUSHED,
          touches=_("Mounts a layer of the test image into a second repository, then deletes it where allowed.")),
    Check("registry.large-layers", _("The registry accepts layers as large as the bundle's"), Owner.NETWORK,
          (*LOGIN, "bundle.path"), _in_a_project(_large_layers), needs=PUSHED,
          touches=_("Announces an upload of this size without sending data.")),
    Check("registry.tags-movable", _("A tag can be pushed again"), Owner.REGISTRY, LOGIN,
          _in_a_project(_tags_movable), needs=PUSHED,
          touches=_("Pushes the tag of the test image a second time.")),
)  # fmt: skip
