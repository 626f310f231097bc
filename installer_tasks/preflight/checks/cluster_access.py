"""Judging the way to the cluster: credentials that last, clocks that agree, and every kind the release needs."""

from __future__ import annotations

from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.checks.cluster import REACHED, READS, RENEW
from installer_tasks.preflight.shapes import cluster as shapes
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

#: An installation takes two hours, a day with what goes wrong.
LASTING = 24 * 3600
#: Some clusters give no token for longer than a day, whatever is asked for: then half of one must be left.
HALF = LASTING // 2
#: A token without an end, where the cluster shortens what RENEW asks for.
ENDLESS = """\
kubectl apply -f - <<'EOF'
apiVersion: v1
kind: Secret
type: kubernetes.io/service-account-token
metadata:
  name: tmc-installer-token
  namespace: kube-system
  annotations:
    kubernetes.io/service-account.name: <service-account>
EOF
kubectl -n kube-system get secret tmc-installer-token -o jsonpath='{.data.token}' | base64 -d"""
#: Seconds: from here on fresh certificates and tokens are refused now and then, or always.
NOTICED, BREAKING = 60, 300


def _kubeconfig_expiry(facts: Facts) -> Verdict:
    access = facts(shapes.KUBECONFIG)
    expires = access["expires"]
    if expires is None:
        return passed(_("The kubeconfig's token has no expiry date, and the cluster accepts it."))
    if expires["seconds"] >= LASTING:
        return passed(_("The credentials of the kubeconfig expire at %(at)s."), at=expires["at"], evidence=expires)
    given = expires["given"]
    short = given if given is not None and given <= LASTING else None
    if short is not None and expires["seconds"] >= HALF:
        return passed(
            _("The credentials of the kubeconfig expire at %(at)s; the token was issued for %(hours)s hours."),
            at=expires["at"],
            hours=f"{short / 3600:g}",
            evidence=expires,
        )
    cause = text(_("When its %(kind)s expires, a run in progress fails with 401."), kind=access["user"])
    remedy, command = text(_("Upload a kubeconfig with credentials that are valid for at least a day.")), RENEW
    if short is not None:
        cause = text(_("The token was issued for %(hours)s hours. %(cause)s"), hours=f"{short / 3600:.1f}", cause=cause)
        remedy = text(
            _(
                "Request a token for 48 hours. If the cluster shortens every request, use a token that does not expire and delete its Secret after the installation."
            )
        )
        command = f"{RENEW}\n# or\n{ENDLESS}"
    hours = max(expires["seconds"] / 3600, 0)
    return Verdict(
        Level.WARN if hours else Level.FAIL,
        text(_("The credentials of the kubeconfig expire in %(hours)s hours."), hours=f"{hours:.1f}"),
        value=expires["at"],
        cause=cause,
        remedy=remedy,
        command=command,
        evidence=expires,
    )


def _clock(facts: Facts) -> Verdict:
    clock = facts(shapes.CLOCK)
    ahead = clock["ahead"]
    if ahead is None:
        return Verdict(
            Level.WARN,
            text(_("The cluster does not report its time.")),
            value=clock["server"] or "Date",
            cause=text(_("Its responses have no Date header, so the clocks cannot be compared.")),
            remedy=text(_("Compare the clocks of this machine and the control plane manually.")),
            command="date -u",
            evidence=clock,
        )
    if abs(ahead) <= NOTICED:
        return passed(_("The clocks of the cluster and this machine agree."), evidence=clock)
    return Verdict(
        Level.FAIL if abs(ahead) > BREAKING else Level.WARN,
        text(
            ngettext(
                "The clocks of the cluster and this machine differ by %(seconds)d second.",
                "The clocks of the cluster and this machine differ by %(seconds)d seconds.",
            ),
            seconds=abs(ahead),
        ),
        value=clock["server"],
        cause=text(
            _(
                "The cluster's time is %(server)s, this machine's time is %(here)s; tokens and new certificates appear invalid."
            ),
            server=clock["server"],
            here=clock["here"],
        ),
        remedy=text(_("Synchronize every node and this machine with the same NTP server.")),
        command="chronyc tracking || timedatectl timesync-status",
        evidence=clock,
    )


def _apis(facts: Facts) -> Verdict:
    kinds = facts(shapes.KINDS)
    if kinds["silent"]:
        return Verdict(
            Level.FAIL,
            text(
                ngettext(
                    "%(count)d resource kind is registered, but its API does not respond.",
                    "%(count)d resource kinds are registered, but their APIs do not respond.",
                ),
                count=len(kinds["silent"]),
            ),
            value=", ".join(kinds["silent"]),
            cause=text(
                _("The pod behind an aggregated API is not available; for packages, that pod is kapp-controller.")
            ),
            remedy=text(_("Check the APIService and the pod behind it, and fix them.")),
            command="kubectl get apiservices | grep -v True",
            evidence=kinds,
        )
    if kinds["missing"]:
        return Verdict(
            Level.FAIL,
            text(
                ngettext(
                    "%(count)d resource kind that the release uses is missing.",
                    "%(count)d resource kinds that the release uses are missing.",
                ),
                count=len(kinds["missing"]),
            ),
            value=", ".join(kinds["missing"]),
            cause=text(_("The cluster is too old for them, or their definitions were deleted.")),
            remedy=text(
                _(
                    "Use a conformant cluster in the release's supported range, with a complete kapp-controller installation."
                )
            ),
            command="kubectl api-resources --verbs=list -o name",
            evidence=kinds,
        )
    return passed(
        ngettext(
            "The cluster serves the %(count)d resource kind that the release uses.",
            "The cluster serves all %(count)d resource kinds that the release uses.",
        ),
        count=kinds["asked"],
    )


CHECKS = (
    Check("cluster.kubeconfig-expiry", _("The kubeconfig stays valid during the installation"), Owner.PLATFORM, READS,
          _kubeconfig_expiry, needs=REACHED),
    Check("cluster.clock", _("The clocks of the cluster and this machine agree"), Owner.PLATFORM, READS, _clock, needs=REACHED),
    Check("cluster.apis", _("The cluster serves every resource kind that the release uses"), Owner.PLATFORM, READS, _apis,
          needs=("cluster.kapp-controller", "cluster.version-supported")),
)  # fmt: skip
