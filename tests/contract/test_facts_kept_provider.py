"""Every check of the identity provider against one that is not ours: nothing but what is really so."""

from __future__ import annotations

from pathlib import Path

from installer_tasks import releases
from installer_tasks.rehearsal.ca import PracticeCA
from tests.contract.kept_provider import kept_provider
from tests.contract.looks import all_of, look_at

SECRET = "canary-kept-client-secret-of-forty-signs"
ZONE = "tmc.example.com"


def test_a_provider_that_is_not_ours(tmp_path: Path) -> None:
    ca = PracticeCA.load_or_create(tmp_path / "ca")
    callback = releases.RELEASES[-1].redirect_uri(ZONE)
    client = {"client_id": "tmc-sm", "client_secret": SECRET, "redirect_uris": [callback]}
    with kept_provider(tmp_path, ca.issue_files(tmp_path, "kept", ["localhost"]), client, {}) as kept:
        answers = {"issuer_url": kept.issuer, "client_id": "tmc-sm", "client_secret": SECRET, "ca": ca.ca_pem}
        named = {f"identity.{key}": value for key, value in answers.items()}
        named |= {"dns.zone": ZONE, "bundle.release": releases.RELEASES[-1].version}
        fitting = look_at("identity", named | {"identity.scopes": "openid,email,profile"})
        # offline_access it takes only with a prompt for consent.
        usual = look_at("identity", named)
        wrong = look_at("identity", named | {"identity.client_secret": "canary-wrong"})
        elsewhere = look_at("identity", named | {"dns.zone": "other.example.com"})
    assert fitting.levels == all_of("identity", "pass")
    assert usual.levels == fitting.levels | {"identity.request-accepted": "fail"}
    assert wrong.levels == usual.levels | {"identity.client-valid": "fail"}
    not_registered = {"identity.redirect-registered": "fail", "identity.request-accepted": "blocked"}
    assert elsewhere.levels == fitting.levels | not_registered
