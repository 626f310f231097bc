"""Who answers for a name by CoreDNS's configuration, in forms that clusters really have."""

from __future__ import annotations

from typing import Any

import pytest

from installer_tasks.preflight.checks import dns_cluster
from installer_tasks.preflight.checks.base import Facts, Level, Verdict, judge
from installer_tasks.rehearsal.kube.seed_dns import COREFILE
from installer_tasks.systems.cluster import corefile

NAME = "auth.tmc.example.com"
STUB = "tmc.example.com:53 {\n    errors\n    cache 30\n    forward . 10.0.0.53 10.0.0.54:5353\n}\n"


def block(text: str, name: str = NAME) -> tuple[str, corefile.Block]:
    found = corefile.best(corefile.parse(text), name)
    assert found is not None
    return found


def test_the_usual_one_asks_the_resolvers_of_the_nodes() -> None:
    zone, found = block(COREFILE)
    assert zone == "."
    assert found.forwards(NAME) == ["/etc/resolv.conf"]
    assert (found.answers_itself(NAME), found.hosts()) == ("", {})
    assert found.answers_itself("tmc.default.svc.cluster.local") == "kubernetes"


@pytest.mark.parametrize("text", [COREFILE + STUB, STUB + COREFILE])
def test_the_longest_zone_wins_wherever_it_stands(text: str) -> None:
    zone, found = block(text)
    assert (zone, found.forwards(NAME)) == ("tmc.example.com", ["10.0.0.53", "10.0.0.54:5353"])
    assert block(text, "tmc.example.com")[0] == "tmc.example.com"
    assert block(text, "nottmc.example.com")[0] == "."


def test_a_forward_for_some_names_alone() -> None:
    text = ".:53 {\n  forward example.com 10.1.1.1\n  forward . 10.2.2.2\n}"
    assert block(text)[1].forwards(NAME) == ["10.1.1.1"]
    assert block(text)[1].forwards("example.org") == ["10.2.2.2"]


@pytest.mark.parametrize(
    ("lines", "plugin"),
    [
        ("hosts {\n 10.0.0.1 other.example.com\n fallthrough\n}", ""),
        ("hosts {\n 10.0.0.1 other.example.com\n}", "hosts"),
        ("hosts /etc/hosts example.org", ""),
        ("file /etc/coredns/tmc.db tmc.example.com", "file"),
        ("file /etc/coredns/other.db other.example.com", ""),
        ("template IN A tmc.example.com {\n answer 10.0.0.1\n}", "template"),
        ("# file /etc/coredns/tmc.db tmc.example.com", ""),
    ],
)
def test_plugins_that_answer_themselves(lines: str, plugin: str) -> None:
    assert block(f".:53 {{\n{lines}\n forward . /etc/resolv.conf\n}}")[1].answers_itself(NAME) == plugin


def test_hosts_that_are_written_in() -> None:
    found = block(f".:53 {{\n hosts {{\n 10.0.0.1 {NAME} x.y # old\n fd00::1 {NAME}\n ttl 60\n }}\n}}")[1]
    assert found.hosts() == {NAME: ["10.0.0.1", "fd00::1"], "x.y": ["10.0.0.1"]}


@pytest.mark.parametrize("text", ["", "}", "}}}\n{", "a {\n b {\n", "x", "{\n{\n{", ". {\n}\n}\n}", "\0 {\n\0\n}"])
def test_what_makes_no_sense_is_passed_over(text: str) -> None:
    for found in corefile.parse(text):
        assert found.answers_itself(NAME) == ""
        assert found.forwards(NAME) == []


def judged(**block: Any) -> Verdict:
    usual = {"zone": ".", "names": [NAME], "to": ["/etc/resolv.conf"], "hosts": {}, "itself": "", "views": []}
    pods = {"skipped": False, "found": True, "blocks": [usual | block]}
    observed = {"pods": pods, "records": {NAME: {"addresses": ["10.0.0.9"]}}}
    facts = {"dns": {name: {"ok": True, "value": value} for name, value in observed.items()}}
    return judge(dns_cluster.CHECKS[0], Facts(facts, {}), frozenset())


def view(*addresses: str, **more: Any) -> list[dict[str, Any]]:
    return [{"server": "10.0.0.53", "records": {NAME: list(addresses)}} | more]


def test_what_agrees_is_green() -> None:
    assert judged().level is Level.PASS
    assert "was not tested" in str(judged().message)
    assert judged(hosts={NAME: ["10.0.0.9"]}).level is Level.PASS
    assert judged(zone="tmc.example.com", to=["10.0.0.53"], views=view("10.0.0.9")).level is Level.PASS


def test_what_differs_is_told() -> None:
    assert judged(views=view("10.0.0.1")).value == "10.0.0.53"
    assert "nslookup" not in judged(views=view()).command
    assert judged(views=view()).level is Level.WARN
    assert judged(hosts={NAME: ["10.0.0.1"]}).value == NAME
    assert judged(itself="template").value == "template"
    assert judged(to=[]).level is Level.WARN


def test_a_server_of_the_zone_alone_that_cannot_be_asked_is_not_green() -> None:
    silent = view(records={}, error={"code": "dns-silent"})
    assert judged(zone="tmc.example.com", to=["10.0.0.53"], views=silent).level is Level.WARN
    assert judged(to=["10.0.0.53"], views=silent).level is Level.PASS


AKS = ".:53 {\n  errors\n  forward . /etc/resolv.conf\n  import custom/*.override\n}\nimport custom/*.server\n"
HOSTS = "hosts {\n  10.0.0.9 auth.tmc.example.com\n  fallthrough\n}\n"


def test_what_is_imported_counts_as_if_it_stood_there() -> None:
    text = corefile.expanded(AKS, {"tmc.override": HOSTS, "tmc.server": STUB.replace("10.0.0.53", "10.7.7.7")})
    assert block(text)[1].forwards(NAME)[0] == "10.7.7.7"
    text = corefile.expanded(AKS, {"tmc.override": HOSTS})
    assert block(text)[1].hosts() == {NAME: ["10.0.0.9"]}
    assert block(text)[1].forwards(NAME) == ["/etc/resolv.conf"]


def test_what_nothing_imports_counts_for_nothing() -> None:
    text = corefile.expanded(COREFILE, {"Corefile": COREFILE, "tmc.override": HOSTS, "tmc.server": STUB})
    assert block(text)[1].hosts() == {}
    assert block(text)[0] == "."


def test_snippets_files_of_hosts_and_circles() -> None:
    text = (
        "(own) {\n  hosts {\n    10.0.0.9 auth.tmc.example.com\n  }\n}\n.:53 {\n  import own\n  forward . 10.1.1.1\n}\n"
    )
    assert block(corefile.expanded(text, {}))[1].hosts() == {NAME: ["10.0.0.9"]}
    for line in ("hosts /etc/coredns/NodeHosts", "hosts /etc/coredns/NodeHosts {\n  fallthrough\n  }"):
        text = corefile.expanded(f".:53 {{\n  {line}\n  forward . 10.1.1.1\n}}\n", {"NodeHosts": f"10.0.0.8 {NAME}\n"})
        assert block(text)[1].hosts() == {NAME: ["10.0.0.8"]}
        assert block(text)[1].forwards(NAME) == ["10.1.1.1"]
    circle = {"a.server": "import custom/*.server\n.:53 {\n forward . 10.1.1.1\n}\n"}
    assert block(corefile.expanded("import custom/*.server\n", circle))[1].forwards(NAME) == ["10.1.1.1"]
