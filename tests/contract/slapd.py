"""Debian's slapd as a child of a test: a small directory on free loopback ports, LDAPS with the practice CA, and plain.

with slapd(tmp_path, ca) as server:
    ... server.port, server.plain_port
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from installer_tasks.rehearsal.ca import PracticeCA
from tests.contract.docker_registry import free_port, program_path
from tests.waiting import listens_on, stop, until_it_serves

SCHEMAS = Path("/etc/ldap/schema")
MODULES = Path("/usr/lib/ldap")
ROOT = "dc=corp,dc=example"
PEOPLE, GROUPS = f"ou=people,{ROOT}", f"ou=groups,{ROOT}"
SERVICE, SERVICE_PASSWORD = f"cn=svc,ou=services,{ROOT}", "canary service/ß"
ADA, ADA_PASSWORD = f"uid=ada,{PEOPLE}", "canary ada"
ENTRIES = f"""
dn: {ROOT}
objectClass: dcObject
objectClass: organization
o: corp
dc: corp

dn: {PEOPLE}
objectClass: organizationalUnit

dn: {GROUPS}
objectClass: organizationalUnit

dn: ou=services,{ROOT}
objectClass: organizationalUnit

dn: {SERVICE}
objectClass: person
sn: svc
userPassword: {SERVICE_PASSWORD}

dn: {ADA}
objectClass: inetOrgPerson
cn: Ada (Lovelace)*
sn: Lovelace
mail: ada@corp.example
userPassword: {ADA_PASSWORD}

dn: uid=mo,{PEOPLE}
objectClass: inetOrgPerson
cn: Mo
sn: Mo

dn: uid=nia,{PEOPLE}
objectClass: inetOrgPerson
cn: Mo
sn: Nia

dn: cn=tmc-administrators,{GROUPS}
objectClass: groupOfNames
member: {ADA}

dn: cn=tmc-users,{GROUPS}
objectClass: groupOfNames
member: uid=mo,{PEOPLE}

dn: cn=outside,{ROOT}
objectClass: groupOfNames
member: {ADA}
"""


@dataclass(frozen=True)
class Slapd:
    """A directory that answers."""

    port: int
    plain_port: int
    log: Path


ELSEWHERE = f"ou=elsewhere,{ROOT}"


@contextmanager
def slapd(folder: Path, ca: PracticeCA, *, refers_to: str = "ldaps://127.0.0.1:1") -> Iterator[Slapd]:
    """What is below ELSEWHERE, and every name outside ROOT, is on another server: at `refers_to`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir()
    certificate, key = ca.issue_files(folder, "slapd", ["localhost", "127.0.0.1"])
    server = Slapd(free_port(), free_port(), folder / "log")
    (folder / "slapd.conf").write_text(_config(folder, certificate, key, ca.ca_file, refers_to))
    elsewhere = "objectClass: referral\nobjectClass: extensibleObject\nou: elsewhere"
    (folder / "entries.ldif").write_text(f"{ENTRIES}\ndn: {ELSEWHERE}\n{elsewhere}\nref: {refers_to}/{ELSEWHERE}\n")
    program, conf = program_path("slapd"), str(folder / "slapd.conf")
    subprocess.run([program, "-Tadd", "-f", conf, "-l", str(folder / "entries.ldif")], check=True, capture_output=True)
    listens = f"ldaps://127.0.0.1:{server.port}/ ldap://127.0.0.1:{server.plain_port}/"
    with server.log.open("wb") as output:
        # With -d it stays in the foreground: a child that its own pid stops.
        process = subprocess.Popen([program, "-d", "0", "-f", conf, "-h", listens], stdout=output, stderr=output)
    try:
        until_it_serves(process, lambda: listens_on(server.port), lambda: server.log.read_text(errors="replace"))
        yield server
    finally:
        stop(process)


def _config(folder: Path, certificate: Path, key: Path, ca_file: Path, refers_to: str) -> str:
    schemas = "\n".join(f"include {SCHEMAS}/{name}.schema" for name in ("core", "cosine", "inetorgperson"))
    return f"""
{schemas}
modulepath {MODULES}
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCACertificateFile {ca_file}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
referral {refers_to}
database mdb
maxsize 10485760
suffix "{ROOT}"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{SERVICE}" read by * none
"""
