"""The download and its SHA-256 on the page: of a checksum file, the line of this download is kept."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from installer_tasks import saved_answers
from installer_tasks.models import Installation
from tests.web.people import note_of, signed_in, text_of

pytestmark = pytest.mark.django_db

VALID = {"path": "/tmp", "release": "1.4.1"}


@pytest.fixture
def installation() -> Installation:
    return saved_answers.create_installation("Contoso")


@pytest.fixture
def client() -> Client:
    return signed_in()


def post(client: Client, installation: Installation, data: dict[str, Any], only: str = "") -> HttpResponse:
    path = reverse("step", args=[installation.pk, "bundle"])
    headers = {"HX-Request": "true"} if only else {}
    return client.post(f"{path}?only={only}" if only else path, data, headers=headers)  # type: ignore[return-value]


LISTED = f"{'ab' * 32}  ./other.tar\n{'cd' * 32} *hostname\n{'ef' * 32}  tmc_self_managed_1.4.1.tar\n"


def test_of_a_checksum_file_the_line_of_the_download_is_kept(client: Client, installation: Installation) -> None:
    """Of the file that is entered with it or was before; else of the name that the release has."""
    data = {**VALID, "checksum": LISTED}
    assert "lists several files" in note_of(post(client, installation, {**data, "release": "1.4.5"}), "checksum")
    assert post(client, installation, data).status_code == 302
    assert installation.plain_answers()["bundle.checksum"] == f"{'ef' * 32}  tmc_self_managed_1.4.1.tar"
    uploaded = SimpleUploadedFile("SHA256SUMS", LISTED.encode())
    data = {**VALID, "archive": "/etc/hostname", "checksum": "", "checksum_file": uploaded}
    assert post(client, installation, data).status_code == 302
    assert installation.plain_answers()["bundle.checksum"] == f"{'cd' * 32}  hostname"
    again = post(client, installation, {"checksum": f"{'ab' * 32}  other.tar"}, only="checksum")
    assert "does not list hostname" in text_of(again)
    post(client, installation, {"checksum": "SHA256:" + "AB" * 32}, only="checksum")
    assert installation.plain_answers()["bundle.checksum"] == "ab" * 32
