"""The place that images are pushed to: `host[:port]/project[/path]`, without scheme and without trailing slash."""

from __future__ import annotations

import re
from dataclasses import dataclass

from installer_tasks.errors import InputError
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

FIELD = "registry.project"
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
#: Names of repositories have at most 255 characters, and images follow below the project.
_LONGEST_PATH = 190
_REMEDY = Text(_("Enter host[:port]/project, for example harbor.example.com/tmc."))


@dataclass(frozen=True)
class Reference:
    """A registry and a path in it; repositories are below the path."""

    host: str  #: with port where one is given
    path: str  #: the project, and what is below it

    @classmethod
    def parse(cls, value: str) -> Reference:
        """The reference written in `value`; InputError says what is wrong with it."""
        value = re.sub(r"//[^/@]*@", "//***@", value.strip())  # a password typed into it must not be repeated
        _refuse_scheme(value)
        if value.endswith("/"):
            raise _wrong(value, text(_("%(value)s ends with a slash."), value=value))
        host, slash, path = value.partition("/")
        if not slash:
            raise _wrong(value, text(_("%(value)s contains no project."), value=value))
        _require_host(value, host)
        _require_path(value, path)
        return cls(host.lower(), path)

    @property
    def project(self) -> str:
        """The first part of the path: what Harbor calls the project."""
        return self.path.partition("/")[0]

    def repository(self, name: str) -> str:
        """The full repository name, for requests, of `name` below this path."""
        return f"{self.path}/{name}" if name else self.path

    def __str__(self) -> str:
        return f"{self.host}/{self.path}"


def _refuse_scheme(value: str) -> None:
    if "://" in value:
        scheme = value.partition("://")[0]
        template = _("%(value)s begins with %(scheme)s://; remove it.")
        raise _wrong(value, text(template, value=value, scheme=scheme))


def _require_host(value: str, host: str) -> None:
    match = _HOST.fullmatch(host)
    if match is None or int(match["port"] or 1) not in range(1, 65536):
        raise _wrong(value, text(_("%(host)s is not a host name with an optional port."), host=host))
    if not re.search(r"[.:]|^localhost$", host):
        cause = text(
            _("Container runtimes take %(host)s for a project on Docker Hub: it has no dot and no port."), host=host
        )
        remedy = text(_("Write the full host name, or add the port: %(host)s:443."), host=host)
        raise InputError(cause, value=value[:300], remedy=remedy, field=FIELD, code="registry-reference")


def _require_path(value: str, path: str) -> None:
    if len(path) > _LONGEST_PATH:
        cause = text(_("The project's path is longer than %(limit)d characters."), limit=_LONGEST_PATH)
        raise _wrong(value, cause)
    for part in path.split("/"):
        if not _COMPONENT.fullmatch(part):
            template = _(
                "%(part)s is not a project or repository name: use lowercase letters and digits, "
                "with single . _ - between them."
            )
            raise _wrong(value, text(template, part=part or "//"))


def _wrong(value: str, cause: Text) -> InputError:
    return InputError(cause, value=value[:300], remedy=_REMEDY, field=FIELD, code="registry-reference")
