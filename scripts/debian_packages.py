#!/usr/bin/env python3
"""What the tests talk to, from Debian: installs what is missing as root on Debian, names it elsewhere.

`debian_packages.py [PACKAGE...]`; without names, all of them. Nothing that is installed here is started.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: Package → a file or a program that shows it is there.
OUTPUT_PATTERNS = {
    "redis-server": "redis-server",
    "postgresql": "/usr/lib/postgresql/*/bin/postgres",
    "docker-registry": "docker-registry",
    "skopeo": "skopeo",
    "chromium": "chromium",
    "chromium-driver": "chromedriver",
    "gettext": "xgettext",
    "dnsutils": "dig",
    "fonts-noto-cjk": "/usr/share/fonts/**/NotoSansCJK-*",
    "apache2-utils": "htpasswd",
    "nginx-light": "nginx",
    "bind9": "named",
    "slapd": "slapd",
    "ldap-utils": "ldapsearch",
    "kubernetes-client": "kubectl",
    "curl": "curl",
    "openssl": "openssl",
}
POLICY = Path("/usr/sbin/policy-rc.d")


def is_there(package: str) -> bool:
    sign = OUTPUT_PATTERNS.get(package, package)
    if sign.startswith("/"):
        return any(Path("/").glob(sign.lstrip("/")))
    return shutil.which(sign, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None


@contextlib.contextmanager
def nothing_started() -> Iterator[None]:
    """Debian starts a service it installs, unless this file says no."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def install(packages: list[str]) -> None:
    print("Installing from Debian: " + " ".join(packages), flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-q", "-y", "-o", "Dpkg::Use-Pty=0"]
    with nothing_started():
        for argv in ([*apt, "update"], [*apt, "install", "--no-install-recommends", *packages]):
            done = subprocess.run(
                argv, env=quiet, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
            )
            if done.returncode:
                print(done.stdout)
                sys.exit(f"{' '.join(argv[:1])} ended with {done.returncode}; missing: {' '.join(packages)}")


def main(names: list[str]) -> None:
    missing = [package for package in names or OUTPUT_PATTERNS if not is_there(package)]
    if not missing:
        return
    if os.getuid() == 0 and shutil.which("apt-get"):
        install(missing)
        return
    print("Not on this machine, so what needs it is skipped: " + " ".join(missing))
    if shutil.which("apt-get"):
        print("To have it: sudo apt-get install " + " ".join(missing))


if __name__ == "__main__":
    main(sys.argv[1:])
