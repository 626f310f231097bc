"""From a registry's answer, or from none, to the error that says what to do."""

from __future__ import annotations

import json
import re
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any

from installer_tasks.errors import InstallerError
from installer_tasks.registry import errors
from installer_tasks.registry.wire import ConnectFailed, Headers
from installer_tasks.text import mark as _
from installer_tasks.text import text


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    method: str
    url: str  #: without query: it may carry upload state
    status: int
    headers: Headers
    body: bytes = field(repr=False)

    @property
    def request(self) -> str:
        return f"{self.method} {self.url}"

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The registry's own list of errors; empty when the body is not of that form."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return []
        found = document.get("errors") if isinstance(document, dict) else None
        return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []

    @property
    def codes(self) -> set[str]:
        return {str(entry.get("code", "")) for entry in self.errors}

    @property
    def words(self) -> str:
        """What the registry said, short enough for a person."""
        said = "; ".join(str(entry.get("message") or entry.get("code")) for entry in self.errors)
        if not said:
            import html  # only for pages of proxies, and slow to load

            page = self.body[:4000].decode("utf-8", "replace")
            title = re.search(r"<title>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
            said = html.unescape(title[1]).strip() if title else re.sub(r"\s+", " ", page).strip()
        return said[:500]

    @property
    def retry_after(self) -> float:
        """Seconds that the registry asks to wait; dates are not worth a parser, no registry sends them."""
        value = self.headers.get("Retry-After", "")
        return min(float(value), 600.0) if value.isdigit() else 0.0

    @property
    def detail(self) -> str:
        """For the support view: request, status, server, its words."""
        marks = [f"{key}: {self.headers[key]}" for key in ("Server", "X-Request-Id") if key in self.headers]
        return "\n".join([f"{self.request} answered {self.status}", *marks, self.words])

    @property
    def where(self) -> dict[str, str | int]:
        """Parameters that every sentence about this answer may use."""
        return {
            "request": self.request,
            "status": self.status,
            "words": self.words or "-",
            "server": self.headers.get("Server", "-"),
        }


def error_of(answer: Answer) -> InstallerError:
    """The error that `answer`, which is not what was asked for, stands for."""
    said, codes = answer.words.lower(), answer.codes
    kind, template = _by_words(answer, said, codes) or _by_status(answer, codes)
    error = kind(text(template, **answer.where), value=answer.url, detail=answer.detail)
    if isinstance(error, errors.Later):
        error.wait = answer.retry_after
    if isinstance(error, errors.MissingOnPut):
        error.digests = tuple(re.findall(r"sha(?:256|512):[0-9a-f]{64,128}", answer.body.decode("utf-8", "replace")))
    return error


Kind = tuple[type[InstallerError], str]
_REFUSED = _("The registry refused the user or password (%(request)s: %(words)s).")
_DENIED = _("This user may not do that: %(request)s answered %(status)s, %(words)s.")
_FAILED = _("%(request)s answered %(status)s: %(words)s.")
_BUSY = _("The registry is busy: %(request)s answered %(status)s, %(words)s.")


def _by_words(answer: Answer, said: str, codes: set[str]) -> Kind | None:
    """What only the sentence or the code tells, whatever the status."""
    if "exceed the configured upper limit" in said or ("quota" in said and answer.status in (400, 403, 412, 500)):
        return errors.QuotaExceeded, _("The project's quota is used up: %(words)s.")
    if "read only" in said or "read-only" in said:
        return errors.ReadOnly, _("The registry takes no changes now: %(words)s.")
    if "immutable" in said or (answer.status == 412 and "PRECONDITION" in codes):
        return errors.TagLocked, _("%(request)s was refused: %(words)s.")
    if answer.status == 401:
        return _refused_by_words(answer, said)
    return _by_code(codes) if answer.status in (400, 404, 416) else None


def _refused_by_words(answer: Answer, said: str) -> Kind | None:
    if _is_missing_project(answer, said):
        return errors.ProjectMissing, _("The project does not exist: %(request)s answered %(words)s.")
    return (errors.Denied, _DENIED) if _lacks_right(answer, said) else None


def _is_missing_project(answer: Answer, said: str) -> bool:
    """Harbor hides a missing project behind a 401 that challenges for nothing."""
    return "not found" in said or ("WWW-Authenticate" in answer.headers and not answer.headers["WWW-Authenticate"])


def _lacks_right(answer: Answer, said: str) -> bool:
    """The user is known, but may not do this."""
    challenge = answer.headers.get("WWW-Authenticate", "").lower()
    return "insufficient_scope" in challenge or ("to access repository" in said and "action:" in said)


def _by_code(codes: set[str]) -> Kind | None:
    kinds: dict[str, Kind] = {
        "MANIFEST_BLOB_UNKNOWN": (errors.MissingOnPut, _("The registry misses content that was sent: %(words)s.")),
        "BLOB_UPLOAD_UNKNOWN": (errors.UploadLost, _("The registry lost an upload: %(request)s, %(words)s.")),
        "BLOB_UPLOAD_INVALID": (errors.UploadLost, _("The registry lost an upload: %(request)s, %(words)s.")),
        "DIGEST_INVALID": (errors.ChangedInTransit, _("The registry received other bytes than were sent: %(words)s.")),
        "MANIFEST_INVALID": (errors.PolicyRefused, _("The registry refused a manifest: %(words)s.")),
        "NAME_INVALID": (errors.BadName, _("The registry refuses the repository's name: %(request)s.")),
        "NAME_UNKNOWN": (errors.ProjectMissing, _("The project or repository does not exist: %(request)s.")),
        "PROJECT_NOT_FOUND": (errors.ProjectMissing, _("The project does not exist: %(request)s.")),
        "NOT_FOUND": (errors.ProjectMissing, _("The project does not exist: %(request)s answered %(words)s.")),
    }
    return next((kinds[code] for code in sorted(codes) if code in kinds), None)


def _by_status(answer: Answer, codes: set[str]) -> Kind:
    kinds: dict[int, Kind] = {
        400: _plain_http_or_failed(answer),
        401: (errors.Unauthorized, _REFUSED),
        403: (errors.Denied, _DENIED),
        404: (errors.BadName if not codes else errors.UnexpectedAnswer, _FAILED),
        405: (errors.ReadOnly if "UNSUPPORTED" in codes else errors.UnexpectedAnswer, _FAILED),
        412: (errors.PolicyRefused, _("A policy of the project refused this: %(words)s.")),
        413: (errors.BodyTooLarge, _("A proxy (%(server)s) refused the size of a body: %(request)s answered 413.")),
        416: (errors.UploadLost, _FAILED),
        429: (errors.RegistryBusy, _BUSY),
        500: (errors.StorageFailed, _("The registry failed: %(request)s answered 500, %(words)s.")),
        502: (errors.ProxyTimeout, _BUSY),
        503: (errors.RegistryBusy, _BUSY),
        504: (errors.ProxyTimeout, _BUSY),
        507: (errors.StorageFailed, _FAILED),
    }
    known = kinds.get(answer.status)
    return known or (errors.RegistryBusy if answer.status >= 500 else errors.UnexpectedAnswer, _FAILED)


def _plain_http_or_failed(answer: Answer) -> Kind:
    if b"HTTP request to an HTTPS" in answer.body:
        return errors.WrongScheme, _("The registry expects TLS on this port (%(request)s).")
    return errors.UnexpectedAnswer, _FAILED


def error_of_failure(failure: Exception, host: str, request: str) -> InstallerError:
    """The error that a failed connection or a broken exchange stands for; `host` is who was asked."""
    if isinstance(failure, ConnectFailed):
        return _no_connection(failure, host, request)
    if isinstance(failure, TimeoutError):
        cause = text(_("%(host)s did not answer in time (%(request)s)."), host=host, request=request)
        return errors.ConnectionLost(cause, value=host, detail=request)
    template = _("The connection to %(host)s broke during %(request)s: %(reason)s.")
    cause = text(template, host=host, request=request, reason=_reason(failure))
    return errors.ConnectionLost(cause, value=host, detail=request)


def _no_connection(failure: ConnectFailed, host: str, request: str) -> InstallerError:
    reason = failure.reason
    if isinstance(reason, ssl.SSLError):
        return _tls_error(reason, host)
    if failure.proxy:
        template = _("The proxy on the way to %(host)s failed: %(reason)s.")
        return errors.NothingAnswers(text(template, host=host, reason=_reason(reason)), value=host, detail=request)
    if isinstance(reason, socket.gaierror):
        cause = text(_("The name %(host)s cannot be resolved on this machine."), host=host)
        return errors.NameUnknown(cause, value=host)
    cause = text(_("Nothing answers on %(host)s: %(reason)s."), host=host, reason=_reason(reason))
    return errors.NothingAnswers(cause, value=host, detail=request)


def _reason(failure: BaseException) -> str:
    """In the operating system's words."""
    return (failure.strerror if isinstance(failure, OSError) and failure.strerror else str(failure))[:300]


_NOT_YET, _EXPIRED, _WRONG_NAME = 9, 10, (62, 64)


def _tls_error(inner: ssl.SSLError, host: str) -> InstallerError:
    if not isinstance(inner, ssl.SSLCertVerificationError):
        cause = text(_("%(host)s does not speak TLS as it should: %(reason)s."), host=host, reason=str(inner)[:200])
        kind: type[InstallerError] = errors.WrongScheme
    elif inner.verify_code in (_NOT_YET, _EXPIRED):
        cause = text(
            _("The certificate of %(host)s is out of date: %(reason)s."), host=host, reason=inner.verify_message
        )
        kind = errors.CertificateDates
    elif inner.verify_code in _WRONG_NAME:
        cause = text(
            _("The certificate of %(host)s is for another name: %(reason)s"), host=host, reason=inner.verify_message
        )
        kind = errors.WrongCertificateName
    else:
        template = _("The certificate of %(host)s is signed by an authority unknown here: %(reason)s.")
        cause = text(template, host=host, reason=inner.verify_message)
        kind = errors.UnknownAuthority
    return kind(cause, value=host, detail=str(inner))
