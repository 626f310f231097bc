"""The registry's collector and checks against Debian's docker-registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer_tasks.preflight.checks import registry as registry_checks
from installer_tasks.preflight.checks import registry_trial
from tests.contract.docker_registry import RunningRegistry, docker_registry
from tests.contract.looks import Look, all_of, look_at

pytestmark = [pytest.mark.docker_registry, pytest.mark.program("docker-registry")]
HEALTHY = all_of("registry", "pass") | {"registry.pull-on-nodes": "blocked"}
OF_THE_TRIAL = {check.name: "blocked" for check in registry_trial.CHECKS}


def looked(registry: RunningRegistry, **changes: str) -> Look:
    right = {
        "project": f"{registry.host}/tmc",
        "username": registry.username or "anybody",
        "password": registry.password or "any password",
        "ca": registry.ca_pem or "",
    }
    answers = {f"registry.{key}": value for key, value in (right | changes).items()}
    return look_at("registry", {**answers, "bundle.path": "/nowhere"})


def test_an_open_registry_raises_nothing(tmp_path: Path) -> None:
    with docker_registry(tmp_path / "open", tls=True) as registry:
        look = looked(registry)
        assert look.levels == HEALTHY
        assert look.facts["project"]["value"]["harbor"] is False
        trial = look.facts["trial"]["value"]
        assert registry.client().head_manifest(trial["repository"], trial["digest"]) is None
        assert look.facts["removal"]["value"] == {"kept": ""}
        # of an upload that was given up this registry keeps an empty state of a hash, which it purges itself
        assert not list(registry.folder.rglob("_uploads/*/data")), "an upload is still open"


@pytest.mark.program("htpasswd")
def test_a_registry_that_asks_everybody_for_a_password_cannot_serve_nodes(tmp_path: Path) -> None:
    with docker_registry(tmp_path / "closed", tls=True, auth=True) as registry:
        look = looked(registry)
        of_the_project = {
            check.name: "blocked" for check in registry_checks.CHECKS if "registry.project" in check.needs
        }
        assert look.levels == HEALTHY | OF_THE_TRIAL | of_the_project | {"registry.project": "fail"}
        assert "without a password" in look.says("registry.project")
        wrong = looked(registry, password="canary-wrong-password")
        assert wrong.levels == all_of("registry", "blocked") | {
            "registry.reachable": "pass",
            "registry.certificate": "pass",
            "registry.credentials": "fail",
        }
        assert registry.host in wrong.says("registry.credentials")


def test_one_without_tls_and_one_with_another_authority(tmp_path: Path) -> None:
    not_reached = all_of("registry", "blocked") | {"registry.reachable": "fail"}
    with docker_registry(tmp_path / "plain") as plain:
        assert looked(plain).levels == not_reached
    with docker_registry(tmp_path / "tls", tls=True) as secure:
        look = looked(secure, ca="")
        assert look.levels == not_reached
        assert look["registry.reachable"].value == secure.host
