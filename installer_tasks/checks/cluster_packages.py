"""Judging what packages meet in the cluster: kapp-controller's age and trust, webhooks, another ingress."""

from __future__ import annotations

import re
import textwrap

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.checks.cluster import READS, WITH_RELEASE
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: What TKG 1.6 brings, the oldest platform that the release was seen on.
OLDEST_KAPP = (0, 38)


def _kapp_version(facts: Facts) -> Verdict:
    found = facts("cluster", "kapp_controller")
    numbers = re.match(r"(\d+)\.(\d+)", found["version"])
    if numbers and tuple(map(int, numbers.groups())) >= OLDEST_KAPP:
        return passed(_("kapp-controller is %(version)s."), version=found["version"], evidence=found)
    oldest = ".".join(map(str, OLDEST_KAPP))
    unknown = text(_("The version of kapp-controller cannot be told."))
    return Verdict(
        Level.WARN,
        text(_("kapp-controller %(version)s is old."), version=found["version"]) if numbers else unknown,
        value=found["version"] or f"{found['namespace']}/{found['name']}",
        cause=text(_("The release has been seen working from kapp-controller %(oldest)s on."), oldest=oldest),
        remedy=text(_("Update kapp-controller, on Tanzu clusters with the cluster itself, or accept the risk.")),
        command=f"kubectl -n {found['namespace']} get deployment {found['name']} -o jsonpath="
        "'{.metadata.annotations}{.spec.template.spec.containers[*].image}'",
        evidence=found,
    )


def _kapp_trusts_registry(facts: Facts) -> Verdict:
    trust = facts("cluster", "trust")
    if not trust["authority"]:
        return passed(_("No authority of the registry was given, so kapp-controller needs none."))
    if trust["trusted"]:
        return passed(_("kapp-controller trusts the registry's authority."))
    if not trust["config"]:
        return passed(
            _("kapp-controller has no configuration of its own; the run gives it the registry's authority."),
            evidence={"namespace": trust["namespace"]},
        )
    place = f"{trust['config']} {trust['namespace']}/kapp-controller-config"
    return Verdict(
        Level.WARN,
        text(_("kapp-controller is configured by somebody, and not to trust the registry's authority.")),
        value=place,
        cause=text(
            _("Its caCerts lack the authority. The run adds it; whoever owns the object may take it out again.")
        ),
        remedy=text(
            _("Have its owner add the authority: apply this and restart kapp-controller. Or let the run do it.")
        ),
        command=_trust_manifest(trust["config"], trust["namespace"], trust["wanted"]),
        evidence={"config": place},
    )


def _trust_manifest(kind: str, namespace: str, authorities: str) -> str:
    """To apply on the server's side: other keys of the configuration stay as they are."""
    data = "stringData" if kind == "Secret" else "data"
    return (
        "kubectl apply --server-side --force-conflicts -f - <<'EOF'\n"
        f"apiVersion: v1\nkind: {kind}\nmetadata:\n  name: kapp-controller-config\n  namespace: {namespace}\n"
        f"{data}:\n  caCerts: |\n{textwrap.indent(authorities, '    ')}EOF\n"
        f"kubectl -n {namespace} rollout restart deployment kapp-controller"
    )


def _webhooks(facts: Facts) -> Verdict:
    hooks = facts("cluster", "webhooks")
    dead = [hook for hook in hooks if not hook["answers"]]
    if not dead:
        return passed(
            _("%(count)d webhooks must agree to what is installed, and all can answer."),
            count=len(hooks),
            evidence={"webhooks": hooks},
        )
    service = dead[0]["service"]
    return Verdict(
        Level.FAIL,
        text(_("%(count)d webhooks refuse everything, because nobody answers for them."), count=len(dead)),
        value=", ".join(f"{hook['name']} ({hook['service']})" for hook in dead),
        cause=text(_("The service %(service)s has no ready pod, and failurePolicy is Fail."), service=service),
        remedy=text(_("Mend the pods behind the service, or remove the configuration if its owner is gone.")),
        command=f"kubectl -n {service.partition('/')[0]} get endpoints,pods\n"
        f"kubectl describe {dead[0]['configuration']}",
        evidence={"webhooks": dead},
    )


def _ingress_class(facts: Facts) -> Verdict:
    found = facts("cluster", "ingress")
    taken = [name for name in (found["class"] and f"IngressClass/{found['class']}", found["definition"]) if name]
    if found["ours"] or not taken:
        return passed(_("The release's ingress class and Contour's kinds are free, or are the release's own."))
    # kapp takes over what belongs to nobody, and refuses what another of its applications made.
    owned = bool(found["app"])
    return Verdict(
        Level.FAIL if owned else Level.WARN,
        text(_("Somebody else has brought what the release's Contour brings.")),
        value=", ".join(taken),
        cause=text(_("It belongs to another application of kapp, which stops the package with an ownership error."))
        if owned
        else text(_("An earlier Contour or another ingress left it; the release takes it over and changes it.")),
        remedy=text(_("Remove it if nobody uses it, else use a cluster of its own for TMC-SM.")),
        command=f"kubectl get {'ingressclass ' + found['class'] if found['class'] else 'crd ' + found['definition']} "
        "--show-labels\nkubectl get httpproxies.projectcontour.io -A",
        evidence=found,
    )


CHECKS = (
    Check("cluster.kapp-version", _("kapp-controller is recent enough"), Owner.PLATFORM, READS, _kapp_version,
          needs=("cluster.kapp-controller",)),
    Check("cluster.kapp-trusts-registry", _("kapp-controller trusts the registry, or the run can see to it"),
          Owner.PLATFORM, (*READS, "registry.ca"), _kapp_trusts_registry, needs=("cluster.kapp-controller",)),
    Check("cluster.webhooks", _("Every webhook that must agree can answer"), Owner.PLATFORM, WITH_RELEASE, _webhooks,
          needs=("cluster.reachable",)),
    Check("cluster.ingress-class", _("Nobody else has taken the release's ingress"), Owner.PLATFORM, WITH_RELEASE,
          _ingress_class, needs=("cluster.no-other-contour",)),
)  # fmt: skip
