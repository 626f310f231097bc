"""What Kubernetes and the way to it answer, as errors of the installer: value, cause, remedy, and never a secret."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ResourceNotFoundError, ResourceNotUniqueError

from installer_tasks.errors import (
    Busy,
    Conflict,
    InstallerError,
    Invalid,
    Missing,
    Refused,
    TlsFailure,
    Unreachable,
)
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _


@dataclass(frozen=True)
class Call:
    """What was asked of which server, so that a refusal can name it."""

    server: str
    verb: str  #: as in RBAC: get, list, watch, create, patch, delete
    kind: str = ""
    name: str = ""
    namespace: str = ""
    resource: str = ""  #: plural with its group, `nodes` or `packageinstalls.packaging.carvel.dev`

    def __str__(self) -> str:
        """`Secret tmc-local/values`, for the value of an error."""
        place = "/".join(part for part in (self.namespace, self.name) if part)
        return " ".join(part for part in (self.kind, place) if part) or self.server


@contextmanager
def failures(call: Call) -> Iterator[None]:
    """Turn what the library raises into our errors. Its own messages carry headers and bodies: they go no further."""
    try:
        yield
    except ApiException as error:
        raise of_answer(error, call) from None
    except (ResourceNotFoundError, ResourceNotUniqueError):
        raise _unknown_kind(call) from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise of_connection(error, call) from None
    # Discovery met something that is not the Kubernetes API.
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _not_kubernetes(call, "") from None


def of_answer(error: ApiException, call: Call) -> InstallerError:
    """An answer with a status code, or none at all when TLS failed."""
    status = int(error.status or 0)
    if status == 0:
        return of_connection(error, call)
    body = _status_object(error.body)
    maker = _BY_STATUS.get(status)
    if maker is not None and (body or status in (401, 403, 429, 503)):
        return maker(call, body)
    if status >= 500:
        return _server_error(call, body, status)
    if body:
        return _invalid(call, body)
    return _not_kubernetes(call, f"HTTP {status}")


def _status_object(body: Any) -> dict[str, Any]:
    """The `Status` of an error answer; empty when the other side is no Kubernetes API."""
    try:
        status = json.loads(body)
    except (TypeError, ValueError):
        return {}
    return status if isinstance(status, dict) and status.get("kind") == "Status" else {}


def _message(call: Call, body: Mapping[str, Any]) -> str:
    """The server's own words, except about Secrets: a validation message may quote their data."""
    return "" if call.kind == "Secret" else str(body.get("message", ""))


def _unauthorized(call: Call, body: Mapping[str, Any]) -> InstallerError:
    return Refused(
        text(_("The cluster does not accept the credentials of the kubeconfig.")),
        value=call.server,
        remedy=text(_("They may have expired: make a new token or kubeconfig and upload that.")),
        detail=_message(call, body),
        code="kubernetes-unauthorized",
    )


def _forbidden(call: Call, body: Mapping[str, Any]) -> InstallerError:
    message = str(body.get("message", ""))
    if "violates PodSecurity" in message:
        return _pod_security(call, message)
    user = re.search(r'User "([^"]+)" cannot', message)
    who = user.group(1) if user else "?"
    what = call.resource or call.kind or call.server
    if call.namespace:
        cause = text(
            _("The user %(user)s of the kubeconfig may not %(verb)s %(what)s in namespace %(namespace)s."),
            user=who,
            verb=call.verb,
            what=what,
            namespace=call.namespace,
        )
    else:
        cause = text(
            _("The user %(user)s of the kubeconfig may not %(verb)s %(what)s."), user=who, verb=call.verb, what=what
        )
    return Refused(
        cause,
        value=f"{call.verb} {what}",
        remedy=text(_("Upload a kubeconfig of a user bound to the ClusterRole cluster-admin, or grant this right.")),
        detail=message,
        code="kubernetes-forbidden",
    )


def _pod_security(call: Call, message: str) -> InstallerError:
    return Refused(
        text(_("Pod security of namespace %(namespace)s refuses this pod."), namespace=call.namespace),
        value=str(call),
        remedy=text(_("Label the namespace: pod-security.kubernetes.io/enforce=privileged")),
        detail=message,
        code="kubernetes-pod-security",
    )


def _not_found(call: Call, body: Mapping[str, Any]) -> InstallerError:
    return Missing(
        text(_("There is no %(what)s in the cluster."), what=str(call)),
        value=str(call),
        remedy=text(_("Check the name and the namespace.")),
        detail=_message(call, body),
        code="kubernetes-missing",
    )


def _unknown_kind(call: Call) -> InstallerError:
    return Missing(
        text(_("The cluster knows no %(kind)s."), kind=call.kind),
        value=call.kind,
        remedy=text(_("Install what brings this kind: kapp-controller for packages, cert-manager for certificates.")),
        code="kubernetes-no-kind",
    )


def _conflict(call: Call, body: Mapping[str, Any]) -> InstallerError:
    causes = (body.get("details") or {}).get("causes") or []
    owned = [cause for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    if not owned:
        return Conflict(
            text(_("%(what)s exists already or was changed meanwhile."), what=str(call)),
            value=str(call),
            remedy=text(_("Try again; the newest state is read first.")),
            detail=_message(call, body),
            code="kubernetes-conflict",
        )
    managers = sorted({_manager(str(cause.get("message", ""))) for cause in owned})
    fields = ", ".join(str(cause.get("field", "")) for cause in owned[:5])
    return Conflict(
        text(
            _("%(fields)s of %(what)s belongs to %(managers)s."),
            fields=fields,
            what=str(call),
            managers=", ".join(managers),
        ),
        value=str(call),
        remedy=text(_("Ask who looks after it with that tool, or let the installer take these fields over.")),
        code="kubernetes-owned",
        retry=False,
    )


def _manager(message: str) -> str:
    found = re.search(r'conflict with "([^"]+)"', message)
    return found.group(1) if found else message


def _busy(call: Call, body: Mapping[str, Any]) -> InstallerError:
    return Busy(
        text(_("The Kubernetes API is overloaded or not ready.")),
        value=call.server,
        remedy=text(_("Wait a minute and try again.")),
        detail=_message(call, body),
        code="kubernetes-busy",
    )


def _invalid(call: Call, body: Mapping[str, Any]) -> InstallerError:
    return Invalid(
        text(_("The cluster refuses %(what)s as invalid."), what=str(call)),
        value=str(call),
        remedy=text(_("Look at the cluster's own words and correct the answer that went into it.")),
        detail=_message(call, body),
        code="kubernetes-invalid",
    )


def _server_error(call: Call, body: Mapping[str, Any], status: int) -> InstallerError:
    message = _message(call, body)
    webhook = re.search(r'failed calling webhook "([^"]+)"', str(body.get("message", "")))
    if webhook:
        return Busy(
            text(_("The webhook %(webhook)s of the cluster does not answer."), webhook=webhook.group(1)),
            value=str(call),
            remedy=text(_("It may have just started: wait some minutes and try again; then look at its pods.")),
            detail=message,
            code="kubernetes-webhook",
        )
    return Busy(
        text(_("The Kubernetes API failed with HTTP %(status)s."), status=status),
        value=call.server,
        remedy=text(_("Try again; if it stays, look at the log of the API server.")),
        detail=message,
        code="kubernetes-error",
    )


def _not_kubernetes(call: Call, detail: str) -> InstallerError:
    return Invalid(
        text(_("What answers at this address is not the Kubernetes API.")),
        value=call.server,
        remedy=text(_("Check host, port and path of the server in the kubeconfig.")),
        detail=detail,
        code="kubernetes-other",
    )


_BY_STATUS = {
    400: _invalid,
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    409: _conflict,
    422: _invalid,
    429: _busy,
    503: _busy,
}


def of_connection(error: BaseException, call: Call) -> InstallerError:
    """No answer at all: the name, the route, the port, or TLS."""
    chain = tuple(_chain(error))
    for link in chain:
        if isinstance(link, ssl.SSLError):
            return _tls(link, call)
    cause, code = _unreachable(chain)
    return Unreachable(cause, value=call.server, code=code)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, however the libraries packed it."""
    seen: set[int] = set()
    pending: list[Any] = [error]
    while pending:
        link = pending.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            pending += [getattr(link, "reason", None), link.__cause__, link.__context__, *link.args]


def _unreachable(chain: tuple[BaseException, ...]) -> tuple[Text, str]:
    for kind, cause, code in _UNREACHABLE:
        if any(isinstance(link, kind) for link in chain):
            return cause, code
    return text(_("The Kubernetes API cannot be reached.")), "unreachable"


_UNREACHABLE: tuple[tuple[type[BaseException], Text, str], ...] = (
    (urllib3.exceptions.NameResolutionError, text(_("The name of the server does not resolve.")), "unreachable-name"),
    (ConnectionRefusedError, text(_("Nothing listens on this port of the server.")), "unreachable-refused"),
    (urllib3.exceptions.TimeoutError, text(_("The server did not answer in time.")), "unreachable-timeout"),
    (TimeoutError, text(_("The server did not answer in time.")), "unreachable-timeout"),
    (
        urllib3.exceptions.ProtocolError,
        text(_("The connection was cut before the answer was complete.")),
        "unreachable",
    ),
)

_ADD_CA = text(
    _("Put the CA that signed the API server's certificate into the kubeconfig: certificate-authority-data.")
)
_CERTIFICATE_PROBLEMS: dict[int, tuple[Text, Text, str]] = {
    10: (
        text(_("The server's certificate has expired.")),
        text(_("Renew the certificate of the API server.")),
        "tls-expired",
    ),
    9: (
        text(_("The server's certificate is not valid yet.")),
        text(_("Compare the clocks of this machine and of the server.")),
        "tls-not-yet-valid",
    ),
    62: (
        text(_("The server's certificate is for another name.")),
        text(_("Use a name that is in the certificate as server, or set tls-server-name.")),
        "tls-name",
    ),
    64: (
        text(_("The server's certificate is for another address.")),
        text(_("Use a name that is in the certificate as server, or set tls-server-name.")),
        "tls-name",
    ),
}
_UNKNOWN_CA = (
    text(_("The server's certificate is signed by an authority that the kubeconfig does not name.")),
    _ADD_CA,
    "tls-unknown-ca",
)


def _tls(error: ssl.SSLError, call: Call) -> InstallerError:
    detail = str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        cause, remedy, code = _CERTIFICATE_PROBLEMS.get(error.verify_code, _UNKNOWN_CA)
        return TlsFailure(cause, value=call.server, remedy=remedy, detail=error.verify_message, code=code)
    if re.search(r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|HTTP_REQUEST|UNKNOWN_PROTOCOL|INVALID_ALERT", detail):
        return TlsFailure(
            text(_("The server does not speak TLS on this port.")),
            value=call.server,
            remedy=text(_("Check the port of the server in the kubeconfig.")),
            detail=detail,
            code="tls-none",
        )
    return TlsFailure(
        text(_("The TLS handshake with the server failed.")),
        value=call.server,
        remedy=text(_("Check that the server is the Kubernetes API and that the client certificate is meant for it.")),
        detail=detail,
        code="tls",
    )
