"""Distinguished names, as far as people are helped by reading them: parts, suffix, what lies below what."""

from __future__ import annotations

import re

from installer_tasks.errors import InputError
from installer_tasks.text import Text
from installer_tasks.text import mark as _

#: A comma that no backslash makes part of a value.
_COMMA = re.compile(r"(?<!\\)(?:\\\\)*,")
_PART = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9-]*|[0-9.]+)\s*=\s*\S.*", re.DOTALL)
_EXAMPLE = Text(_("For example OU=users,DC=corp,DC=example; ask the directory administrator."))


def parts(dn: str) -> tuple[str, ...]:
    """`CN=Ada`, `OU=people`, ... each without the blanks around it."""
    found, begin = [], 0
    for comma in _COMMA.finditer(dn):
        found.append(dn[begin : comma.end() - 1].strip())
        begin = comma.end()
    return (*found, dn[begin:].strip())


def parse_dn(source: str, *, field: str = "") -> str:
    """A distinguished name as people write it; InputError when it cannot be one."""
    dn = source.strip()
    if all(_PART.fullmatch(part) for part in parts(dn)):
        return dn
    cause = Text(_("This is not a distinguished name: each part between commas must be an attribute, = and a value."))
    if ("\\" in dn and "=" not in dn) or ("@" in dn and "=" not in dn):
        cause = Text(_("This is a sign-in name; enter the distinguished name of the account."))
    raise InputError(cause, value=source[:300], remedy=_EXAMPLE, field=field, code="dn-malformed")


def suffix(dn: str) -> str:
    """The part of it that names the directory: its DC parts, else its last part."""
    every = parts(dn)
    ending = [part for part in every if part.upper().startswith("DC=")]
    return ",".join(ending or every[-1:])


def normal(dn: str) -> str:
    """For comparing: directories write the same name with other blanks and another case."""
    return ",".join("=".join(side.strip() for side in part.split("=", 1)) for part in parts(dn)).casefold()


def is_below(dn: str, base: str) -> bool:
    return f",{normal(dn)}".endswith(f",{normal(base)}")
