"""Faults of the practice cluster's API, and of the kubeconfig that its customer hands over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.faults.base import Fault
from installer_tasks.rehearsal.faults.kube_changes import made
from installer_tasks.rehearsal.kube.kubeconfig import CONTEXT, kubeconfig
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

ACCOUNT = "tmc-installer"
_RBAC = "rbac.authorization.k8s.io"


def _account(estate: Estate) -> Callable[[], None]:
    """A service account that may do everything, as somebody makes one for an installation."""
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "kube-system"}
    return made(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": "kube-system"}},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": ACCOUNT},
            "subjects": [subject],
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        },
    )(estate)


def _short_token(estate: Estate) -> Mapping[str, str]:
    return _token(estate, estate.kube.issue_token("kube-system", ACCOUNT, 3600))


def _old_token(estate: Estate) -> Mapping[str, str]:
    return _token(estate, estate.kube.issue_token("kube-system", ACCOUNT, -86400))


def _old_certificate(estate: Estate) -> Mapping[str, str]:
    """The admin.conf of a year ago."""
    who = estate.ca.issue(
        [], common_name="kubernetes-admin", organizations=["system:masters"], client=True, lifetime=-timedelta(days=3)
    )
    return {
        "cluster.kubeconfig": kubeconfig(
            estate.kube.url, estate.ca.ca_pem, client_certificate=who.cert_pem, client_key=who.key_pem, context=CONTEXT
        )
    }


def _unknown_token(estate: Estate) -> Mapping[str, str]:
    """As of a service account that was deleted, or of another cluster."""
    return _token(estate, "not-a-token-of-this-cluster")


def _token(estate: Estate, token: str) -> Mapping[str, str]:
    return {"cluster.kubeconfig": kubeconfig(estate.kube.url, estate.ca.ca_pem, token=token, context=CONTEXT)}


def _reader(estate: Estate) -> Mapping[str, str]:
    return {"cluster.kubeconfig": estate.kubeconfig("read-only")}


def _other_authority(estate: Estate) -> Mapping[str, str]:
    """As when the cluster was made anew and the kubeconfig is of the one before."""
    other, token = PracticeCA.load_or_create(estate.folder / "earlier-ca"), estate.passwords.kube_admin
    return {"cluster.kubeconfig": kubeconfig(estate.kube.url, other.ca_pem, token=token, context=CONTEXT)}


FAULTS = (
    Fault("kube.slow", _("The Kubernetes API takes two seconds for each response")),
    Fault("kube.unavailable", _("The Kubernetes API returns 503"), "cluster.reachable", "overloaded"),
    Fault("kube.clock", _("The control plane's clock is seven minutes ahead"), "cluster.clock", "NTP"),
    Fault("kube.version-old", _("The cluster runs Kubernetes 1.22"), "cluster.version-supported", "v1.22.17"),
    Fault("kube.packages-unavailable", _("The aggregated API of kapp-controller does not respond"), "cluster.apis",
          "its API does not respond"),
    Fault("kube.reader", _("The kubeconfig's user has read-only permissions"), "cluster.rights", "kind: ClusterRoleBinding",
          answers=_reader),
    Fault("kube.other-authority", _("The kubeconfig contains the CA certificate of an earlier cluster"), "cluster.reachable",
          "signed by an unknown CA", answers=_other_authority),
    Fault("kube.token-unknown", _("The kubeconfig's token is for another cluster"), "cluster.reachable",
          "rejects the credentials", answers=_unknown_token),
    Fault("kube.token-expired", _("The kubeconfig's token expired yesterday"), "cluster.reachable", "have expired",
          change=_account, answers=_old_token),
    Fault("kube.certificate-expired", _("The kubeconfig's client certificate has expired"), "cluster.reachable",
          "have expired", answers=_old_certificate),
    Fault("kube.token-short", _("The kubeconfig's token is valid for one hour"), "cluster.kubeconfig-expiry",
          "--duration=48h", change=_account, answers=_short_token),
)  # fmt: skip
