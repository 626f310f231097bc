"""Faults of the practice registry, of what stands before it, and of what its customer answers about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.faults.base import Answering, Change, Fault, Variant
from installer_tasks.rehearsal.registry import products
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


def _like(product: products.Product, *others: Change) -> Change:
    """Another product than Harbor, and what else is wrong with it."""

    def change(estate: Estate) -> Callable[[], None]:
        undo = [estate.registry.behave_as(product), *(other(estate) for other in others)]

        def change_back() -> None:
            for back in reversed(undo):
                back()

        return change_back

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
    Fault("registry.unavailable", _("The registry returns 503"), "registry.reachable", "503"),
    Fault("registry.too-many-requests", _("The registry returns 429"), "registry.reachable", "429"),
    Fault("registry.access-list", _("An access list blocks this machine at the registry"), "registry.reachable",
          "rejects this machine before authentication"),
    Fault("registry.portal", _("Another web service runs at the registry's address"), "registry.reachable",
          "not a container registry"),
    Fault("registry.drips", _("The registry responds byte by byte"), "registry.reachable", "responses are too slow"),
    Fault("registry.slow", _("The registry takes a long time for each response"), "registry.answers-quickly", "for an empty response"),
    Fault("registry.name-unknown", _("The registry's name does not resolve"), "registry.reachable",
          "cannot resolve the name", answers=_at(f"registry.invalid/{PROJECT}")),
    Fault("registry.port-closed", _("No program listens on the registry's port"), "registry.reachable", "Cannot connect to",
          answers=_at(_CLOSED)),
    Fault("registry.scheme-typed", _("The registry was entered with https://"), "registry.reachable",
          "begins with https://; remove it", answers=_at(f"https://%(host)s/{PROJECT}")),
    Fault("registry.capitals", _("The project was entered with capital letters"), "registry.reachable", "lowercase",
          answers=_at("%(host)s/TMC")),
    Fault("registry.plain-http", _("The registry does not use TLS"), "registry.reachable", "TLS", _without_tls),
    Fault("registry.certificate-expired", _("The registry's certificate has expired"), "registry.reachable",
          "has expired", _certificate_for(_LOCAL, days=-3)),
    Fault("registry.certificate-name", _("The registry's certificate is for another name"), "registry.reachable",
          "does not cover this name", _certificate_for(["registry.practice.example"])),
    Fault("registry.authority-unknown", _("The registry's certificate is signed by another CA than "
                                          "the one entered"),
          "registry.reachable", "signed by an unknown CA", answers=_other_authority),
    Fault("registry.certificate-ends-soon", _("The registry's certificate expires in a few days"), "registry.certificate",
          "expires in", _certificate_for(_LOCAL, days=9)),
    Fault("registry.certificate-without-names", _("The registry's certificate has only a common name"),
          "registry.certificate", "subject alternative name", _certificate_for([], common_name="localhost")),
)  # fmt: skip
_USERS = (
    Fault("registry.password-wrong", _("The registry's password is wrong"), "registry.credentials", "password",
          answers=lambda _: {"registry.password": "not-the-password"}),
    Fault("registry.robot-disabled", _("The robot account is disabled"), "registry.credentials", "disabled",
          _robot_with(disabled=True)),
    Fault("registry.robot-may-not-push", _("The robot account has no permission to push"), "registry.push-allowed",
          "right to push", _robot_with(role="reader")),
    Fault("registry.project-missing", _("The project does not exist yet"), "registry.project", "does not exist",
          answers=_as("admin", "%(host)s/tmc-new")),
    Fault("registry.project-missing-for-robot", _("The project does not exist, and the robot account cannot "
                                                  "create it"),
          "registry.may-create-project", "robot account", answers=_at("%(host)s/tmc-new")),
    Fault("registry.project-missing-for-developer", _("The project does not exist, and only administrators can "
                                                      "create projects"),
          "registry.may-create-project", "administrators", answers=_as("developer", "%(host)s/tmc-new")),
    Fault("registry.project-private", _("The project is private"), "registry.project", "without a password",
          _project_with(public=False)),
)  # fmt: skip
_MAY_ONLY_READ = _robot_with(role="reader")


def _wrong_password(_estate: Estate) -> dict[str, str]:
    return {"registry.password": "not-the-password"}


_PRODUCTS = (
    Fault("registry.quay-may-not-create", _("A known robot of Quay may not create the repository"),
          "registry.push-allowed", "knows this user", _like(products.QUAY, _MAY_ONLY_READ)),
    Fault("registry.quay-password", _("Quay rejects the robot's password"), "registry.credentials",
          "token service refused", _like(products.QUAY), _wrong_password),
    Fault("registry.gitea-may-not-push", _("A known user of Gitea may not push packages"), "registry.push-allowed",
          "knows this user", _like(products.GITEA, _MAY_ONLY_READ)),
    Fault("registry.gitlab-token", _("GitLab's token service rejects the token with 403"), "registry.credentials",
          "write_registry", _like(products.GITLAB), _wrong_password),
    Fault("registry.gitlab-may-not-push", _("A known deploy token of GitLab may only read"), "registry.push-allowed",
          "knows this user", _like(products.GITLAB, _MAY_ONLY_READ)),
    Fault("registry.nexus-may-not-push", _("A known user of Nexus may not push"), "registry.push-allowed",
          "right to push", _like(products.NEXUS, _MAY_ONLY_READ)),
    Fault("registry.nexus-password", _("Nexus rejects the password"), "registry.credentials", "user or password",
          _like(products.NEXUS), _wrong_password),
    Fault("registry.artifactory-may-not-push", _("A known user of Artifactory may not deploy"),
          "registry.push-allowed", "may not do that", _like(products.ARTIFACTORY, _MAY_ONLY_READ)),
    Fault("registry.portal-sign-in", _("A portal before the registry wants a Windows sign-in"),
          "registry.credentials", "negotiate, ntlm", _like(products.PORTAL)),
    Fault("registry.proxy-cache", _("The project is a proxy cache of another registry"), "registry.project",
          "proxy cache", _project_with(registry_id=3), _as("developer")),
)  # fmt: skip
_ROOM = (
    Fault("registry.quota-too-small", _("The project's quota is too small for the bundle"), "registry.room", "quota",
          _project_with(storage_limit=1024**2), _as("admin")),
    Fault("registry.quota-used-up", _("The project's quota is exhausted, and the robot account cannot see it"),
          "registry.push-allowed", "quota is exhausted", _project_with(storage_limit=1)),
    Fault("registry.disk-nearly-full", _("The registry's disk is almost full"), "registry.storage-room", "disk",
          answers=_as("admin")),
    Fault("registry.disk-full", _("The registry's disk fills up during the push")),
)  # fmt: skip
_PUSHING = (
    Fault("registry.read-only", _("The registry is in read-only mode"), "registry.writable", "read-only"),
    Fault("registry.uploads-elsewhere", _("The registry redirects uploads to its internal name"),
          "registry.push-allowed", "another host"),
    Fault("registry.loses-uploads", _("Uploads are lost between the registry's replicas"), "registry.push-allowed",
          "lost an upload"),
    Fault("registry.drops-blobs", _("The registry confirms content that it does not store"), "registry.push-allowed",
          "lacks content"),
    Fault("registry.forgets-images", _("The registry loses images as soon as they are pushed"),
          "registry.push-allowed", "a moment later"),
    Fault("registry.wrong-digest", _("The registry returns wrong digests"), "registry.push-allowed", "returned digest"),
    Fault("registry.changes-content", _("A proxy changes content that is pulled"), "registry.pull-allowed",
          "changes the content"),
    Fault("registry.prevents-vulnerable", _("The project rejects pulls of images that have not been scanned"),
          "registry.pull-allowed", "Prevent vulnerable", _project_with(prevent_vul=True)),
    Fault("registry.content-trust", _("The project rejects pulls of images that are not signed"),
          "registry.pull-allowed", "Cosign", _project_with(enable_content_trust_cosign=True)),
    Fault("registry.mount-unsupported", _("The registry does not mount layers across repositories"), "registry.mount", "202"),
    Fault("registry.shallow-names", _("The registry accepts only repositories with two levels"), "registry.nested-names",
          "as deep as"),
    Fault("registry.body-limit", _("A proxy in front of the registry limits requests to 1 MiB"),
          "registry.large-layers", "client_max_body_size"),
    Fault("registry.body-limit-small", _("A proxy in front of the registry limits requests to almost nothing"),
          "registry.large-layers", "Layers cannot reach the registry"),
    Fault("registry.no-patch", _("A proxy in front of the registry limits requests and does not support PATCH"),
          "registry.large-layers", "405"),
    Fault("registry.immutable-tags", _("The project's tags are immutable"), "registry.tags-movable", "immutab",
          _project_with(immutable_tags=True)),
)  # fmt: skip

VARIANTS = (
    Variant("healthy.registry-path", _("The images are pushed to a path within the project"),
            answers=_at(f"%(host)s/{PROJECT}/eu/one")),
    Variant("healthy.registry-administrator", _("A registry administrator pushes, and can see the disk space"),
            answers=_as("admin")),
    Variant("healthy.registry-quota", _("The project has a sufficient quota, and a developer pushes"),
            _project_with(storage_limit=10 * 1024**4), _as("developer")),
    Variant("healthy.registry-address", _("The registry was entered as an IP address instead of a name"),
            answers=_with_address),
    Variant("healthy.registry-quay", _("The registry is a Quay"), _like(products.QUAY)),
    Variant("healthy.registry-gitea", _("The registry is a Gitea, with two challenges in one answer"),
            _like(products.GITEA)),
    Variant("healthy.registry-gitlab", _("The registry is GitLab's, with challenges without quotes"),
            _like(products.GITLAB)),
    Variant("healthy.registry-nexus", _("The registry is a Nexus"), _like(products.NEXUS)),
)  # fmt: skip
FAULTS = (*_REACHING, *_USERS, *_PRODUCTS, *_ROOM, *_PUSHING)
