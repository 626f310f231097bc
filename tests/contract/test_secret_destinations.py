"""A secret belongs to the address, and the authority, that it was given for: another one never sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from installer_tasks import answer_keys, saved_answers
from installer_tasks.errors import InputError
from installer_tasks.models import Installation, Source
from installer_tasks.plan import Plan
from installer_tasks.preflight import collecting
from installer_tasks.systems.cluster import credentials
from tests.answers import ANSWERS, WITH_DIRECTORY
from tests.contract.eavesdropper import ROOT, Heard, listening
from tests.unit.x509 import make
from tests.web.people import note_of, signed_in, text_of
from wizard import headless

pytestmark = pytest.mark.django_db

OTHER_CA = make("another", ca=True).pem
Answers = dict[str, str]


def kubeconfig(server: str, ca: str, token: str = "canary-kube-token") -> str:
    cluster = {"server": f"https://{server}", "certificate-authority-data": credentials.encode(ca)}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "practice",
            "contexts": [{"name": "practice", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": token}}],
        }
    )


@dataclass(frozen=True)
class System:
    """`place` gives its answers from an address and an authority."""

    answers: Answers
    address: str
    authority: str
    secret: str
    place: Callable[[str, str], Answers]

    @property
    def step(self) -> str:
        return self.address.partition(".")[0]

    @property
    def needed(self) -> str:
        return self.secret.partition(".")[0]


SYSTEMS = {
    "registry": System(ANSWERS, "registry.project", "registry.ca", "registry.password",
                       lambda at, ca: {"registry.project": f"{at}/tmc", "registry.ca": ca}),
    "provider": System(ANSWERS, "identity.issuer_url", "identity.ca", "identity.client_secret",
                       lambda at, ca: {"identity.issuer_url": f"https://{at}", "identity.ca": ca}),
    "directory": System(WITH_DIRECTORY, "identity.ldap_host", "identity.ldap_ca", "identity.ldap_password",
                        lambda at, ca: {"identity.ldap_host": at, "identity.ldap_ca": ca}),
    "cluster": System(ANSWERS, "cluster.kubeconfig", "cluster.kubeconfig", "services.postgres_password",
                      lambda at, ca: {"cluster.kubeconfig": kubeconfig(at, ca, "another-token")}),
}  # fmt: skip
CHANGES = {"address": lambda at: ("elsewhere.example", ROOT.pem), "authority": lambda at: (at, OTHER_CA)}


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    with listening(tmp_path) as found:
        yield found


@pytest.fixture
def client() -> Client:
    return signed_in()


def answered(system: System, at: str, ca: str) -> Installation:
    installation = saved_answers.create_installation("Contoso")
    usual = {
        "cluster.kubeconfig": kubeconfig("cluster.example", OTHER_CA),
        "registry.ca": "",
        "certificates.ca": ROOT.pem,
    }
    saved_answers.save_answers(
        installation, {**system.answers, **usual, "identity.ldap_test_password": "", **system.place(at, ca)}
    )
    return installation


def by_form(client: Client, installation: Installation, changed: Answers) -> None:
    """The whole page of the step, its secrets empty as they always come."""
    step = next(iter(changed)).partition(".")[0]
    kept = {row.key: row.value for row in installation.answers.filter(key__startswith=f"{step}.", sealed="")}
    sent = {key.partition(".")[2]: value for key, value in {**kept, **changed}.items()}
    client.post(reverse("step", args=[installation.pk, step]), sent)


def by_field(client: Client, installation: Installation, changed: Answers) -> None:
    for key, value in changed.items():
        step, _dot, name = key.partition(".")
        url = reverse("step", args=[installation.pk, step])
        client.post(f"{url}?only={name}", {name: value}, headers={"HX-Request": "true"})


def by_upload(client: Client, installation: Installation, changed: Answers) -> None:
    for key, value in changed.items():
        step, _dot, name = key.partition(".")
        url = reverse("step", args=[installation.pk, step])
        file = f"{name}_file" if "\n" in value else name
        sent = SimpleUploadedFile("file.pem", value.encode()) if "\n" in value else value
        client.post(f"{url}?only={name}", {file: sent}, headers={"HX-Request": "true"})


def by_command(_client: Client, installation: Installation, changed: Answers) -> None:
    """As `manage.py install --installation N --answers FILE` does; nothing is looked at before it refuses."""
    with pytest.raises(InputError) as refused:
        headless.walk(installation, changed, print)
    assert refused.value.code == "secret-needed-again", (refused.value.field, str(refused.value.cause))


def by_what_was_found(_client: Client, installation: Installation, changed: Answers) -> None:
    """As a fix does, and as a form does with what it found out itself."""
    saved_answers.save_answers(installation, changed, source=Source.FOUND)


WAYS = {
    "form": by_form, "field": by_field, "upload": by_upload, "command": by_command, "found": by_what_was_found
}  # fmt: skip


def look(installation: Installation, system: System) -> None:
    for step in {system.step, system.needed}:
        collecting.collect_and_judge(installation.pk, step)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_another_address_or_authority_never_sees_the_secret(
    system: System, change: Callable[[str], tuple[str, str]], way: Callable[..., None], heard: Heard, client: Client
) -> None:
    installation = answered(system, *change(heard.at))
    secret = system.answers[system.secret]
    assert installation.plain_answers()[system.secret] == secret
    before = system.place(*change(heard.at))
    new = {key: value for key, value in system.place(heard.at, ROOT.pem).items() if value != before[key]}
    way(client, installation, new)
    installation.refresh_from_db()
    assert system.secret not in installation.plain_answers()
    assert system.secret in installation.needed_again
    with pytest.raises(InputError):
        Plan.from_answers(installation.plain_answers())
    look(installation, system)
    assert heard.sent, "the new address was asked"
    assert not heard.has(secret)
    page = client.get(reverse("step", args=[installation.pk, system.needed]))
    assert "has changed. Enter it again" in note_of(page, system.secret.partition(".")[2])


@pytest.mark.parametrize("name", ["registry", "provider", "directory"])
def test_what_listens_there_would_have_heard_it(name: str, heard: Heard) -> None:
    """Given again for the new address it is sent there: the test above looks where it would be seen."""
    system = SYSTEMS[name]
    installation = answered(system, "elsewhere.example", ROOT.pem)
    saved_answers.save_answers(installation, system.place(heard.at, ROOT.pem))
    saved_answers.save_answers(installation, {system.secret: system.answers[system.secret]})
    assert installation.needed_again == {}
    look(installation, system)
    assert heard.has(system.answers[system.secret])


def test_a_changed_address_asks_for_the_secret_on_the_same_page(client: Client) -> None:
    installation = answered(SYSTEMS["registry"], "harbor.example.com", ROOT.pem)
    url = reverse("step", args=[installation.pk, "registry"])
    sent = {"project": "other.example.com/tmc", "username": "robot", "ca": ROOT.pem}
    refused = client.post(url, sent)
    assert refused.status_code == 422
    assert "Removed because “Registry project” has changed. Enter it again, for the new address." in text_of(refused)
    assert client.post(url, {**sent, "password": "canary-registry-password"}).status_code == 302
    installation.refresh_from_db()
    assert installation.needed_again == {}


def test_a_field_that_is_saved_by_itself_says_which_secrets_are_needed_again(client: Client) -> None:
    installation = answered(SYSTEMS["cluster"], "cluster.example", ROOT.pem)
    url = reverse("step", args=[installation.pk, "cluster"])
    sent = {"kubeconfig": kubeconfig("other.example", ROOT.pem)}
    words = text_of(client.post(f"{url}?only=kubeconfig", sent, headers={"HX-Request": "true"}))
    for label in ("Client secret", "PostgreSQL password", "MinIO password"):
        assert f"{label}: Removed because “Kubeconfig” has changed." in words


@pytest.mark.parametrize(
    "same",
    [
        {"registry.project": "HARBOR.example.com/another"},
        {"registry.username": "somebody-else"},
        {"cluster.kubeconfig": kubeconfig("cluster.example", OTHER_CA, "renewed-token")},
        {"services.minio_username": "other"},
    ],
    ids=["another project", "another user", "renewed kubeconfig", "no destination"],
)
def test_the_same_destination_keeps_its_secret(same: Answers) -> None:
    installation = answered(SYSTEMS["registry"], "harbor.example.com", ROOT.pem)
    saved_answers.save_answers(installation, same)
    assert installation.needed_again == {}
    assert answer_keys.SECRETS & installation.plain_answers().keys() >= {"registry.password", "identity.client_secret"}


def test_a_secret_without_a_destination_is_given_for_the_first_that_is_named() -> None:
    installation = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(installation, {"registry.password": "canary-early"})
    saved_answers.save_answers(installation, {"registry.project": "harbor.example.com/tmc"})
    assert installation.plain_answers()["registry.password"] == "canary-early"
    saved_answers.save_answers(installation, {"registry.project": None})
    assert installation.needed_again == {"registry.password": "registry.project"}


def test_the_audit_says_what_was_removed_and_why() -> None:
    installation = answered(SYSTEMS["registry"], "harbor.example.com", ROOT.pem)
    saved_answers.save_answers(installation, {"registry.project": "other.example.com/tmc"})
    entry = installation.audit.get(action="secrets.taken-back")
    assert entry.detail == {"keys": ["registry.password"], "because": ["registry.project"]}
