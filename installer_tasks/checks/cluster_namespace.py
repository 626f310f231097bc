"""Judging the release's namespace: that it is not going away, and that nothing in it keeps pods out."""

from __future__ import annotations

from typing import Any

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.checks.cluster import REACHED, WITH_RELEASE
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: The least that the release makes, by what a quota counts (facts: running installations, rounded down).
LEAST = {
    "pods": 40,
    "count/pods": 40,
    "persistentvolumeclaims": 6,
    "count/persistentvolumeclaims": 6,
    "services.loadbalancers": 1,
}
_POLICIES = """\
kubectl create clusterrolebinding tmc-sm-privileged-pods \
--clusterrole=psp:vmware-system-privileged --group=system:serviceaccounts:{namespace}"""


def _not_terminating(facts: Facts) -> Verdict:
    home = facts("cluster", "home")
    if not home["going"]:
        return passed(_("The namespace %(name)s is not being deleted."), name=home["name"])
    held = home["held"]
    return Verdict(
        Level.FAIL,
        text(_("The namespace %(name)s is stuck in Terminating."), name=home["name"]),
        value=", ".join(f"{one['kind']}/{one['name']} ({', '.join(one['finalizers'])})" for one in held[:5])
        or home["name"],
        cause=text(
            _("It was deleted at %(since)s and %(count)d objects in it wait for a controller to let them go."),
            since=home["since"],
            count=len(held),
        ),
        remedy=text(_("Wait a few minutes; if it stays, take the finalizers off what is no longer looked after.")),
        command="\n".join(_let_go(one, home["name"]) for one in held[:20]) or f"kubectl get all -n {home['name']}",
        evidence=home,
    )


def _let_go(held: dict[str, Any], namespace: str) -> str:
    patch = '{"metadata":{"finalizers":null}}'
    return f"kubectl -n {namespace} patch {held['kind'].lower()} {held['name']} --type merge -p '{patch}'"


def _pod_security(facts: Facts) -> Verdict:
    home = facts("cluster", "home")
    name, enforces = home["name"], home["enforces"]
    if enforces in ("restricted", "baseline"):
        return Verdict(
            Level.WARN,
            text(_("The namespace %(name)s enforces %(level)s pods."), name=name, level=enforces),
            value=f"pod-security.kubernetes.io/enforce={enforces}",
            cause=text(_("The release's pods are privileged. The run sets the label; a policy may set it back.")),
            remedy=text(_("Have whoever set the label agree to privileged, and set it.")),
            command=f"kubectl label --overwrite namespace {name} pod-security.kubernetes.io/enforce=privileged",
            evidence={"enforces": enforces},
        )
    if home["policies"]:
        return Verdict(
            Level.WARN,
            text(_("The cluster still knows PodSecurityPolicies.")),
            value="podsecuritypolicies.policy",
            cause=text(
                _("Where they are enforced, pods of a new namespace are refused until a policy is bound to it.")
            ),
            remedy=text(_("Bind the privileged policy of this cluster to the namespace's service accounts.")),
            command=_POLICIES.format(namespace=name),
            evidence={"policies": True},
        )
    return passed(_("Nothing keeps privileged pods out of %(name)s; the run labels it."), name=name)


def _quota(facts: Facts) -> Verdict:
    limits = facts("cluster", "limits")
    names = [quota["name"] for quota in limits["quotas"]] + limits["ranges"]
    if not names:
        return passed(_("No quota and no limit range holds in %(namespace)s."), namespace=limits["namespace"])
    short = [
        f"{quota['name']}: {key} {allowed:g}"
        for quota in limits["quotas"]
        for key, allowed in quota["hard"].items()
        if allowed < LEAST.get(key, 0)
    ]
    return Verdict(
        Level.FAIL if short else Level.WARN,
        text(
            _("%(count)d objects limit the namespace %(namespace)s."), count=len(names), namespace=limits["namespace"]
        ),
        value=", ".join(short or names),
        cause=text(_("A quota allows less than the release needs, so pods or claims of it are refused."))
        if short
        else text(_("Pods that ask for more than a limit range allows, or for nothing under a quota, are refused.")),
        remedy=text(_("Remove them for the installation, or make them generous.")),
        command=f"kubectl -n {limits['namespace']} describe resourcequotas,limitranges",
        evidence=limits,
    )


CHECKS = (
    Check("cluster.namespace-not-terminating", _("The release's namespace is not being deleted"), Owner.PLATFORM,
          WITH_RELEASE, _not_terminating, needs=REACHED),
    Check("cluster.pod-security", _("The release's namespace takes privileged pods"), Owner.SECURITY, WITH_RELEASE,
          _pod_security, needs=REACHED),
    Check("cluster.quota", _("No quota holds the release back"), Owner.PLATFORM, WITH_RELEASE, _quota, needs=REACHED),
)  # fmt: skip
