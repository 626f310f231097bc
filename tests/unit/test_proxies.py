"""The proxy policy: which way leads to a host, as Go's clients read the same settings."""

from __future__ import annotations

import pytest

from installer_tasks.systems.proxies import is_excepted, proxy_for

PROXY = {"HTTPS_PROXY": "http://proxy.corp:3128"}


@pytest.mark.parametrize(
    ("host", "port", "no_proxy", "direct"),
    [
        ("login.example.com", 443, "", False),
        ("localhost", 443, "", True),
        ("127.0.0.9", 443, "", True),
        ("::1", 443, "", True),
        ("login.example.com", 443, "*", True),
        ("login.example.com", 443, "example.com", True),
        ("example.com", 443, "example.com", True),
        ("notexample.com", 443, "example.com", False),
        ("login.example.com", 443, ".example.com", True),
        ("example.com", 443, ".example.com", False),
        ("login.example.com", 443, "*.example.com", True),
        ("LOGIN.Example.com.", 443, "other.org, example.COM", True),
        ("login.example.com", 8443, "example.com:8443", True),
        ("login.example.com", 443, "example.com:8443", False),
        ("10.1.2.3", 443, "10.0.0.0/8", True),
        ("10.1.2.3", 443, "10.1.2.3", True),
        ("10.1.2.3", 443, "10.1.2", False),
        ("login.example.com", 443, "10.0.0.0/8", False),
        ("fd00::5", 443, "fd00::/8", True),
        ("fd00::5", 6443, "[fd00::5]:6443", True),
        ("10.1.2.3", 443, "nonsense/99,/", False),
    ],
)
def test_no_proxy(host: str, port: int, no_proxy: str, direct: bool) -> None:
    assert is_excepted(host, port, no_proxy) is direct
    assert (proxy_for(host, port, environment={**PROXY, "NO_PROXY": no_proxy}) is None) is direct


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("proxy.corp:3128", "http://proxy.corp:3128"),
        ("http://proxy.corp", "http://proxy.corp:80"),
        ("http://ada:s3cret@proxy.corp:8080/", "http://proxy.corp:8080"),
        ("socks5://proxy.corp", "socks5://proxy.corp:1080"),
    ],
)
def test_what_is_shown_of_a_proxy_holds_no_password(given: str, shown: str) -> None:
    proxy = proxy_for("login.example.com", 443, environment={"https_proxy": given})
    assert proxy is not None
    assert proxy.shown == shown
    assert "s3cret" not in repr(proxy)


def test_capitals_come_first_and_odd_settings_are_none() -> None:
    both = {"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:2"}
    found = proxy_for("login.example.com", 443, environment=both)
    assert found is not None
    assert found.host == "a"
    assert proxy_for("login.example.com", 443, environment={"HTTPS_PROXY": "http://[:x"}) is None
    assert proxy_for("login.example.com", 443, environment={"HTTP_PROXY": "http://a:1"}) is None
