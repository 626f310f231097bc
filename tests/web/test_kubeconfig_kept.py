"""What is kept of a kubeconfig: the context that was chosen, and no credentials for another cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from django.test import Client

from installer_tasks.models import Installation
from tests.web.test_steps import answers_of, client, installation, post
from wizard import steps

pytestmark = pytest.mark.django_db

__all__ = ["client", "installation"]

SEVERAL = """\
apiVersion: v1
kind: Config
current-context: two
clusters: [{name: c, cluster: {server: "https://127.0.0.1:6443"}}, {name: d, cluster: {server: "https://127.0.0.1:7443"}}]
contexts: [{name: one, context: {cluster: c, user: u}}, {name: two, context: {cluster: d, user: v}}]
users: [{name: u, user: {token: canary-of-one}}, {name: v, user: {token: canary-of-two}}, {name: w, user: {exec: {command: x}}}]
"""


def kept_kubeconfig(installation: Installation) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(answers_of(installation)["cluster.kubeconfig"])
    return found


def test_of_a_kubeconfig_only_the_chosen_context_is_kept(client: Client, installation: Installation) -> None:
    """Until a person has chosen, all of them: they could not choose otherwise."""
    post(client, installation, "cluster", {"kubeconfig": SEVERAL}, only="kubeconfig")
    assert answers_of(installation)["cluster.kubeconfig"] == SEVERAL.strip()
    post(client, installation, "cluster", {"context": "one"}, only="context")
    kept = kept_kubeconfig(installation)
    assert [one["user"] for one in kept["users"]] == [{"token": "canary-of-one"}]
    assert [one["cluster"]["server"] for one in kept["clusters"]] == ["https://127.0.0.1:6443"]
    assert [one["name"] for one in kept["contexts"]] == ["one"]
    assert "canary-of-two" not in answers_of(installation)["cluster.kubeconfig"]


@pytest.mark.parametrize("context", ["one", "two"])
def test_the_whole_step_keeps_one_context_too(client: Client, installation: Installation, context: str) -> None:
    post(client, installation, "cluster", {"kubeconfig": SEVERAL}, only="kubeconfig")
    post(client, installation, "cluster", {"kubeconfig": "", "context": context})
    assert [one["user"]["token"] for one in kept_kubeconfig(installation)["users"]] == [f"canary-of-{context}"]


def test_a_kubeconfig_of_one_context_is_cut_down_at_once(client: Client, installation: Installation) -> None:
    document = yaml.safe_load(SEVERAL)
    document["contexts"].pop()
    post(client, installation, "cluster", {"kubeconfig": json.dumps(document)}, only="kubeconfig")
    assert "canary-of-one" in answers_of(installation)["cluster.kubeconfig"]
    assert "canary-of-two" not in answers_of(installation)["cluster.kubeconfig"]


@pytest.mark.parametrize(("given", "kept"), [({"context": "one"}, "one"), ({}, "two")])
def test_the_command_line_keeps_one_context_too(installation: Installation, given: dict[str, str], kept: str) -> None:
    """Nobody is shown which one was found."""
    found = steps.validate(installation, "cluster", {"kubeconfig": SEVERAL, **given})
    assert [one["user"]["token"] for one in yaml.safe_load(found["cluster.kubeconfig"])["users"]] == [
        f"canary-of-{kept}"
    ]
