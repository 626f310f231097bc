"""From a registry's answer, or from none, to the error that says what to do."""

from __future__ import annotations

import re
import socket
import ssl

from installer_tasks.errors import InstallerError
from installer_tasks.local.outside import shortened
from installer_tasks.systems.registry import errors
from installer_tasks.systems.registry.answer import Answer, Known
from installer_tasks.systems.registry.refusals import refusal_of
from installer_tasks.systems.registry.wire import ConnectFailed
from installer_tasks.text import mark as _
from installer_tasks.text import text

__all__ = ["Answer", "Known", "error_of", "error_of_failure"]


def error_of(answer: Answer) -> InstallerError:
    """The error that `answer`, which is not what was asked for, stands for."""
    said, codes = answer.words.lower(), answer.codes
    found = _by_words(answer, said, codes)
    if found is None and answer.status in (401, 403):
        return refusal_of(answer)
    kind, template = found or _by_status(answer, codes)
    error = kind(text(template, **answer.where), value=answer.url, detail=answer.detail)
    if isinstance(error, errors.Later):
        error.wait = answer.retry_after
    if isinstance(error, errors.MissingOnPut):
        error.digests = tuple(re.findall(r"sha(?:256|512):[0-9a-f]{64,128}", answer.body.decode("utf-8", "replace")))
    return error


Kind = tuple[type[InstallerError], str]
#: Harbor's, Nexus's and Artifactory's words for a place that only fetches from elsewhere.
_PULL_ONLY = ("to a proxy project", "deploying to groups", "remote repository", "virtual repository")
_FAILED = _("%(request)s returned %(status)s: %(words)s.")
_BUSY = _("The registry is busy: %(request)s returned %(status)s, %(words)s.")


def _by_words(answer: Answer, said: str, codes: set[str]) -> Kind | None:
    """What only the sentence or the code tells, whatever the status."""
    if "exceed the configured upper limit" in said or ("quota" in said and answer.status in (400, 403, 412, 500)):
        return errors.QuotaExceeded, _("The project's quota is exhausted: %(words)s.")
    if "read only" in said or "read-only" in said:
        return errors.ReadOnly, _("The registry does not accept changes at the moment: %(words)s.")
    if "immutable" in said or (answer.status == 412 and "PRECONDITION" in codes):
        return errors.TagLocked, _("The registry rejected %(request)s: %(words)s.")
    if answer.status in (401, 403, 405) and any(words in said for words in _PULL_ONLY):
        return errors.PullOnly, _("Nothing can be pushed there: %(words)s.")
    return _by_code(codes) if answer.status in (400, 404, 416) else None


def _by_code(codes: set[str]) -> Kind | None:
    kinds: dict[str, Kind] = {
        "MANIFEST_BLOB_UNKNOWN": (errors.MissingOnPut, _("The registry lacks content that was pushed: %(words)s.")),
        "BLOB_UPLOAD_UNKNOWN": (errors.UploadLost, _("The registry lost an upload: %(request)s, %(words)s.")),
        "BLOB_UPLOAD_INVALID": (errors.UploadLost, _("The registry lost an upload: %(request)s, %(words)s.")),
        "DIGEST_INVALID": (
            errors.ChangedInTransit,
            _("The registry received different content than was sent: %(words)s."),
        ),
        "MANIFEST_INVALID": (errors.PolicyRefused, _("The registry rejected a manifest: %(words)s.")),
        "NAME_INVALID": (errors.BadName, _("The registry rejects the repository name: %(request)s.")),
        "NAME_UNKNOWN": (errors.ProjectMissing, _("The project or repository does not exist: %(request)s.")),
        "PROJECT_NOT_FOUND": (errors.ProjectMissing, _("The project does not exist: %(request)s.")),
        "NOT_FOUND": (errors.ProjectMissing, _("The project does not exist: %(request)s returned %(words)s.")),
    }
    return next((kinds[code] for code in sorted(codes) if code in kinds), None)


def _by_status(answer: Answer, codes: set[str]) -> Kind:
    kinds: dict[int, Kind] = {
        400: _plain_http_or_failed(answer),
        404: (errors.BadName if not codes else errors.UnexpectedAnswer, _FAILED),
        405: (errors.ReadOnly if "UNSUPPORTED" in codes else errors.UnexpectedAnswer, _FAILED),
        412: (errors.PolicyRefused, _("A policy of the project blocked this: %(words)s.")),
        413: (errors.BodyTooLarge, _("A proxy (%(server)s) rejected the size of a request: %(request)s returned 413.")),
        416: (errors.UploadLost, _FAILED),
        429: (errors.RegistryBusy, _BUSY),
        500: (errors.StorageFailed, _("The registry failed: %(request)s returned 500, %(words)s.")),
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
        cause = text(_("%(host)s did not respond in time (%(request)s)."), host=host, request=request)
        return errors.ConnectionLost(cause, value=host, detail=request)
    template = _("The connection to %(host)s was lost during %(request)s: %(reason)s.")
    cause = text(template, host=host, request=request, reason=_reason(failure))
    return errors.ConnectionLost(cause, value=host, detail=request)


def _no_connection(failure: ConnectFailed, host: str, request: str) -> InstallerError:
    reason = failure.reason
    if isinstance(reason, ssl.SSLError):
        # slow to load, and mostly not needed
        from installer_tasks.systems.certificates.tls import classify_ssl_error  # noqa: PLC0415

        return classify_ssl_error(reason, host)
    if failure.proxy:
        template = _("The proxy between this machine and %(host)s failed: %(reason)s.")
        return errors.NothingAnswers(text(template, host=host, reason=_reason(reason)), value=host, detail=request)
    if isinstance(reason, socket.gaierror):
        cause = text(_("This machine cannot resolve the name %(host)s."), host=host)
        return errors.NameUnknown(cause, value=host)
    cause = text(_("Cannot connect to %(host)s: %(reason)s."), host=host, reason=_reason(reason))
    return errors.NothingAnswers(cause, value=host, detail=request)


def _reason(failure: BaseException) -> str:
    """In the operating system's words."""
    words = failure.strerror if isinstance(failure, OSError) and failure.strerror else str(failure)
    return shortened(words, 300)
