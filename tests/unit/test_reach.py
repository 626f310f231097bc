"""Under which name people reach the installer."""

from __future__ import annotations

import pytest

from installer_tasks.local.processes import reach


@pytest.mark.parametrize(
    ("host", "allowed", "name"),
    [
        ("127.0.0.1", ["installer.example.com"], "127.0.0.1"),
        ("192.0.2.7", ["localhost"], "192.0.2.7"),
        ("0.0.0.0", ["localhost", "127.0.0.1", "[::1]", ".example.com", "jump.example.com"], "jump.example.com"),
        ("::", ["jump.example.com"], "jump.example.com"),
    ],
)
def test_a_link_names_what_a_person_can_open(host: str, allowed: list[str], name: str) -> None:
    assert reach.name(host, allowed) == name


def test_without_a_name_in_the_settings_the_machine_names_itself() -> None:
    assert reach.name("0.0.0.0", ["localhost"]) not in reach.WILDCARDS


def test_what_is_this_machine_alone() -> None:
    assert [reach.is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "[::1]")] == [True] * 4
    assert [reach.is_loopback(host) for host in ("0.0.0.0", "::", "10.0.0.1", "example.com")] == [False] * 4


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert reach.url("https", "2001:db8::1", 8000) == "https://[2001:db8::1]:8000"
