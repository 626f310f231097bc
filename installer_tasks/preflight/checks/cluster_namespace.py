"""Judging the release's namespace: that it is not going away, and that nothing in it keeps pods out."""

from __future__ import annotations

from shlex import quote

from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.checks.cluster import REACHED, WITH_RELEASE
from installer_tasks.preflight.shapes import cluster as shapes
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
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
    home = facts(shapes.HOME)
    if not home["going"]:
        return passed(_("Namespace %(name)s is not being deleted."), name=home["name"])
    held = home["held"]
    return Verdict(
        Level.FAIL,
        text(_("Namespace %(name)s is stuck in Terminating."), name=home["name"]),
        value=", ".join(f"{one['kind']}/{one['name']} ({', '.join(one['finalizers'])})" for one in held[:5])
        or home["name"],
        cause=text(
            ngettext(
                "It was deleted at %(since)s; %(count)d object in it still has a finalizer.",
                "It was deleted at %(since)s; %(count)d objects in it still have finalizers.",
            ),
            since=home["since"],
            count=len(held),
        ),
        remedy=text(
            _("Wait a few minutes. If it remains, remove the finalizers of objects whose controller no longer exists.")
        ),
        command="\n".join(_let_go(one, home["name"]) for one in held[:20])
        or f"kubectl get all -n {quote(home['name'])}",
        evidence=home,
    )


def _let_go(held: shapes.Held, namespace: str) -> str:
    patch = '{"metadata":{"finalizers":null}}'
    what = f"{quote(held['kind'].lower())} {quote(held['name'])}"
    return f"kubectl -n {quote(namespace)} patch {what} --type merge -p '{patch}'"


def _pod_security(facts: Facts) -> Verdict:
    home = facts(shapes.HOME)
    name, enforces = home["name"], home["enforces"]
    if enforces in ("restricted", "baseline"):
        return Verdict(
            Level.WARN,
            text(_("Namespace %(name)s enforces the Pod Security level %(level)s."), name=name, level=enforces),
            value=f"pod-security.kubernetes.io/enforce={enforces}",
            cause=text(
                _("The release's pods need the privileged level. The run sets that label, but a policy may revert it.")
            ),
            remedy=text(_("Agree on privileged with whoever set the label, then set it.")),
            command=f"kubectl label --overwrite namespace {quote(name)} pod-security.kubernetes.io/enforce=privileged",
            evidence={"enforces": enforces},
        )
    if home["policies"]:
        return Verdict(
            Level.WARN,
            text(_("The cluster still uses PodSecurityPolicies.")),
            value="podsecuritypolicies.policy",
            cause=text(
                _("Where they are enforced, the pods of a new namespace are rejected until a policy is bound to it.")
            ),
            remedy=text(_("Bind this cluster's privileged policy to the service accounts of the namespace.")),
            command=_POLICIES.format(namespace=name),
            evidence={"policies": True},
        )
    return passed(_("No policy blocks privileged pods in %(name)s; the run sets the label."), name=name)


def _quota(facts: Facts) -> Verdict:
    limits = facts(shapes.LIMITS)
    names = [quota["name"] for quota in limits["quotas"]] + limits["ranges"]
    if not names:
        return passed(
            _("Namespace %(namespace)s has no ResourceQuota and no LimitRange."), namespace=limits["namespace"]
        )
    short = [
        f"{quota['name']}: {key} {allowed:g}"
        for quota in limits["quotas"]
        for key, allowed in quota["hard"].items()
        if allowed < LEAST.get(key, 0)
    ]
    return Verdict(
        Level.FAIL if short else Level.WARN,
        text(
            ngettext(
                "%(count)d quota or limit range applies to namespace %(namespace)s.",
                "%(count)d quotas or limit ranges apply to namespace %(namespace)s.",
            ),
            count=len(names),
            namespace=limits["namespace"],
        ),
        value=", ".join(short or names),
        cause=text(_("A quota allows less than the release needs, so some of its pods or PVCs are rejected."))
        if short
        else text(
            _("Pods are rejected if they request more than a LimitRange allows, or request nothing under a quota.")
        ),
        remedy=text(_("Remove them during the installation, or raise their limits.")),
        command=f"kubectl -n {quote(limits['namespace'])} describe resourcequotas,limitranges",
        evidence=limits,
    )


CHECKS = (
    Check("cluster.namespace-not-terminating", _("The release's namespace is not being deleted"), Owner.PLATFORM,
          WITH_RELEASE, _not_terminating, needs=REACHED),
    Check("cluster.pod-security", _("The release's namespace allows privileged pods"), Owner.SECURITY, WITH_RELEASE,
          _pod_security, needs=REACHED),
    Check("cluster.quota", _("No quota blocks the release"), Owner.PLATFORM, WITH_RELEASE, _quota, needs=REACHED),
)  # fmt: skip
