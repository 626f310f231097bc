from __future__ import annotations

import pytest
import yaml

from installer_tasks import answers as answer_keys
from installer_tasks.errors import InputError
from installer_tasks.plan import MASK, Plan
from tests.answers import ANSWERS, CANARIES


def test_values_are_valid_for_the_release() -> None:
    assert Plan.from_answers(ANSWERS).schema_errors() == ()


def test_values_carry_every_answer_that_the_package_wants() -> None:
    values = yaml.safe_load(Plan.from_answers(ANSWERS).values_yaml(masked=False))
    assert values["harborProject"] == "harbor.example.com/tmc"
    assert values["postgres"] == {"userPassword": "canary-postgres-password", "maxConnections": 300}
    assert values["oidc"]["issuerType"] == "pinniped"
    assert list(values["trustedCAs"]) == ["tmc-ca.pem"], "the same PEM twice is one entry"


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
    answers = {name: value for name, value in ANSWERS.items() if name != key}
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
