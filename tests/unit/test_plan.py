from __future__ import annotations

import pytest
import yaml

from installer_tasks import answer_keys, releases
from installer_tasks.errors import InputError
from installer_tasks.plan import MASK, Plan
from tests.answers import ANSWERS, CA, CANARIES, OF_THE_DIRECTORY, WITH_DIRECTORY


def test_values_are_valid_for_the_release() -> None:
    assert Plan.from_answers(ANSWERS).schema_errors() == ()


def test_values_carry_every_answer_that_the_package_wants() -> None:
    values = yaml.safe_load(Plan.from_answers(ANSWERS).values_yaml(masked=False))
    assert values["harborProject"] == "harbor.example.com/tmc"
    assert values["postgres"] == {"userPassword": "canary-postgres-password", "maxConnections": 300}
    assert values["oidc"]["issuerType"] == "pinniped"
    assert list(values["trustedCAs"]) == ["tmc-ca.pem"], "the same PEM twice is one entry"


def test_a_provider_is_all_that_is_written_of_identity() -> None:
    values = Plan.from_answers(ANSWERS | {"identity.ldap_host": "dc1.corp.example"}).values()
    assert list(values)[4:8] == ["authenticationType", "idpGroupRoles", "oidc", "postgres"]
    assert (values["authenticationType"], list(values["oidc"])) == (
        "federated",
        ["issuerType", "issuerURL", "clientID", "clientSecret", "claimGroups"],
    )


def test_a_directory_is_written_as_the_package_wants_it() -> None:
    plan = Plan.from_answers(WITH_DIRECTORY | {"identity.issuer_url": "https://idp.example.com", "identity.ca": "CA"})
    values = yaml.safe_load(plan.values_yaml(masked=False))
    assert plan.schema_errors() == ()
    assert values["authenticationType"] == "ldap"
    assert values["idpGroupRoles"] == {"admin": "tmc-administrators", "member": "tmc-users"}
    assert values["oidc"] == {
        "issuerType": "pinniped",
        "issuerURL": "https://pinniped-supervisor.tmc.example.com/provider/pinniped",
    }
    assert values["ldap"] == {
        "type": "activedirectory",
        "host": "dc1.corp.example:636",
        "username": "CN=svc-tmc,OU=services,DC=corp,DC=example",
        "password": "canary-directory-password",
        "domainName": "corp.example",
        "userBaseDN": "OU=users,DC=corp,DC=example",
        "userSearchFilter": "(&(objectClass=person)(sAMAccountName={}))",
        "userSearchAttributeUsername": "userPrincipalName",
        "groupBaseDN": "OU=groups,DC=corp,DC=example",
        "groupSearchFilter": "(&(objectClass=group)(member={}))",
        "rootCA": CA,
    }
    assert "identity-ca.pem" not in values["trustedCAs"]


def test_the_filters_follow_the_kind_of_directory() -> None:
    ldap = Plan.from_answers(WITH_DIRECTORY | {"identity.ldap_type": "ldap"}).values()["ldap"]
    assert ldap["userSearchFilter"] == "(&(objectClass=inetOrgPerson)(uid={}))"
    assert (ldap["userSearchAttributeUsername"], "groupOfNames" in ldap["groupSearchFilter"]) == ("uid", True)


def test_the_test_user_is_no_part_of_an_installation() -> None:
    shown = Plan.from_answers(WITH_DIRECTORY).values_yaml(masked=False)
    assert "canary-test-password" not in shown
    masked = Plan.from_answers(WITH_DIRECTORY).values_yaml(masked=True)
    assert not [canary for canary in (*CANARIES, *OF_THE_DIRECTORY) if canary in masked]


def test_masked_values_hold_no_secret() -> None:
    text = Plan.from_answers(ANSWERS).values_yaml(masked=True)
    assert not [canary for canary in CANARIES if canary in text]
    assert text.count(MASK) == 3


@pytest.mark.parametrize("password", ["a\"b'c: {x}#%&*!|>", "ünïcode-пароль", "- yes", "0123456789"])
def test_passwords_survive_yaml(password: str) -> None:
    plan = Plan.from_answers({**ANSWERS, "services.minio_password": password})
    assert yaml.safe_load(plan.values_yaml(masked=False))["minio"]["password"] == password


@pytest.mark.parametrize("key", [key.name for key in answer_keys.KEYS if key.required and not key.default])
def test_a_missing_answer_is_named(key: str) -> None:
    whole = ANSWERS if answer_keys.applies(answer_keys.BY_NAME[key], {}) else WITH_DIRECTORY
    if not answer_keys.applies(answer_keys.BY_NAME[key], whole):  # not every release asks for everything
        whole = {**whole, "bundle.release": releases.RELEASES[-1].version}
    answers = {name: value for name, value in whole.items() if name != key}
    with pytest.raises(InputError) as caught:
        Plan.from_answers(answers)
    assert caught.value.field == key


def test_an_unknown_release_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        Plan.from_answers({**ANSWERS, "bundle.release": "9.9"})
    assert caught.value.value == "9.9"
    assert "1.4.1" in str(caught.value.remedy)


def test_schema_errors_name_the_place_and_no_value() -> None:
    plan = Plan.from_answers({**ANSWERS, "services.minio_password": "short"})
    errors = [str(error) for error in plan.schema_errors()]
    assert errors == ["minio.password: minLength 8"]


def test_a_plan_shows_no_secret_in_its_repr() -> None:
    assert not [canary for canary in CANARIES if canary in repr(Plan.from_answers(ANSWERS))]
