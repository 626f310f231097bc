"""How to set up a provider of a known kind, as the identity page says it."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from installer_tasks import saved_answers
from installer_tasks.models import Installation
from tests.web.people import signed_in
from wizard.steps.identity_presets import PRESETS, Preset

pytestmark = pytest.mark.django_db


@pytest.fixture
def installation() -> Installation:
    return saved_answers.create_installation("Contoso")


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.slug)
def test_how_to_set_up_a_provider_of_a_known_kind_is_on_the_page(
    client: Client, installation: Installation, preset: Preset
) -> None:
    page = client.get(reverse("step", args=[installation.pk, "identity"]))
    html = page.content.decode()
    body = html.partition(f'id="preset-{preset.slug}">')[2].partition("</details>")[0]
    shown = unescape(re.sub(r"<[^>]+>", " ", body))
    assert f"<summary>{preset.name}</summary>" in body
    assert f'<details class="preset only-{preset.kind}" id="preset-{preset.slug}">' in html
    assert (f"<code>{preset.issuer}</code>" in body) is bool(preset.issuer)
    assert ("Issuer URL" in shown) is bool(preset.issuer)
    assert re.findall(r"<li>(.*?)</li>", body) == [escape(str(line)) for line in preset.steps]


def test_the_kinds_of_providers_are_those_that_teams_have() -> None:
    kinds = [preset.slug for preset in PRESETS]
    assert kinds == [
        "okta",
        "keycloak",
        "dex",
        "gitlab",
        "entra",
        "adfs",
        "workspace-one",
        "active-directory",
        "openldap",
    ]


@pytest.mark.parametrize("preset", [preset for preset in PRESETS if preset.issuer], ids=lambda preset: preset.slug)
def test_what_a_preset_says_to_enter_is_taken(client: Client, installation: Installation, preset: Preset) -> None:
    lines = " ".join(str(line) for line in preset.steps)
    named = re.search(r"Name the scopes on this page.*?: ([a-z_, ]+)\.", lines)
    claim = re.search(r"Name (\w+) as the groups claim", lines)
    entered = {"issuer_url": preset.issuer}
    entered |= {"scopes": named[1]} if named else {}
    entered |= {"groups_claim": claim[1]} if claim else {}
    client.post(reverse("step", args=[installation.pk, "identity"]), entered)
    kept = {key.removeprefix("identity."): value for key, value in installation.plain_answers().items()}
    assert kept["issuer_url"] == preset.issuer
    assert kept.get("scopes", "") == (named[1].replace(" ", "") if named else "")
    assert kept.get("groups_claim", "groups") == (claim[1] if claim else "groups")
