"""Judging what packages meet in the cluster: kapp-controller's age and trust, webhooks, another ingress."""

from __future__ import annotations

import re
import textwrap
from shlex import quote

from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.checks.cluster import READS, WITH_RELEASE
from installer_tasks.preflight.shapes import cluster as shapes
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

#: What TKG 1.6 brings, the oldest platform that the release was seen on.
OLDEST_KAPP = (0, 38)


def _kapp_version(facts: Facts) -> Verdict:
    found = facts(shapes.KAPP_CONTROLLER)
    numbers = re.match(r"(\d+)\.(\d+)", found["version"])
    if numbers and tuple(map(int, numbers.groups())) >= OLDEST_KAPP:
        return passed(_("kapp-controller %(version)s is installed."), version=found["version"], evidence=found)
    oldest = ".".join(map(str, OLDEST_KAPP))
    unknown = text(_("The version of kapp-controller is unknown."))
    return Verdict(
        Level.WARN,
        text(_("kapp-controller %(version)s is outdated."), version=found["version"]) if numbers else unknown,
        value=found["version"] or f"{found['namespace']}/{found['name']}",
        cause=text(_("The release is known to work with kapp-controller %(oldest)s and later."), oldest=oldest),
        remedy=text(_("Update kapp-controller (on Tanzu clusters, update the cluster), or accept the risk.")),
        command=f"kubectl -n {quote(found['namespace'])} get deployment {quote(found['name'])} -o jsonpath="
        "'{.metadata.annotations}{.spec.template.spec.containers[*].image}'",
        evidence=found,
    )


def _kapp_trusts_registry(facts: Facts) -> Verdict:
    trust = facts(shapes.TRUST)
    if not trust["authority"]:
        return passed(_("You entered no CA certificate for the registry, so kapp-controller needs none."))
    if trust["trusted"]:
        return passed(_("kapp-controller trusts the registry's CA certificate."))
    if not trust["config"]:
        return passed(
            _("kapp-controller has no configuration yet; the run adds the registry's CA certificate."),
            evidence={"namespace": trust["namespace"]},
        )
    place = f"{trust['config']} {trust['namespace']}/kapp-controller-config"
    return Verdict(
        Level.WARN,
        text(_("The existing kapp-controller configuration does not trust the registry's CA certificate.")),
        value=place,
        cause=text(
            _(
                "Its caCerts lacks the CA certificate. The run adds it, but the owner of the configuration may remove it again."
            )
        ),
        remedy=text(_("Ask the owner to apply this and restart kapp-controller, or leave it to the run.")),
        command=_trust_manifest(trust["config"], trust["namespace"], trust["wanted"]),
        evidence={"config": place},
    )


def _trust_manifest(kind: str, namespace: str, authorities: str) -> str:
    """To apply on the server's side: other keys of the configuration stay as they are."""
    data = "stringData" if kind == "Secret" else "data"
    return (
        "kubectl apply --server-side --force-conflicts -f - <<'EOF'\n"
        f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: kapp-controller-config\n  namespace: {''.join(namespace.split())}\n"
        f"{data}:\n  caCerts: |\n{textwrap.indent(authorities, '    ')}EOF\n"
        f"kubectl -n {quote(namespace)} rollout restart deployment kapp-controller"
    )


def _webhooks(facts: Facts) -> Verdict:
    hooks = facts.listed(shapes.WEBHOOKS)
    dead = [hook for hook in hooks if not hook["answers"]]
    if not dead:
        return passed(
            ngettext(
                "%(count)d admission webhook applies to the installed objects, and it responds.",
                "%(count)d admission webhooks apply to the installed objects, and all respond.",
            ),
            count=len(hooks),
            evidence={"webhooks": hooks},
        )
    service = dead[0]["service"]
    return Verdict(
        Level.FAIL,
        text(
            ngettext(
                "%(count)d admission webhook does not respond, so the API server rejects the objects it applies to.",
                "%(count)d admission webhooks do not respond, so the API server rejects the objects they apply to.",
            ),
            count=len(dead),
        ),
        value=", ".join(f"{hook['name']} ({hook['service']})" for hook in dead),
        cause=text(_("Service %(service)s has no ready pod, and failurePolicy is Fail."), service=service),
        remedy=text(
            _("Fix the pods behind the Service, or delete the webhook configuration if its owner no longer exists.")
        ),
        command=f"kubectl -n {quote(service.partition('/')[0])} get endpoints,pods\n"
        f"kubectl describe {quote(dead[0]['configuration'])}",
        evidence={"webhooks": dead},
    )


def _ingress_class(facts: Facts) -> Verdict:
    found = facts(shapes.INGRESS)
    taken = [name for name in (found["class"] and f"IngressClass/{found['class']}", found["definition"]) if name]
    if found["ours"] or not taken:
        return passed(
            _("The release's ingress class and Contour's resource kinds are not in use, or belong to the release.")
        )
    # kapp takes over what belongs to nobody, and refuses what another of its applications made.
    owned = bool(found["app"])
    kind = "ingressclass" if found["class"] else "crd"
    return Verdict(
        Level.FAIL if owned else Level.WARN,
        text(_("Resources of the release's Contour already exist in the cluster.")),
        value=", ".join(taken),
        cause=text(_("They belong to another kapp application, so the package fails with an ownership error."))
        if owned
        else text(
            _("They remain from an earlier Contour or another ingress; the release takes them over and changes them.")
        ),
        remedy=text(_("Remove them if they are not in use; otherwise use a dedicated cluster for TMC-SM.")),
        command=f"kubectl get {kind} {quote(found['class'] or found['definition'])} "
        "--show-labels\nkubectl get httpproxies.projectcontour.io -A",
        evidence=found,
    )


CHECKS = (
    Check("cluster.kapp-version", _("kapp-controller is recent enough"), Owner.PLATFORM, READS, _kapp_version,
          needs=("cluster.kapp-controller",)),
    Check("cluster.kapp-trusts-registry", _("kapp-controller trusts the registry, or the run can configure it"),
          Owner.PLATFORM, (*READS, "registry.ca"), _kapp_trusts_registry, needs=("cluster.kapp-controller",)),
    Check("cluster.webhooks", _("Every required admission webhook responds"), Owner.PLATFORM, WITH_RELEASE, _webhooks,
          needs=("cluster.reachable",)),
    Check("cluster.ingress-class", _("No other component uses the release's ingress class"), Owner.PLATFORM, WITH_RELEASE,
          _ingress_class, needs=("cluster.no-other-contour",)),
)  # fmt: skip
