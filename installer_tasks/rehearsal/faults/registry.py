"""Faults of the practice registry, of what stands before it, and of what its customer answers about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.faults.base import Answering, Change, Fault, Variant
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

PROJECT = "tmc"
ROBOT = f"robot${PROJECT}+pusher"


def _project_with(**changes: Any) -> Change:
    return lambda estate: estate.registry.change_project(PROJECT, **changes)


def _robot_with(**changes: Any) -> Change:
    def change(estate: Estate) -> Callable[[], None]:
        users = estate.registry.users
        before = users[ROBOT]
        users[ROBOT] = replace(before, **changes)
        return lambda: users.update({ROBOT: before})

    return change


def _certificate_for(names: Sequence[str], *, common_name: str = "", days: int = 90) -> Change:
    """The registry presents this one instead; signed by the practice CA as ever."""

    def change(estate: Estate) -> Callable[[], None]:
        issued = estate.ca.issue(names, common_name=common_name, lifetime=timedelta(days=days))
        files = [estate.folder / "tls" / f"registry-instead.{kind}" for kind in ("crt", "key")]
        for file, pem in zip(files, (issued.chain_pem, issued.key_pem), strict=True):
            file.touch(0o600)
            file.write_text(pem)
        return estate.registry.present(files[0], files[1])

    return change


def _without_tls(estate: Estate) -> Callable[[], None]:
    return estate.registry.present(None, None)


def _other_authority(estate: Estate) -> dict[str, str]:
    return {"registry.ca": PracticeCA.load_or_create(estate.folder / "other-ca").ca_pem}


def _at(written: str) -> Answering:
    """The place as this customer writes it."""
    return lambda estate: {"registry.project": written % {"host": estate.registry.host}}


def _as(name: str, written: str = f"%(host)s/{PROJECT}") -> Answering:
    """As a person of this name, who sees more than a robot account does."""

    def answers(estate: Estate) -> dict[str, str]:
        place = {"registry.project": written % {"host": estate.registry.host}}
        return {**place, "registry.username": name, "registry.password": estate.registry.users[name].password}

    return answers


def _with_address(estate: Estate) -> dict[str, str]:
    return {"registry.project": f"127.0.0.1:{estate.registry.port}/{PROJECT}"}


_LOCAL = ("localhost", "127.0.0.1")
#: Nothing may listen there without being asked for.
_CLOSED = f"localhost:1/{PROJECT}"

_REACHING = (
    Fault("registry.unavailable", _("The registry answers 503"), "registry.reachable", "503"),
    Fault("registry.too-many-requests", _("The registry answers 429"), "registry.reachable", "429"),
    Fault("registry.access-list", _("An access list keeps this machine from the registry"), "registry.reachable",
          "refuses this machine"),
    Fault("registry.portal", _("At the registry's address is another web service"), "registry.reachable",
          "not a container registry"),
    Fault("registry.drips", _("The registry answers byte by byte"), "registry.reachable", "did not end within"),
    Fault("registry.slow", _("The registry takes long for each answer"), "registry.answers-quickly", "empty answer"),
    Fault("registry.name-unknown", _("The registry's name does not resolve"), "registry.reachable",
          "cannot be resolved", answers=_at(f"registry.invalid/{PROJECT}")),
    Fault("registry.port-closed", _("Nothing listens on the registry's port"), "registry.reachable", "Nothing answers",
          answers=_at(_CLOSED)),
    Fault("registry.scheme-typed", _("The registry is written with https://"), "registry.reachable",
          "does not belong here", answers=_at(f"https://%(host)s/{PROJECT}")),
    Fault("registry.capitals", _("The project is written with capital letters"), "registry.reachable", "lower case",
          answers=_at("%(host)s/TMC")),
    Fault("registry.plain-http", _("The registry speaks no TLS"), "registry.reachable", "TLS", _without_tls),
    Fault("registry.certificate-expired", _("The registry's certificate has expired"), "registry.reachable",
          "out of date", _certificate_for(_LOCAL, days=-3)),
    Fault("registry.certificate-name", _("The registry's certificate is for another name"), "registry.reachable",
          "for another name", _certificate_for(["registry.practice.example"])),
    Fault("registry.authority-unknown", _("The supplied authority did not sign the registry's certificate"),
          "registry.reachable", "authority", answers=_other_authority),
    Fault("registry.certificate-ends-soon", _("The registry's certificate ends in some days"), "registry.certificate",
          "ends in", _certificate_for(_LOCAL, days=9)),
    Fault("registry.certificate-without-names", _("The registry's certificate has a common name only"),
          "registry.certificate", "subject alternative name", _certificate_for([], common_name="localhost")),
)  # fmt: skip
_USERS = (
    Fault("registry.password-wrong", _("The registry's password is wrong"), "registry.credentials", "password",
          answers=lambda _: {"registry.password": "not-the-password"}),
    Fault("registry.robot-disabled", _("The robot account is disabled"), "registry.credentials", "disabled",
          _robot_with(disabled=True)),
    Fault("registry.robot-may-not-push", _("The robot account has no right to push"), "registry.push-allowed",
          "right to push", _robot_with(role="reader")),
    Fault("registry.project-missing", _("The project is not there yet"), "registry.project", "does not exist",
          answers=_as("admin", "%(host)s/tmc-new")),
    Fault("registry.project-missing-for-robot", _("The project is not there, and the robot may not create it"),
          "registry.may-create-project", "robot account", answers=_at("%(host)s/tmc-new")),
    Fault("registry.project-missing-for-developer", _("The project is not there, and only administrators create some"),
          "registry.may-create-project", "administrators", answers=_as("developer", "%(host)s/tmc-new")),
    Fault("registry.project-private", _("The project is private"), "registry.project", "without a password",
          _project_with(public=False)),
)  # fmt: skip
_ROOM = (
    Fault("registry.quota-too-small", _("The project's quota is too small for the bundle"), "registry.room", "quota",
          _project_with(storage_limit=1024**2), _as("admin")),
    Fault("registry.quota-used-up", _("The project's quota is used up, and the robot can not see it"),
          "registry.push-allowed", "quota is used up", _project_with(storage_limit=1)),
    Fault("registry.disk-nearly-full", _("The registry's disk has little room"), "registry.storage-room", "disk",
          answers=_as("admin")),
    Fault("registry.disk-full", _("The registry's disk is full during the push")),
)  # fmt: skip
_PUSHING = (
    Fault("registry.read-only", _("The registry is in read-only mode"), "registry.writable", "read-only"),
    Fault("registry.uploads-elsewhere", _("The registry sends uploads to the name that it has inside"),
          "registry.push-allowed", "another host"),
    Fault("registry.loses-uploads", _("Uploads vanish between the registry's replicas"), "registry.push-allowed",
          "lost an upload"),
    Fault("registry.drops-blobs", _("The registry confirms content that it does not store"), "registry.push-allowed",
          "misses content"),
    Fault("registry.forgets-images", _("The registry loses images as soon as they are there"),
          "registry.push-allowed", "a moment later"),
    Fault("registry.wrong-digest", _("The registry lies about digests"), "registry.push-allowed", "with digest"),
    Fault("registry.changes-content", _("Something changes content that is pulled"), "registry.pull-allowed",
          "changes content"),
    Fault("registry.prevents-vulnerable", _("The project refuses pulls of images that were not scanned"),
          "registry.pull-allowed", "Prevent vulnerable", _project_with(prevent_vul=True)),
    Fault("registry.content-trust", _("The project refuses pulls of images that were not signed"),
          "registry.pull-allowed", "Cosign", _project_with(enable_content_trust_cosign=True)),
    Fault("registry.mount-unsupported", _("The registry mounts nothing across repositories"), "registry.mount", "202"),
    Fault("registry.shallow-names", _("The registry takes repositories of two levels only"), "registry.nested-names",
          "as deep as"),
    Fault("registry.body-limit", _("A proxy before the registry lets a mebibyte through at a time"),
          "registry.large-layers", "client_max_body_size"),
    Fault("registry.body-limit-small", _("A proxy before the registry lets nearly nothing through"),
          "registry.large-layers", "No layer comes through"),
    Fault("registry.no-patch", _("A proxy before the registry limits bodies, and knows no PATCH"),
          "registry.large-layers", "405"),
    Fault("registry.immutable-tags", _("The project locks its tags"), "registry.tags-movable", "immutab",
          _project_with(immutable_tags=True)),
)  # fmt: skip

VARIANTS = (
    Variant("healthy.registry-path", _("The images go below a path within the project"),
            answers=_at(f"%(host)s/{PROJECT}/eu/one")),
    Variant("healthy.registry-administrator", _("An administrator of the registry pushes, and sees its disk"),
            answers=_as("admin")),
    Variant("healthy.registry-quota", _("The project has a quota that is large enough, and a developer pushes"),
            _project_with(storage_limit=10 * 1024**4), _as("developer")),
    Variant("healthy.registry-address", _("The registry is written as an address instead of a name"),
            answers=_with_address),
)  # fmt: skip
FAULTS = (*_REACHING, *_USERS, *_ROOM, *_PUSHING)
