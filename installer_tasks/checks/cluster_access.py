"""Judging the way to the cluster: credentials that last, clocks that agree, and every kind the release needs."""

from __future__ import annotations

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.checks.cluster import REACHED, READS
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: An installation takes two hours, a day with what goes wrong.
LASTING = 24 * 3600
#: Seconds: from here on fresh certificates and tokens are refused now and then, or always.
NOTICED, BREAKING = 60, 300


def _kubeconfig_expiry(facts: Facts) -> Verdict:
    access = facts("cluster", "kubeconfig")
    expires = access["expires"]
    if expires is None:
        return passed(_("The token of the kubeconfig names no end of its validity, and is accepted now."))
    if expires["seconds"] >= LASTING:
        return passed(_("The credentials of the kubeconfig are good until %(at)s."), at=expires["at"], evidence=expires)
    hours = max(expires["seconds"] / 3600, 0)
    return Verdict(
        Level.WARN if hours else Level.FAIL,
        text(_("The credentials of the kubeconfig expire in %(hours)s hours."), hours=f"{hours:.1f}"),
        value=expires["at"],
        cause=text(_("Its %(kind)s ends then, and a run that is still going stops with 401."), kind=access["user"]),
        remedy=text(_("Upload a kubeconfig whose credentials are good for a day or more.")),
        command="kubectl -n kube-system create token <service-account> --duration=48h",
        evidence=expires,
    )


def _clock(facts: Facts) -> Verdict:
    clock = facts("cluster", "clock")
    ahead = clock["ahead"]
    if ahead is None:
        return Verdict(
            Level.WARN,
            text(_("The cluster does not tell its time.")),
            value=clock["server"] or "Date",
            cause=text(_("Its answers carry no Date, so the clocks could not be compared.")),
            remedy=text(_("Compare the time of this machine and of the control plane by hand.")),
            command="date -u",
            evidence=clock,
        )
    if abs(ahead) <= NOTICED:
        return passed(_("The clocks of the cluster and of this machine agree."), evidence=clock)
    return Verdict(
        Level.FAIL if abs(ahead) > BREAKING else Level.WARN,
        text(_("The clocks of the cluster and of this machine are %(seconds)d seconds apart."), seconds=abs(ahead)),
        value=clock["server"],
        cause=text(
            _(
                "The cluster says %(server)s where this machine says %(here)s; tokens and new certificates look invalid."
            ),
            server=clock["server"],
            here=clock["here"],
        ),
        remedy=text(_("Let every node and this machine take the time from the same NTP server.")),
        command="chronyc tracking || timedatectl timesync-status",
        evidence=clock,
    )


def _apis(facts: Facts) -> Verdict:
    kinds = facts("cluster", "kinds")
    if kinds["silent"]:
        return Verdict(
            Level.FAIL,
            text(_("%(count)d kinds are announced, but nobody answers for them."), count=len(kinds["silent"])),
            value=", ".join(kinds["silent"]),
            cause=text(_("The pod behind an aggregated API is not available; for packages that is kapp-controller.")),
            remedy=text(_("Look at the APIService and the pod behind it, and mend that.")),
            command="kubectl get apiservices | grep -v True",
            evidence=kinds,
        )
    if kinds["missing"]:
        return Verdict(
            Level.FAIL,
            text(_("%(count)d kinds that the release uses are not served."), count=len(kinds["missing"])),
            value=", ".join(kinds["missing"]),
            cause=text(_("The cluster is too old for them, or their definitions were removed.")),
            remedy=text(_("Use a conformant cluster in the release's range, with kapp-controller whole.")),
            command="kubectl api-resources --verbs=list -o name",
            evidence=kinds,
        )
    return passed(_("All %(count)d kinds that the release uses are served."), count=kinds["asked"])


CHECKS = (
    Check("cluster.kubeconfig-expiry", _("The kubeconfig stays valid during the installation"), Owner.PLATFORM, READS,
          _kubeconfig_expiry, needs=REACHED),
    Check("cluster.clock", _("The cluster's clock is right"), Owner.PLATFORM, READS, _clock, needs=REACHED),
    Check("cluster.apis", _("Every kind of object that the release uses is served"), Owner.PLATFORM, READS, _apis,
          needs=("cluster.kapp-controller", "cluster.version-supported")),
)  # fmt: skip
