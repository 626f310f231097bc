"""What the cluster refuses, and who refused it: permissions, admission, quota, a namespace that goes away.

HTTP 403 alone says none of this: only `User … cannot …` is a missing permission.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from installer_tasks.errors import Busy, InstallerError, Refused
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


def message(call: Call, body: Mapping[str, Any]) -> str:
    """The server's own words, except about Secrets: a validation message may quote their data."""
    return "" if call.kind == "Secret" else str(body.get("message", ""))


def of_admission(call: Call, body: Mapping[str, Any]) -> InstallerError | None:
    """A refusal by what stands between permissions and storage; it may have any status. None when it is none."""
    said = str(body.get("message", ""))
    for pattern, make in _ADMISSION:
        found = re.search(pattern, said, re.DOTALL)
        if found is not None:
            error = make(call, found)
            error.detail = error.detail or message(call, body)[:2000]
            return error
    return None


def forbidden(call: Call, body: Mapping[str, Any]) -> InstallerError:
    """HTTP 403: a missing permission if the cluster says so, else the cluster's own words."""
    said = str(body.get("message", ""))
    user = re.search(r'User "([^"]+)" cannot', said)
    return _no_permission(call, user.group(1), said) if user else _other(call, message(call, body))


def _no_permission(call: Call, user: str, said: str) -> InstallerError:
    what = call.resource or call.kind or call.server
    if call.namespace:
        cause = text(
            _("The kubeconfig's user %(user)s has no permission to %(verb)s %(what)s in namespace %(namespace)s."),
            user=user,
            verb=call.verb,
            what=what,
            namespace=call.namespace,
        )
    else:
        cause = text(
            _("The kubeconfig's user %(user)s has no permission to %(verb)s %(what)s."),
            user=user,
            verb=call.verb,
            what=what,
        )
    return Refused(
        cause,
        value=f"{call.verb} {what}",
        remedy=text(
            _("Upload the kubeconfig of a user bound to the ClusterRole cluster-admin, or grant this permission.")
        ),
        detail=said,
        code="kubernetes-forbidden",
    )


def _other(call: Call, said: str) -> InstallerError:
    return Refused(
        text(_("The cluster refuses to %(verb)s %(what)s."), verb=call.verb, what=str(call)),
        value=str(call),
        remedy=text(
            _(
                "Read the cluster's message. Without one, a proxy or gateway in front of the API server may have "
                "responded."
            )
        ),
        detail=said,
        code="kubernetes-refused",
    )


def _pod_security(call: Call, _found: re.Match[str]) -> InstallerError:
    return Refused(
        text(_("The Pod Security level of namespace %(namespace)s rejects this pod."), namespace=call.namespace),
        value=str(call),
        remedy=text(_("Label the namespace: pod-security.kubernetes.io/enforce=privileged")),
        code="kubernetes-pod-security",
    )


def _terminating(call: Call, _found: re.Match[str]) -> InstallerError:
    return Busy(
        text(_("Namespace %(namespace)s is being deleted."), namespace=call.namespace or call.name),
        value=str(call),
        remedy=text(_("Wait until it is gone, then try again. If it stays, remove the finalizers of what is in it.")),
        code="kubernetes-terminating",
    )


def _quota(call: Call, found: re.Match[str]) -> InstallerError:
    return _refused(
        call,
        text(_("The ResourceQuota %(quota)s of the namespace allows no more."), quota=found.group(1).strip()),
        text(_("Raise or delete the quota, then try again.")),
        "kubernetes-quota",
    )


def _limit_range(call: Call, _found: re.Match[str]) -> InstallerError:
    return _refused(
        call,
        text(_("A LimitRange of the namespace does not allow %(what)s."), what=str(call)),
        text(_("Raise or delete the LimitRange, then try again.")),
        "kubernetes-limit-range",
    )


def _policy(call: Call, found: re.Match[str]) -> InstallerError:
    return _refused(
        call,
        text(_("The admission policy %(policy)s rejects %(what)s."), policy=found.group(1), what=str(call)),
        text(_("Ask the owner of that policy to exempt the namespace, or change what it rejects.")),
        "kubernetes-admission",
    )


def _refused(call: Call, cause: Text, remedy: Text, code: str) -> InstallerError:
    return Refused(cause, value=str(call), remedy=remedy, code=code)


_ADMISSION: tuple[tuple[str, Callable[[Call, re.Match[str]], InstallerError]], ...] = (
    (r"violates PodSecurity", _pod_security),
    (r"because it is being terminated", _terminating),
    (r"exceeded quota: ([^,]+)", _quota),
    (r"failed quota: ([^:]+)", _quota),
    (r"is forbidden: \[?(?:maximum|minimum) \w+ .{0,40}per (?:Container|Pod|PersistentVolumeClaim)", _limit_range),
    (r'admission webhook "([^"]+)" denied the request', _policy),
    (r"ValidatingAdmissionPolicy '([^']+)'", _policy),
    (r"unable to validate against any (pod security policy)", _policy),
)
