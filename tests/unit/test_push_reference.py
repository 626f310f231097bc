"""Where images are pushed to: what a person may type, and what is said about the rest."""

from __future__ import annotations

import pytest

from installer_tasks.errors import InputError
from installer_tasks.systems.registry import Reference, RegistryClient


@pytest.mark.parametrize(
    ("value", "host", "path", "project"),
    [
        ("harbor.example.com/tmc", "harbor.example.com", "tmc", "tmc"),
        ("Harbor.Example.com:8443/tmc/images", "harbor.example.com:8443", "tmc/images", "tmc"),
        (" localhost:5000/a-b__c/d.e ", "localhost:5000", "a-b__c/d.e", "a-b__c"),
        ("[::1]:5000/tmc", "[::1]:5000", "tmc", "tmc"),
    ],
)
def test_what_is_right(value: str, host: str, path: str, project: str) -> None:
    reference = Reference.parse(value)
    assert (reference.host, reference.path, reference.project) == (host, path, project)
    assert str(reference) == f"{host}/{path}"
    assert reference.repository("package-repository") == f"{path}/package-repository"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("https://harbor.example.com/tmc", "https://"),
        ("harbor.example.com/tmc/", "slash"),
        ("harbor.example.com", "no project"),
        ("harbor.example.com/", "slash"),
        ("harbor example/tmc", "host name"),
        ("harbor.example.com:99999/tmc", "host name"),
        ("harbor.example.com/TMC", "lowercase"),
        ("harbor.example.com/tmc//x", "lowercase"),
        ("harbor.example.com/tmc:1.4.1", "lowercase"),
        ("harbor.example.com/../tmc", "lowercase"),
        ("", "no project"),
    ],
)
def test_what_is_wrong_is_said(value: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        Reference.parse(value)
    assert said in str(caught.value.cause)
    assert caught.value.field == "registry.project"


def test_a_password_in_the_address_is_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        Reference.parse("https://admin:hunter2@harbor.example.com/tmc")
    assert "hunter2" not in str(caught.value.as_json())


@pytest.mark.parametrize("pem", ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate(pem: str) -> None:
    with pytest.raises(InputError) as caught:
        RegistryClient("harbor.example.com", ca_pem=pem)
    assert caught.value.field == "registry.ca"


def test_plain_http_is_for_this_machine_only() -> None:
    with pytest.raises(InputError):
        RegistryClient("harbor.example.com", plain_http=True)


def test_a_client_does_not_show_its_password() -> None:
    client = RegistryClient("harbor.example.com", "admin", "hunter2")
    assert "hunter2" not in repr(client) + repr(client.transport) + repr(vars(client))
