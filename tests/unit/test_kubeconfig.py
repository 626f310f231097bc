"""Uploaded kubeconfigs are data: what is good is cut down to one context, what is not is refused with a remedy."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from installer_tasks.errors import InputError
from installer_tasks.preflight.checks import cluster_access
from installer_tasks.rehearsal.ca import Issued
from installer_tasks.systems import certificates
from installer_tasks.systems.cluster import kubeconfig
from installer_tasks.systems.cluster.credentials import Credentials
from installer_tasks.systems.cluster.expiry import Validity, validity
from installer_tasks.systems.cluster.kubeconfig import contexts, parse_kubeconfig
from tests import hostile
from tests.unit.pems import self_signed
from tests.unit.x509 import latin1_name, make, same_extension_twice

TOKEN = "canary-token-5f1c"
SERVER = "https://api.example.com:6443"


def b64(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def document(
    *, cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None, **top: Any
) -> dict[str, Any]:
    authority = b64(self_signed("ca").certificate)
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [
            {"name": "c", "cluster": {"server": SERVER, "certificate-authority-data": authority, **(cluster or {})}}
        ],
        "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
        **top,
    }


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def refused(content: str | dict[str, Any], context: str = "") -> InputError:
    source = content if isinstance(content, str) else yaml.safe_dump(content)
    with pytest.raises(InputError) as caught:
        parse_kubeconfig(source, context=context)
    error = caught.value
    everything = f"{error!r} {error.as_json()} {error.__cause__!r}"
    assert TOKEN not in everything
    assert str(error.cause)
    assert error.remedy != InputError.default_remedy, "a refusal says what to do"
    assert error.__cause__ is None
    return error


def test_a_token_kubeconfig_is_read() -> None:
    found = parse_kubeconfig(yaml.safe_dump(document()))
    assert (found.context, found.contexts, found.server, found.user_kind) == ("one", ("one",), SERVER, "token")
    assert found.ca == self_signed("ca").certificate


def test_a_client_certificate_kubeconfig_is_read() -> None:
    pair = self_signed("client")
    user = {"client-certificate-data": b64(pair.certificate), "client-key-data": b64(pair.key)}
    assert parse_kubeconfig(yaml.safe_dump(document(user=user))).user_kind == "certificate"


def test_what_is_kept_can_be_parsed_again_and_holds_nothing_else() -> None:
    source = document(preferences={"colors": True}, extensions=[{"name": "secret-extension"}])
    source["users"].append({"name": "other", "user": {"exec": {"command": "evil"}}})
    kept = parse_kubeconfig(yaml.safe_dump(source)).as_dict()
    assert parse_kubeconfig(yaml.safe_dump(kept)).as_dict() == kept
    assert "evil" not in str(kept)
    assert "secret-extension" not in str(kept)


def test_no_secret_in_any_repr() -> None:
    pair = self_signed("client")
    user = {"client-certificate-data": b64(pair.certificate), "client-key-data": b64(pair.key)}
    for source in (document(), document(user=user)):
        shown = repr(parse_kubeconfig(yaml.safe_dump(source)))
        assert TOKEN not in shown
        assert "PRIVATE" not in shown


def test_scalars_stay_text() -> None:
    """A token of digits and a context that looks like a date are no number and no date."""
    content = (
        yaml.safe_dump(document(user={"token": "X"})).replace("token: X", "token: 0123").replace("one", "2024-01-01")
    )
    found = parse_kubeconfig(content)
    assert found.user.token == "0123"
    assert found.context == "2024-01-01"


def test_json_is_yaml() -> None:
    import json

    assert parse_kubeconfig(json.dumps(document())).server == SERVER


class TestContexts:
    def several(self) -> dict[str, Any]:
        source = document()
        source["contexts"].append({"name": "two", "context": {"cluster": "c", "user": "plugin"}})
        source["users"].append({"name": "plugin", "user": {"exec": {"command": "aws"}}})
        return source

    def test_all_are_offered_even_when_one_is_not_acceptable(self) -> None:
        assert contexts(yaml.safe_dump(self.several())) == ("one", "two")

    def test_the_bad_one_is_refused_only_when_chosen(self) -> None:
        assert parse_kubeconfig(yaml.safe_dump(self.several())).context == "one"
        assert refused(self.several(), context="two").code == "kubeconfig-exec"

    def test_an_unknown_one_names_the_choices_and_the_field(self) -> None:
        error = refused(self.several(), context="three")
        assert (error.field, error.value, error.code) == ("cluster.context", "three", "kubeconfig-context")
        assert "one, two" in str(error.remedy)

    def test_no_current_one_among_several_must_be_chosen(self) -> None:
        source = {**self.several(), "current-context": ""}
        assert refused(source).field == "cluster.context"

    def test_a_single_one_needs_no_choice(self) -> None:
        assert parse_kubeconfig(yaml.safe_dump(document(**{"current-context": "gone"}))).context == "one"


BAD_DOCUMENTS = [
    ("", "kubeconfig-empty"),
    ("   \n", "kubeconfig-empty"),
    ("just words", "kubeconfig-kind"),
    ("- a\n- list\n", "kubeconfig-kind"),
    ("a: b: c", "kubeconfig-not-yaml"),
    ("{unclosed: [", "kubeconfig-not-yaml"),
    ("kind: Config\ncontexts:\n\t- name: one\n", "kubeconfig-not-yaml"),
    ("kind: Config\nname: \x00\n", "kubeconfig-not-yaml"),
    ("{a: 1}: 2", "kubeconfig-not-yaml"),
    ("kind: Config\n---\nkind: Config\n", "kubeconfig-not-yaml"),
    ("kind: Secret\napiVersion: v1\ndata: {}\n", "kubeconfig-kind"),
    ("kind: Config\nclusters: []\ncontexts: []\n", "kubeconfig-no-context"),
    ("kind: Config\nclusters: []\ncontexts: words\n", "kubeconfig-no-context"),
    ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "kubeconfig-kind"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n", "kubeconfig-kind"),
    ("a: &a [x]\nb: *a\n", "kubeconfig-alias"),
    ("[" * 30, "kubeconfig-too-large"),
    ("k: [" + "1," * 30_000 + "]", "kubeconfig-too-large"),
    ("x" * (1024 * 1024 + 1), "kubeconfig-too-large"),
]


@pytest.mark.parametrize(("content", "code"), BAD_DOCUMENTS, ids=range(len(BAD_DOCUMENTS)))
def test_what_is_no_kubeconfig_is_refused(content: str, code: str) -> None:
    error = refused(content)
    assert (error.field, error.code) == ("cluster.kubeconfig", code)


def test_a_bomb_of_aliases_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [" + f"*a{n - 1}, " * 9 + "]" for n in range(1, 12)]
    assert refused("\n".join(lines)).code == "kubeconfig-alias"


def test_the_line_of_a_tab_is_named() -> None:
    error = refused("kind: Config\ncontexts:\n\t- name: one\n")
    assert error.value.startswith("line 3")
    assert "tab" in str(error.cause)


def test_broken_yaml_does_not_quote_the_line() -> None:
    refused(f"users:\n- name: u\n  user: {{token: {TOKEN}\n")


BAD_CLUSTERS: list[tuple[dict[str, Any], str, str]] = [
    ({"server": "http://api.example.com:8080"}, "kubeconfig-server", "http://api.example.com:8080"),
    ({"server": "http://127.0.0.1:8080"}, "kubeconfig-server", "http://127.0.0.1:8080"),
    ({"server": ""}, "kubeconfig-server", ""),
    ({"server": "api.example.com:6443"}, "kubeconfig-server", "api.example.com:6443"),
    ({"server": "https://api.example.com:port"}, "kubeconfig-server", "https://api.example.com:port"),
    ({"server": "https://exa mple"}, "kubeconfig-server", "https://exa mple"),
    ({"server": f"https://admin:{TOKEN}@api.example.com"}, "kubeconfig-server", "https://api.example.com"),
    ({"insecure-skip-tls-verify": True}, "kubeconfig-insecure", "insecure-skip-tls-verify: true"),
    ({"proxy-url": f"http://me:{TOKEN}@proxy:3128"}, "kubeconfig-proxy", "proxy-url: http://proxy:3128"),
    ({"certificate-authority": "/etc/ca.pem"}, "kubeconfig-file", "certificate-authority: /etc/ca.pem"),
    ({"certificate-authority-data": "%%%"}, "kubeconfig-pem", "certificate-authority-data"),
    ({"certificate-authority-data": b64("hello")}, "kubeconfig-pem", "certificate-authority-data"),
    ({"certificate-authority-data": "DATA+OMITTED"}, "kubeconfig-credentials", "certificate-authority-data"),
]


@pytest.mark.parametrize(("cluster", "code", "value"), BAD_CLUSTERS, ids=range(len(BAD_CLUSTERS)))
def test_a_cluster_entry_that_is_not_acceptable(cluster: dict[str, Any], code: str, value: str) -> None:
    error = refused(document(cluster=cluster))
    assert (error.field, error.code, error.value) == ("cluster.kubeconfig", code, value)


def test_a_key_in_place_of_the_authority_is_named_as_such() -> None:
    error = refused(document(cluster={"certificate-authority-data": b64(self_signed("ca").key)}))
    assert "private key" in str(error.cause)


ROOT, ISSUING = make("root", ca=True), make("issuing", ca=True)
AUTHORITIES: dict[str, tuple[str, str]] = {
    "accents in a comment": (b64(f"# NetLock Főtanúsítvány\n{ROOT.pem}"), ROOT.pem),
    "a comment in Latin-1": (base64.b64encode("# Müller\n".encode("latin-1") + ROOT.pem.encode()).decode(), ROOT.pem),
    "two run together": (b64(ISSUING.pem.rstrip("\n") + ROOT.pem), ISSUING.pem + ROOT.pem),
    "escapes of HTML": (b64("?>>>" + ROOT.pem).replace("+", "&#43;").replace("=", "&#61;"), ROOT.pem),
    "escapes of an address": (quote(b64(ROOT.pem), safe=""), ROOT.pem),
    "base64 twice": (b64(b64(ROOT.pem)), ROOT.pem),
    "base64 of DER": (base64.b64encode(ROOT.der).decode(), ROOT.pem),
    "PEM as it is": (ROOT.pem, ROOT.pem),
    "lines of 76": ("\n".join(b64(ROOT.pem)[at : at + 76] for at in range(0, len(b64(ROOT.pem)), 76)), ROOT.pem),
    "T61String": (b64(latin1_name(0x14).pem), latin1_name(0x14).pem),
}


@pytest.mark.parametrize(("data", "pem"), AUTHORITIES.values(), ids=AUTHORITIES)
def test_an_authority_is_read_in_every_form_that_can_mean_one_thing_only(data: str, pem: str) -> None:
    found = parse_kubeconfig(yaml.safe_dump(document(cluster={"certificate-authority-data": data})))
    assert len(certificates.parse_bundle(found.ca)) == pem.count("BEGIN CERT")
    if "T61" not in pem and ROOT.pem in pem:
        assert found.ca == pem


def test_both_of_two_authorities_run_together_are_trusted(tmp_path: Path) -> None:
    data = b64(ISSUING.pem.rstrip("\n") + ROOT.pem)
    found = parse_kubeconfig(yaml.safe_dump(document(cluster={"certificate-authority-data": data})))
    for authority in (ROOT, ISSUING):
        leaf = make("api", authority, dns="localhost")
        with hostile.serving(hostile.silent, Issued(leaf.pem, leaf.pem, leaf.key_pem()), tmp_path) as port:
            assert certificates.verify_endpoint("localhost", port, ca_pem=found.ca).chain[0] == leaf.certificate


BAD_AUTHORITIES: dict[str, tuple[str, str]] = {
    "DER as text": (b64(ROOT.der.decode("utf-8", "replace")), "replacement characters"),
    "an extension twice": (b64(same_extension_twice().pem), "basicConstraints (2.5.29.19) twice"),
    "Latin-1 marked as UTF-8": (b64(latin1_name(0x0C).pem), "marked as UTF-8"),
    "one of two cut short": (b64(ROOT.pem + ISSUING.pem[:-60]), "BEGIN"),
    "not base64": ("a&b", "not the base64 encoding"),
    "an escape that stands for nothing": (b64(ROOT.pem) + "&#43;", "escapes of a web page"),
}


@pytest.mark.parametrize(("data", "words"), BAD_AUTHORITIES.values(), ids=BAD_AUTHORITIES)
def test_an_authority_that_cannot_be_read_is_named(data: str, words: str) -> None:
    error = refused(document(cluster={"certificate-authority-data": data}))
    assert (error.code, error.value) == ("kubeconfig-pem", "certificate-authority-data")
    assert words in str(error.cause)


def test_a_client_certificate_and_its_key_are_read_in_the_same_way() -> None:
    pair = self_signed("client")
    user = {
        "client-certificate-data": b64(b64("# für uns\n" + pair.certificate.replace("\n", " "))),
        "client-key-data": b64(pair.certificate.rstrip("\n") + pair.key.replace("\n", "\\n")),
    }
    found = parse_kubeconfig(yaml.safe_dump(document(user=user))).user
    assert (found.certificate, found.key) == (pair.certificate, pair.key)


def bad_users() -> list[tuple[dict[str, Any], str, str]]:
    one, other = self_signed("client"), self_signed("other")
    certificate = {"client-certificate-data": b64(one.certificate)}
    return [
        ({}, "kubeconfig-credentials", ""),
        ({"token": "two words"}, "kubeconfig-credentials", "token"),
        ({"token": "REDACTED"}, "kubeconfig-credentials", "token"),
        ({"username": "admin", "password": TOKEN}, "kubeconfig-credentials", "username, password"),
        ({"exec": {"command": "aws", "args": [TOKEN]}}, "kubeconfig-exec", "exec: aws"),
        ({"exec": {"command": "aws"}, "token": TOKEN}, "kubeconfig-exec", "exec: aws"),
        (
            {"auth-provider": {"name": "oidc", "config": {"id-token": TOKEN}}},
            "kubeconfig-auth-provider",
            "auth-provider: oidc",
        ),
        ({"token": TOKEN, "as": "system:admin"}, "kubeconfig-impersonation", "system:admin"),
        ({"tokenFile": "/run/token"}, "kubeconfig-file", "tokenFile: /run/token"),
        ({"client-certificate": "a.crt", "client-key": "a.key"}, "kubeconfig-file", "client-certificate: a.crt"),
        (certificate, "kubeconfig-credentials", "client-certificate-data"),
        ({"client-key-data": b64(one.key)}, "kubeconfig-credentials", "client-key-data"),
        ({**certificate, "client-key-data": b64(other.key)}, "kubeconfig-credentials", "client-key-data"),
        ({**certificate, "client-key-data": b64(one.encrypted_key)}, "kubeconfig-pem", "client-key-data"),
        ({**certificate, "client-key-data": b64(one.certificate)}, "kubeconfig-pem", "client-key-data"),
    ]


@pytest.mark.parametrize(("user", "code", "value"), bad_users(), ids=range(15))
def test_a_user_entry_that_is_not_acceptable(user: dict[str, Any], code: str, value: str) -> None:
    error = refused(document(user=user))
    assert (error.field, error.code, error.value) == ("cluster.kubeconfig", code, value)


def test_exec_gets_the_commands_for_a_service_account() -> None:
    remedy = str(refused(document(user={"exec": {"command": "gke"}})).remedy)
    assert "create serviceaccount tmc-installer" in remedy
    assert "create token tmc-installer" in remedy


def test_what_the_recipe_creates_passes_the_check_of_its_validity() -> None:
    (hours,) = map(int, re.findall(r"--duration=(\d+)h", kubeconfig.SERVICE_ACCOUNT_COMMANDS))
    assert hours * 3600 > cluster_access.LASTING
    assert f"--duration={hours}h" in cluster_access.RENEW


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"exp": 1_000_000}, Validity(at(1_000_000))),
        ({"exp": 1_000_000, "iat": 900_000}, Validity(at(1_000_000), at(900_000))),
        ({"iat": 900_000}, None),
        ({"exp": "soon"}, None),
        ([], None),
    ],
)
def test_how_long_a_token_is_valid_is_what_it_says(claims: Any, expected: Validity | None) -> None:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    assert validity(Credentials(token=f"a.{middle}.c")) == expected


def test_file_references_get_the_flatten_command() -> None:
    remedy = str(refused(document(cluster={"certificate-authority": "/etc/ca.pem"})).remedy)
    assert "kubectl config view --flatten --minify" in remedy


def test_a_context_without_its_user() -> None:
    assert refused(document(users=[])).code == "kubeconfig-incomplete"
