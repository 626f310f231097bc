"""The cluster refuses to create something: policies, quotas, webhooks, namespaces (facts F29, F30, F44, F77)."""

from __future__ import annotations

from installer_tasks.diagnosis.base import ERROR, EVENT, OUTPUT, STAGE, Cause, Rank
from installer_tasks.text import mark as _

CREATE = (EVENT, ERROR, OUTPUT, STAGE)
_PODS = "kubectl -n %(namespace)s get events --field-selector reason=FailedCreate"

CAUSES = (
    Cause("admission.pod-security", CREATE, r"violates PodSecurity \"(?P<level>[^\"]+)\"",
          _("The Pod Security level %(level)s of the namespace rejects the pods."),
          _("Label the namespace: kubectl label namespace %(namespace)s pod-security.kubernetes.io/enforce=privileged --overwrite"),
          owner="cluster", proof="kubectl get namespace %(namespace)s --show-labels", settles=15),
    Cause("admission.psp", CREATE, r"unable to validate against any pod security policy",
          _("No PodSecurityPolicy allows the pods."),
          _("Bind the policy psp:vmware-system-privileged to the service accounts of the namespace."),
          owner="cluster", proof=_PODS, settles=15),
    Cause("admission.quota", CREATE, r"exceeded quota: (?P<quota>[^,\s]+)",
          _("The ResourceQuota %(quota)s of the namespace is used up."),
          _("Raise or delete the quota. The cluster retries by itself."),
          owner="cluster", proof="kubectl -n %(namespace)s describe quota %(quota)s", settles=15),
    Cause("admission.quota-unset", CREATE, r"failed quota: (?P<quota>[^:]+): must specify",
          _("The ResourceQuota %(quota)s requires limits that the pods do not have."),
          _("Delete the quota, or add a LimitRange with defaults."),
          owner="cluster", proof="kubectl -n %(namespace)s describe quota", settles=15),
    Cause("admission.limit-range", CREATE, r"(?:maximum|minimum) (?P<what>cpu|memory|storage)[\w ]* (?:usage )?per (?:Container|Pod|PersistentVolumeClaim)",
          _("A LimitRange of the namespace does not allow as much %(what)s as the pods require."),
          _("Raise or delete the LimitRange."),
          owner="cluster", proof="kubectl -n %(namespace)s describe limitrange", settles=15),
    Cause("admission.webhook-denied", CREATE, r"admission webhook \"(?P<hook>[^\"]+)\" denied the request",
          _("The policy behind the webhook %(hook)s rejects an object of the installation."),
          _("Ask the owner of that policy to exempt the namespace %(namespace)s."),
          owner="cluster", proof=_PODS, settles=15),
    Cause("admission.policy-denied", CREATE, r"ValidatingAdmissionPolicy '(?P<policy>[^']+)'",
          _("The admission policy %(policy)s rejects an object of the installation."),
          _("Ask the owner of that policy to exempt the namespace %(namespace)s."),
          owner="cluster", proof=_PODS, settles=15),
    Cause("admission.webhook-dead", CREATE, r"failed calling webhook \"(?P<hook>[^\"]+)\"",
          _("The webhook %(hook)s does not respond, and nothing can be created without it."),
          _("Restart the pods behind it, or delete its configuration when the product is no longer installed."),
          owner="cluster", proof="kubectl get validatingwebhookconfiguration,mutatingwebhookconfiguration"),
    Cause("admission.namespace-terminating", CREATE, r"because it is being terminated",
          _("Somebody is deleting the namespace %(namespace)s."),
          _("Wait until it is gone, then resume. If it stays, remove the finalizers of what is left in it."),
          owner="cluster", proof="kubectl get namespace %(namespace)s", rank=Rank.FIRST, settles=0),
    Cause("admission.priority-class", CREATE, r"no PriorityClass with name (?P<priority>\S+)",
          _("The PriorityClass %(priority)s does not exist in the cluster."),
          _("Create the PriorityClass, or remove it from the settings."),
          owner="cluster", proof="kubectl get priorityclass", settles=15),
    Cause("admission.account", (EVENT,), r"FailedCreate.*serviceaccount \"(?P<account>[^\"]+)\" not found",
          _("The pods wait for the service account %(account)s, which does not exist."),
          _("Find out who deleted it; kapp-controller creates it again within 10 minutes."),
          owner="cluster", proof="kubectl -n %(namespace)s get serviceaccount %(account)s"),
    Cause("admission.other", (EVENT,), r"FailedCreate: (?P<words>.+)",
          _("The cluster refuses to create the pods of %(about)s."),
          _("Read the message below. The cluster retries by itself once it is fixed."),
          owner="cluster", proof=_PODS, rank=Rank.GENERAL, settles=30),
)  # fmt: skip
