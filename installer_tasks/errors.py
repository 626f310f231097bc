"""What can go wrong with a customer's systems, as one tree.

    InstallerError
      InputError          the answer itself is wrong; names the field
      SystemFailure       a system outside said no, or something unexpected
        Unreachable       name, route, port, time-out
        TlsFailure        certificate unknown, expired, for another name, or no TLS at all
        Refused           credentials or rights
        Missing           the thing asked for is not there
        Invalid           the answer of the system makes no sense
        Conflict          somebody else owns or changed it
        Busy              overloaded or not ready; a retry helps
      IntegrityFailure    bytes are not what they should be
      Stalled             a wait ran past its deadline; says for what it waited
      Cancelled           a person asked to stop
      LeaseLost           another worker has this run now

Every error says what was tried (`value`), the `cause`, the `remedy` and whether a `retry` helps. `code` is stable:
it names the error's entry in the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from installer_tasks.text import Text
from installer_tasks.text import mark as _

LONGEST_DETAIL = 2000
_without_secrets: Callable[[str], str] = str


def use_redactor(clean: Callable[[str], str]) -> None:
    """What takes secrets out of a text before it is cut; it stands above this module, which imports nothing of it."""
    global _without_secrets  # noqa: PLW0603 - one a process
    _without_secrets = clean


class InstallerError(Exception):
    """Something went wrong that a person must know about: value, cause and remedy.

    `value` is what was tried (an address, a name; never a secret), `detail` the other side's own words.
    """

    code = "error"
    retry = False
    default_remedy = Text(_("Download the support bundle and check the log of this stage."))

    def __init__(
        self,
        cause: Text,
        *,
        value: str = "",
        remedy: Text | None = None,
        detail: str = "",
        code: str = "",
        field: str = "",
        retry: bool | None = None,
    ) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.value = value
        self.remedy = remedy or self.default_remedy
        self.detail = _without_secrets(detail)[:LONGEST_DETAIL] if detail else ""
        self.field = field
        self.code = code or type(self).code
        self.retry = type(self).retry if retry is None else retry

    def as_json(self) -> dict[str, Any]:
        """Plain data for facts, findings and events."""
        return {
            "code": self.code,
            "value": self.value,
            "cause": self.cause.as_json(),
            "remedy": self.remedy.as_json(),
            "detail": self.detail,
            "field": self.field,
            "retry": self.retry,
        }


class InputError(InstallerError):
    """The answer itself is wrong, whatever the systems say."""

    code = "input"


class SystemFailure(InstallerError):
    """A system outside said no, or something unexpected."""

    code = "system"


class Unreachable(SystemFailure):
    """Name, route, port or time-out."""

    code = "unreachable"
    retry = True
    default_remedy = Text(_("Check the name, the port and the firewall between this machine and the system."))


class TlsFailure(SystemFailure):
    """The certificate is unknown, expired, for another name, or there is no TLS at all."""

    code = "tls"
    default_remedy = Text(_("Add the CA certificate that signed the system's certificate, in PEM format."))


class Refused(SystemFailure):
    """Credentials or rights."""

    code = "refused"
    default_remedy = Text(_("Check the user name, the password or token, and the permissions of this user."))


class Missing(SystemFailure):
    """The thing asked for is not there."""

    code = "missing"


class Invalid(SystemFailure):
    """The answer of the system makes no sense."""

    code = "invalid"


class Conflict(SystemFailure):
    """Somebody else owns it or changed it meanwhile."""

    code = "conflict"
    retry = True


class Busy(SystemFailure):
    """Overloaded or not ready yet."""

    code = "busy"
    retry = True


class IntegrityFailure(InstallerError):
    """Bytes are not what their digest says."""

    code = "integrity"
    default_remedy = Text(_("Copy or download the file again and verify its checksum."))


class Stalled(InstallerError):
    """A wait ran past its deadline."""

    code = "stalled"
    retry = True


class Cancelled(InstallerError):
    """A person asked to stop."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__(Text(_("Stopped by a user.")), remedy=Text(_("Resume the installation.")))


class LeaseLost(InstallerError):
    """Another worker has this run now."""

    code = "lease-lost"

    def __init__(self) -> None:
        super().__init__(Text(_("Another worker has taken over this run.")), remedy=Text(_("Nothing to do.")))
