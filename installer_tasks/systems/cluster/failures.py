"""What Kubernetes and the way to it answer, as errors of the installer: value, cause, remedy, and never a secret."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    Unreachable,
)
from installer_tasks.systems.certificates.tls import causes, classify_ssl_error
from installer_tasks.systems.cluster import refusals
from installer_tasks.systems.cluster.refusals import Call
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: An apply that contradicts itself or the schema is answered with 500; trying it again changes nothing.
_MALFORMED = "failed to create typed patch object"


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
    refused = refusals.of_admission(call, body)
    if refused is not None:
        return refused
    maker = _BY_STATUS.get(status)
    if maker is not None and (body or status in (401, 403, 429, 503)):
        return maker(call, body)
    if status == 404 and call.kind:  # in plain text: what served it a moment ago has gone
        return _unknown_kind(call)
    if status >= 500:
        return _server_error(call, body, status)
    return _invalid(call, body) if body else _not_kubernetes(call, f"HTTP {status}")


def _status_object(body: Any) -> dict[str, Any]:
    """The `Status` of an error answer; empty when the other side is no Kubernetes API."""
    try:
        status = json.loads(body)
    except (TypeError, ValueError):
        return {}
    return status if isinstance(status, dict) and status.get("kind") == "Status" else {}


def _unauthorized(call: Call, body: Mapping[str, Any]) -> InstallerError:
    return Refused(
        text(_("The cluster rejects the credentials of the kubeconfig.")),
        value=call.server,
        remedy=text(_("They may have expired. Create a new token or kubeconfig and upload it.")),
        detail=refusals.message(call, body),
        code="kubernetes-unauthorized",
    )


def _not_found(call: Call, body: Mapping[str, Any]) -> InstallerError:
    return Missing(
        text(_("The cluster has no %(what)s."), what=str(call)),
        value=str(call),
        remedy=text(_("Check the name and the namespace.")),
        detail=refusals.message(call, body),
        code="kubernetes-missing",
    )


def _unknown_kind(call: Call) -> InstallerError:
    return Missing(
        text(_("The cluster does not have the resource kind %(kind)s."), kind=call.kind),
        value=call.kind,
        remedy=text(
            _(
                "Install the component that provides this kind: kapp-controller for "
                "packages, cert-manager for certificates."
            )
        ),
        code="kubernetes-no-kind",
    )


def _conflict(call: Call, body: Mapping[str, Any]) -> InstallerError:
    causes = (body.get("details") or {}).get("causes") or []
    owned = [cause for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    if not owned:
        return Conflict(
            text(_("%(what)s already exists or was changed meanwhile."), what=str(call)),
            value=str(call),
            remedy=text(_("Try again; the installer reads the latest state first.")),
            detail=refusals.message(call, body),
            code="kubernetes-conflict",
        )
    managers = sorted({_manager(str(cause.get("message", ""))) for cause in owned})
    fields = ", ".join(str(cause.get("field", "")) for cause in owned[:5])
    return Conflict(
        text(
            _("Managed by %(managers)s: %(fields)s of %(what)s."),
            fields=fields,
            what=str(call),
            managers=", ".join(managers),
        ),
        value=str(call),
        remedy=text(_("Ask the owner of that tool, or let the installer take over these fields.")),
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
        remedy=text(_("Wait a minute, then try again.")),
        detail=refusals.message(call, body),
        code="kubernetes-busy",
    )


def _invalid(call: Call, body: Mapping[str, Any]) -> InstallerError:
    return Invalid(
        text(_("The cluster rejects %(what)s as invalid."), what=str(call)),
        value=str(call),
        remedy=text(_("Read the cluster's message and correct the value it refers to.")),
        detail=refusals.message(call, body),
        code="kubernetes-invalid",
    )


def _server_error(call: Call, body: Mapping[str, Any], status: int) -> InstallerError:
    if _MALFORMED in str(body.get("message", "")):
        return _invalid(call, body)
    message = refusals.message(call, body)
    webhook = re.search(r'failed calling webhook "([^"]+)"', str(body.get("message", "")))
    if webhook:
        return Busy(
            text(_("The cluster's webhook %(webhook)s does not respond."), webhook=webhook.group(1)),
            value=str(call),
            remedy=text(
                _("It may have started recently. Wait a few minutes and try again; if it still fails, check its pods.")
            ),
            detail=message,
            code="kubernetes-webhook",
        )
    return Busy(
        text(_("The Kubernetes API failed with HTTP %(status)s."), status=status),
        value=call.server,
        remedy=text(_("Try again. If it still fails, check the log of the API server.")),
        detail=message,
        code="kubernetes-error",
    )


def _not_kubernetes(call: Call, detail: str) -> InstallerError:
    return Invalid(
        text(_("The server at this address is not a Kubernetes API server.")),
        value=call.server,
        remedy=text(_("Check the host, port and path of the server in the kubeconfig.")),
        detail=detail,
        code="kubernetes-other",
    )


_BY_STATUS = {
    400: _invalid,
    401: _unauthorized,
    403: refusals.forbidden,
    404: _not_found,
    409: _conflict,
    422: _invalid,
    429: _busy,
    503: _busy,
}


def of_connection(error: BaseException, call: Call) -> InstallerError:
    """No answer at all: the name, the route, the port, or TLS."""
    chain = tuple(causes(error))
    for link in chain:
        if isinstance(link, ssl.SSLError):
            failure = classify_ssl_error(link, call.server.partition("://")[2], _TLS_REMEDIES)
            failure.value = call.server
            return failure
    cause, code = _unreachable(chain)
    return Unreachable(cause, value=call.server, code=code)


def _unreachable(chain: tuple[BaseException, ...]) -> tuple[Text, str]:
    for kind, cause, code in _UNREACHABLE:
        if any(isinstance(link, kind) for link in chain):
            return cause, code
    return text(_("The Kubernetes API is not reachable.")), "unreachable"


_UNREACHABLE: tuple[tuple[type[BaseException], Text, str], ...] = (
    (urllib3.exceptions.NameResolutionError, text(_("The server's name does not resolve.")), "unreachable-name"),
    (ConnectionRefusedError, text(_("The server refuses connections on this port.")), "unreachable-refused"),
    (urllib3.exceptions.TimeoutError, text(_("The server did not respond in time.")), "unreachable-timeout"),
    (TimeoutError, text(_("The server did not respond in time.")), "unreachable-timeout"),
    (
        urllib3.exceptions.ProtocolError,
        text(_("The connection was closed before the response was complete.")),
        "unreachable",
    ),
)

_ADD_CA = text(
    _("Add the CA certificate that signed the API server's certificate to the kubeconfig: certificate-authority-data.")
)
_TLS_REMEDIES = {
    "tls-unknown-ca": _ADD_CA,
    "tls-wrong-name": text(_("Set server to a name in the certificate, or set tls-server-name.")),
    "tls-none": text(_("Check the port of the server in the kubeconfig.")),
    "tls-handshake": text(
        _("Check that the server is a Kubernetes API server, and that the client certificate belongs to it.")
    ),
}
