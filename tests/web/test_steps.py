"""Steps: saved as a whole or field by field; each mistake is told at its field and nothing else is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from installer_tasks import answer_keys, saved_answers
from installer_tasks.errors import InputError
from installer_tasks.models import Installation, Observation, Source
from installer_tasks.preflight import findings
from tests.unit.pems import self_signed
from tests.web.people import note_of, signed_in, text_of
from wizard import steps

pytestmark = pytest.mark.django_db

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: two
clusters: [{name: c, cluster: {server: "https://127.0.0.1:6443"}}]
contexts: [{name: one, context: {cluster: c, user: u}}, {name: two, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: canary-kube-token}}]
"""
REGISTRY = {"project": "harbor.example.com/tmc", "username": "robot$tmc", "password": "canary-password", "ca": ""}
IDENTITY = {"issuer_url": "https://idp.example.com/realms/tmc", "client_id": "tmc", "client_secret": "canary-secret"}

VALID = {
    "bundle": {"path": "/tmp", "release": "1.4.1"},
    "cluster": {"kubeconfig": KUBECONFIG, "context": "one"},
    "dns": {"zone": "tmc.example.com"},
    "identity": IDENTITY,
    "registry": {**REGISTRY, "ca": self_signed("x").certificate},
    "certificates": {"cluster_issuer": "local-issuer", "ca": self_signed("x").certificate},
    "services": {
        "postgres_password": "canary-postgres",
        "minio_password": "canary-minio",
        "redis_password": "canary-redis",
    },
}


@pytest.fixture
def installation() -> Installation:
    return saved_answers.create_installation("Contoso")


@pytest.fixture
def client() -> Client:
    return signed_in()


def post(client: Client, installation: Installation, step: str, data: dict[str, Any], only: str = "") -> HttpResponse:
    path = reverse("step", args=[installation.pk, step])
    headers = {"HX-Request": "true"} if only else {}
    return client.post(f"{path}?only={only}" if only else path, data, headers=headers)  # type: ignore[return-value]


def answers_of(installation: Installation) -> dict[str, str]:
    return installation.plain_answers()


@pytest.mark.parametrize("step", answer_keys.STEPS)
def test_every_answer_has_a_field_on_its_page(client: Client, installation: Installation, step: str) -> None:
    html = client.get(reverse("step", args=[installation.pk, step])).content.decode()
    for key in answer_keys.of_step(step):
        assert f'name="{key.field}"' in html
        assert f'id="{key.field}-note"' in html
    assert set(steps.BY_SLUG[step].form.base_fields) == {k.field for k in answer_keys.of_step(step)}


@pytest.mark.parametrize("step", answer_keys.STEPS)
def test_every_page_says_who_to_ask_what(client: Client, installation: Installation, step: str) -> None:
    page = text_of(client.get(reverse("step", args=[installation.pk, step])))
    assert str(steps.BY_SLUG[step].owner) in page
    for question in steps.BY_SLUG[step].ask:
        assert str(question) in page


def test_saving_a_step_keeps_it_and_has_it_checked(client: Client, installation: Installation) -> None:
    answer = post(client, installation, "registry", REGISTRY)
    assert answer.status_code == 302
    assert answers_of(installation) == {f"registry.{name}": value for name, value in REGISTRY.items() if value}
    assert Observation.objects.get(system="registry").running
    assert installation.answers.get(key="registry.project").changed_by is not None


def test_what_is_wrong_is_told_and_the_rest_is_kept(client: Client, installation: Installation) -> None:
    answer = post(client, installation, "registry", {**REGISTRY, "project": "https://harbor.example.com/tmc/"})
    assert answer.status_code == 422
    note = note_of(answer, "project")
    assert "begins with https://" in note
    assert "Value: https://harbor.example.com/tmc/" in note
    assert "Enter host[:port]/project" in note
    assert sorted(answers_of(installation)) == ["registry.password", "registry.username"]
    assert not Observation.objects.exists()


def test_the_first_wrong_field_gets_the_focus(client: Client, installation: Installation) -> None:
    html = post(client, installation, "registry", {**REGISTRY, "username": "a b", "project": "x"}).content.decode()
    focused = re.findall(r"<(?:input|textarea)[^>]*\bautofocus\b[^>]*>", html)
    assert len(focused) == 1
    assert 'name="project"' in focused[0]
    assert '<a href="#project">' in html


def test_missing_answers_are_told_one_by_one(client: Client, installation: Installation) -> None:
    answer = post(client, installation, "identity", {})
    assert answer.status_code == 422
    for field in ("issuer_url", "client_id", "client_secret"):
        assert "This field is required." in note_of(answer, field)
    assert "required" not in note_of(answer, "scopes")


WRONG = [
    ("bundle", "path", "tmc", "tmc is not an absolute path"),
    ("bundle", "path", "/no/such/folder", "Folder /no/such/folder does not exist"),
    ("bundle", "path", "/etc/hostname", "is a file. Unpack it"),
    ("bundle", "archive", "tmc.tar", "tmc.tar is not an absolute path"),
    ("bundle", "archive", "/no/such.tar", "File /no/such.tar does not exist"),
    ("bundle", "archive", "/etc", "/etc is not a file"),
    ("bundle", "checksum", "0" * 32, "The checksum is MD5, not SHA-256"),
    ("bundle", "checksum", "0" * 63, "A SHA-256 has 64 digits; this has 63"),
    ("bundle", "checksum", "sha256sum tmc.tar", "neither a SHA-256 nor a checksum file"),
    ("bundle", "release", "newest", "not one of the options"),
    ("cluster", "kubeconfig", "a: [", "YAML"),
    ("cluster", "kubeconfig", "kind: Pod\nclusters: []", "This YAML is not a kubeconfig"),
    ("cluster", "kubeconfig", "-----BEGIN CERTIFICATE-----", "PEM certificate or key"),
    ("cluster", "kubeconfig", KUBECONFIG.replace("{token: canary-kube-token}", "{exec: {command: aws}}"), "exec"),
    ("cluster", "kubeconfig", KUBECONFIG.replace("token:", "tokenFile:"), "file"),
    ("dns", "zone", "my zone", "space"),
    ("dns", "zone", "https://tmc.example.com", "a URL and not a zone"),
    ("dns", "server", "ns.example.com", "entered by its IP address"),
    ("identity", "issuer_url", "http://idp.example.com", "http"),
    ("identity", "issuer_url", "https://idp.example.com/.well-known/openid-configuration", "discovery document"),
    ("identity", "ca", self_signed("x").key, "private key"),
    ("registry", "project", "harbor.example.com", "contains no project"),
    ("registry", "ca", "nonsense", "no certificate"),
    ("certificates", "cluster_issuer", "Local Issuer", "lowercase letters"),
    ("certificates", "ca", self_signed("x").key, "private key"),
    ("services", "postgres_max_connections", "many", "whole number"),
    ("services", "load_balancer_ip", "10.0.0.256", "not an IP address"),
    ("services", "load_balancer_ip", "0.0.0.0", "unspecified address"),
    ("services", "load_balancer_ip", "127.0.0.1", "loopback address"),
    ("services", "load_balancer_ip", "192.0.2.9", "for documentation only"),
    ("services", "service_type", "Ingress", "not one of the options"),
    ("services", "minio_username", "x", "fewer than three"),
]


@pytest.mark.parametrize(("step", "field", "value", "words"), WRONG)
def test_wrong_values_are_told_at_their_field_and_not_kept(
    client: Client, installation: Installation, step: str, field: str, value: str, words: str
) -> None:
    whole = post(client, installation, step, {field: value})
    alone = post(client, installation, step, {field: value}, only=field)
    assert whole.status_code == 422
    assert words in note_of(whole, field)
    assert words in text_of(alone)
    assert "data-problem" in alone.content.decode()
    assert f"{step}.{field}" not in answers_of(installation)


@pytest.mark.parametrize(("step", "field", "value", "words"), WRONG)
def test_the_command_line_says_the_same(
    installation: Installation, step: str, field: str, value: str, words: str
) -> None:
    with pytest.raises(InputError) as raised:
        steps.validate(installation, step, {**VALID[step], field: value})
    assert raised.value.field == f"{step}.{field}"
    assert words in str(raised.value.cause)


@pytest.mark.parametrize("step", answer_keys.STEPS)
def test_the_command_line_takes_what_the_page_takes(client: Client, installation: Installation, step: str) -> None:
    given = steps.validate(installation, step, VALID[step])
    assert post(client, installation, step, VALID[step]).status_code == 302
    assert answers_of(installation) == given


ODD = ["\x00", "𝕏x", "<script>alert(1)</script>", "%(x)s %s", "\ud800", " " * 10, "-" * 5000]


@pytest.mark.parametrize("step", answer_keys.STEPS)
@pytest.mark.parametrize("value", ODD, ids=ascii)
def test_no_text_breaks_a_page(client: Client, installation: Installation, step: str, value: str) -> None:
    path = reverse("step", args=[installation.pk, step])
    body = urlencode({key.field: value.encode("utf-8", "surrogatepass") for key in answer_keys.of_step(step)})
    answer = client.post(path, body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code in (302, 422)
    assert "<script>alert" not in answer.content.decode()
    assert client.get(path).status_code == 200


def test_a_field_saved_by_itself_leaves_the_others_alone(client: Client, installation: Installation) -> None:
    post(client, installation, "registry", REGISTRY)
    answer = post(client, installation, "registry", {"username": "other"}, only="username")
    assert "saved" in text_of(answer)
    found = answers_of(installation)
    assert found["registry.username"] == "other"
    assert found["registry.project"] == REGISTRY["project"]


def test_a_field_saved_by_itself_asks_nobody_outside(client: Client, installation: Installation) -> None:
    """A half-typed pair of user and password must not lock an account."""
    post(client, installation, "registry", {"username": "robot"}, only="username")
    assert not Observation.objects.exists()


def test_emptying_an_optional_answer_forgets_it(client: Client, installation: Installation) -> None:
    post(client, installation, "dns", {"zone": "tmc.example.com", "server": "10.0.0.53"})
    post(client, installation, "dns", {"server": ""}, only="server")
    assert answers_of(installation) == {"dns.zone": "tmc.example.com"}


def test_a_default_that_nobody_changed_stays_a_default(client: Client, installation: Installation) -> None:
    post(client, installation, "identity", {**IDENTITY, "groups_claim": "groups", "admin_group": "admins"})
    kept = set(answers_of(installation))
    assert "identity.groups_claim" not in kept
    assert "identity.admin_group" in kept


def test_secrets_are_never_rendered_again(client: Client, installation: Installation) -> None:
    post(client, installation, "registry", REGISTRY)
    post(client, installation, "identity", IDENTITY)
    post(client, installation, "cluster", {"kubeconfig": KUBECONFIG})
    pages = [client.get(reverse("step", args=[installation.pk, step])) for step in answer_keys.STEPS]
    pages += [client.get(reverse(name, args=[installation.pk])) for name in ("review", "delete")]
    pages.append(post(client, installation, "registry", {**REGISTRY, "project": "wrong", "password": "canary-typed"}))
    pages.append(post(client, installation, "cluster", {"kubeconfig": "a: [ canary-typed"}))
    for page in pages:
        assert "canary" not in page.content.decode()
    assert "Saved. Leave empty to keep it." in pages[4].content.decode()


def test_an_empty_secret_keeps_what_is_there(client: Client, installation: Installation) -> None:
    post(client, installation, "registry", REGISTRY)
    assert post(client, installation, "registry", {**REGISTRY, "password": ""}).status_code == 302
    assert answers_of(installation)["registry.password"] == REGISTRY["password"]


def test_a_password_keeps_its_blanks(client: Client, installation: Installation) -> None:
    post(client, installation, "registry", {**REGISTRY, "password": " two blanks "})
    assert answers_of(installation)["registry.password"] == " two blanks "


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_kubeconfig_may_be_uploaded(client: Client, installation: Installation, encoding: str) -> None:
    file = SimpleUploadedFile("config", KUBECONFIG.encode(encoding))
    answer = post(client, installation, "cluster", {"kubeconfig_file": file, "kubeconfig": ""}, only="kubeconfig")
    assert "saved" in text_of(answer)
    assert answers_of(installation)["cluster.kubeconfig"] == KUBECONFIG
    # Its contexts are offered at once, the current one is taken.
    assert 'hx-swap-oob="outerHTML"' in answer.content.decode()
    assert re.search(r'value="two" checked', answer.content.decode())
    assert installation.answers.get(key="cluster.context").source == Source.FOUND


def test_a_context_of_another_file_is_refused_with_the_choices(client: Client, installation: Installation) -> None:
    post(client, installation, "cluster", {"kubeconfig": KUBECONFIG})
    answer = post(client, installation, "cluster", {"context": "__other__", "context_other": "three"})
    note = note_of(answer, "context")
    assert "has no context with this name" in note
    assert "one, two" in note


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"x" * (80 * 1024 * 1024), "big.bin", "big.bin, 80.0 MiB"),
        (bytes(range(256)), "a.p12", "This file is not text."),
        (b"", "empty", "required"),
    ],
)
def test_a_file_that_cannot_be_one_is_told_at_its_field(
    client: Client, installation: Installation, content: bytes, name: str, words: str
) -> None:
    file = SimpleUploadedFile(name, content)
    answer = post(client, installation, "cluster", {"kubeconfig_file": file, "kubeconfig": "", "context": "x"})
    assert answer.status_code == 422
    assert words in note_of(answer, "kubeconfig")


def test_too_much_text_is_answered_with_a_page(client: Client, installation: Installation) -> None:
    data = {"kubeconfig": "x" * (3 * 1024 * 1024)}
    page = post(client, installation, "cluster", data)
    note = post(client, installation, "cluster", data, only="kubeconfig")
    assert (page.status_code, note.status_code) == (413, 413)
    assert "upload is too large" in text_of(page)
    assert "data-problem" in note.content.decode()


def test_a_text_beyond_a_megabyte_is_told_at_its_field(client: Client, installation: Installation) -> None:
    answer = post(client, installation, "registry", {**REGISTRY, "ca": "x" * (1024 * 1024 + 1)})
    assert "larger than 1.0 MiB" in note_of(answer, "ca")


@pytest.fixture
def generated(client: Client, installation: Installation) -> Iterator[HttpResponse]:
    path = reverse("generate", args=[installation.pk, "services", "minio_password"])
    yield client.post(path, headers={"HX-Request": "true"})  # type: ignore[misc]


def test_a_password_is_generated_sealed_and_not_shown(installation: Installation, generated: HttpResponse) -> None:
    password = answers_of(installation)["services.minio_password"]
    assert len(password) >= 24
    assert password not in generated.content.decode()
    assert "Generated and sealed" in text_of(generated)
    assert installation.answers.get(key="services.minio_password").value == ""


@pytest.mark.parametrize(("step", "name"), [("registry", "password"), ("services", "size"), ("services", "nothing")])
def test_only_what_may_be_generated_is(client: Client, installation: Installation, step: str, name: str) -> None:
    assert client.post(reverse("generate", args=[installation.pk, step, name])).status_code == 404


def test_without_a_script_generating_comes_back_to_the_page(client: Client, installation: Installation) -> None:
    path = reverse("generate", args=[installation.pk, "services", "postgres_password"])
    assert client.post(path)["Location"] == reverse("step", args=[installation.pk, "services"])


def test_issuers_found_in_the_cluster_are_offered(client: Client, installation: Installation) -> None:
    issuers = [
        {"name": "ca", "kind": "ca", "ready": True, "message": ""},
        {"name": "acme", "kind": "acme", "ready": False, "message": "no account"},
    ]
    facts = {"issuers": {"ok": True, "value": issuers}}
    Observation.objects.create(installation=installation, system="certificates", facts=facts)
    page = client.get(reverse("options", args=[installation.pk, "certificates", "cluster_issuer"])).content.decode()
    assert 'value="ca"' in page
    assert "not ready: no account" in page
    assert 'name="cluster_issuer_other"' in page  # and still another one may be typed


def test_issuers_are_looked_for_once_the_cluster_is_known(client: Client, installation: Installation) -> None:
    path = reverse("step", args=[installation.pk, "certificates"])
    client.get(path)
    assert not Observation.objects.exists()
    saved_answers.save_answers(installation, {"cluster.kubeconfig": KUBECONFIG})
    client.get(path)
    client.get(path)
    assert Observation.objects.get().system == "certificates"


def test_the_records_to_create_are_written_out(client: Client, installation: Installation) -> None:
    saved_answers.save_answers(installation, {"dns.zone": "tmc.acme.test", "services.load_balancer_ip": "10.1.2.3"})
    html = client.get(reverse("step", args=[installation.pk, "dns"])).content.decode()
    assert re.search(r"pinniped-supervisor\.tmc\.acme\.test\.\s+IN A\s+10\.1\.2\.3", html)


def test_the_page_remembers_where_the_person_was(client: Client, installation: Installation) -> None:
    client.get(reverse("step", args=[installation.pk, "identity"]))
    installation.refresh_from_db()
    assert installation.step == "identity"


def test_going_on_is_offered_once_the_step_is_proven(
    client: Client, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = reverse("step", args=[installation.pk, "dns"])
    assert "next-action" not in client.get(path).content.decode()
    monkeypatch.setattr(findings, "step_state", lambda _installation, _step: "proven")
    page = text_of(client.get(path))
    assert "Continue: Identity provider" in page


def test_check_again_asks_for_another_look(client: Client, installation: Installation) -> None:
    client.post(reverse("check", args=[installation.pk, "dns"]))
    assert Observation.objects.get(system="dns").running


@pytest.mark.parametrize("path", ["steps/nothing/", "steps/dns/options/nothing/"])
def test_no_page_for_what_is_not_there(client: Client, installation: Installation, path: str) -> None:
    assert client.get(f"/installations/{installation.pk}/{path}").status_code == 404
    assert post(client, installation, "dns", {}, only="nothing").status_code == 404
