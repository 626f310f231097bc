"""Certificates as people paste and upload them into the fields of a page."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from installer_tasks import saved_answers
from installer_tasks.models import Installation
from tests.unit.x509 import make, same_extension_twice
from tests.web.people import note_of, signed_in, text_of

pytestmark = pytest.mark.django_db

ROOT = make("root", ca=True)
REGISTRY = {"project": "harbor.example.com/tmc", "username": "robot$tmc", "password": "canary-password", "ca": ""}


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


@pytest.mark.parametrize("kind", ["der", "latin1 comment", "utf-16", "one line"])
def test_an_authority_may_be_uploaded_in_any_form(client: Client, installation: Installation, kind: str) -> None:
    content = {
        "der": ROOT.der,
        "latin1 comment": "Müller\n".encode("latin-1") + ROOT.pem.encode(),
        "utf-16": ROOT.pem.encode("utf-16"),
        "one line": ROOT.pem.replace("\n", " ").encode(),
    }[kind]
    file = SimpleUploadedFile("root.cer", content)
    answer = post(client, installation, "registry", {"ca_file": file, "ca": ""}, only="ca")
    assert "saved" in text_of(answer)
    assert installation.plain_answers()["registry.ca"] == ROOT.pem


@pytest.mark.parametrize("pasted", [True, False])
def test_a_broken_certificate_is_told_at_its_field(client: Client, installation: Installation, pasted: bool) -> None:
    """The library's exceptions for it are no ValueError."""
    broken = same_extension_twice()
    for only in ("", "ca"):
        data = {"ca": broken.pem} if pasted else {"ca": "", "ca_file": SimpleUploadedFile("root.cer", broken.der)}
        answer = post(client, installation, "registry", {**REGISTRY, **data}, only=only)
        assert "has the extension basicConstraints (2.5.29.19) twice" in text_of(answer)
        assert "Issue it again" in text_of(answer)
        if not only:
            assert answer.status_code == 422
            assert "twice" in note_of(answer, "ca")


def test_a_key_in_place_of_an_authority_is_not_repeated(client: Client, installation: Installation) -> None:
    key = ROOT.key_pem().replace("\n", " ")
    for only in ("", "ca"):
        answer = post(client, installation, "registry", {**REGISTRY, "ca": key}, only=only)
        assert "This is a private key" in text_of(answer)
        assert key.split()[3][:20] not in answer.content.decode()
