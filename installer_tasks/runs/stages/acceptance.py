"""Done is proven: every public name, the way to sign in, every package, every image; each as a finding for the page."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from installer_tasks.errors import Missing, Stalled, SystemFailure
from installer_tasks.plan import Plan
from installer_tasks.releases import host_name
from installer_tasks.runs.stages import endpoints, planned
from installer_tasks.runs.stages.base import Context, Progress
from installer_tasks.runs.stages.systems import cluster_of
from installer_tasks.systems.cluster import carvel
from installer_tasks.systems.cluster.waiting import wait_for
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

#: What has just started may need a moment; DNS records made by a controller a few more.
DEADLINE = 180.0
INTERVAL = 3.0

Probe = Callable[[], tuple[Text, dict[str, Any]]]


class Acceptance:
    slug = "acceptance"
    title = _("Verify the installation")
    doing = _("Running the acceptance checks")
    systems: tuple[str, ...] = ("cluster", "services", "dns", "identity")
    shows = Progress.PROOFS
    reads: tuple[str, ...] = (*planned.READS, "dns.server")

    def is_done(self, context: Context) -> bool:  # noqa: ARG002
        """What was true before need not be true now: it is always looked at."""
        return False

    def run(self, context: Context) -> None:
        last: list[list[dict[str, Any]]] = []
        with contextlib.suppress(Stalled):  # what still fails then is told finding by finding
            wait_for(
                lambda: _shown(context, last),
                lambda found: not failed(found),
                deadline=DEADLINE,
                describe=_waits,
                cancelled=context.cancelled,
                on_wait=context.report.waiting_for,
                interval=INTERVAL,
            )
        _tell(context, last[-1] if last else [])


def failed(found: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    return [each for each in found or [] if each["level"] == "fail"]


def _shown(context: Context, last: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    found = []
    for name, probe, bad in _looks(context):
        context.check_cancelled()
        found.append(endpoints.finding(name, probe, bad=bad))
    last.append(found)
    context.report.progress({"findings": found})
    return found


def _tell(context: Context, found: list[dict[str, Any]]) -> None:
    for each in found:
        if each["level"] != "pass":
            level = "error" if each["level"] == "fail" else "warning"
            context.report.event("acceptance.finding", level=level, name=each["name"], message=each["message"])
    broken = failed(found)
    if broken or not found:
        raise _not_accepted(broken)
    context.report.event("acceptance.passed", level="success", count=len(found), url=context.plan.console_url)


def _not_accepted(broken: list[dict[str, Any]]) -> SystemFailure:
    first = Text.from_json(broken[0]["message"]) if broken else text(_("No acceptance check could run."))
    remedy = Text.from_json(broken[0]["remedy"]) if broken and "remedy" in broken[0] else None
    return SystemFailure(
        text(
            ngettext(
                "%(count)s acceptance check failed; the first: %(first)s",
                "%(count)s acceptance checks failed; the first: %(first)s",
            ),
            count=len(broken),
            first=first,
        ),
        value=", ".join(each["name"] for each in broken),
        remedy=remedy,
        detail=_first_words(broken[0]) if broken else "",
        code="acceptance-failed",
    )


def _first_words(finding: dict[str, Any]) -> str:
    """Which check, with which error, in the other side's words."""
    seen = finding.get("evidence") or {}
    return f"{finding['name']} {seen.get('code', '')}: {finding.get('value', '')} {seen.get('detail', '')}".strip()


def _waits(found: list[dict[str, Any]] | None) -> Text:
    broken = failed(found)
    if not broken:
        return text(_("the acceptance checks"))
    return text(
        ngettext(
            "%(count)s acceptance check to pass: %(name)s: %(said)s",
            "%(count)s acceptance checks to pass, first %(name)s: %(said)s",
        ),
        count=len(broken),
        name=broken[0]["name"],
        said=Text.from_json(broken[0]["message"]),
    )


def _looks(context: Context) -> Iterator[tuple[str, Probe, str]]:
    """Name, look, and what a bad outcome counts as."""
    plan = context.plan
    yield "acceptance.unchanged", partial(_unchanged, context), "fail"  # first: what was changed explains the rest
    yield "acceptance.packages", partial(_packages, context), "fail"
    yield "acceptance.images", partial(_images, context), "fail"
    try:
        door = find_ingress(context)
    except Missing as error:
        yield "acceptance.load-balancer", partial(_again, error), "fail"
        return
    yield "acceptance.load-balancer", partial(_reached, door), "fail"
    for host, name in zip(plan.known.hosts, plan.known.public_names(plan.zone), strict=True):
        # A name that the release makes no certificate for may be served by nothing (facts: blob) or in the clear.
        bad = "fail" if plan.known.certificate_of(host) else "warn"
        yield f"acceptance.dns.{host or 'console'}", partial(endpoints.resolves, plan, name, door), "fail"
        yield f"acceptance.tls.{host or 'console'}", partial(_secured, context, host, name, door), bad
    yield "acceptance.console", partial(endpoints.console, plan, door), "fail"
    yield "acceptance.landing", partial(_landing, context, door), "fail"
    if (certificate := plan.known.certificate_of(plan.known.endpoints.landing)) and certificate.internal:
        yield "acceptance.landing-trust", partial(_not_trusted, plan, certificate.secret), "warn"
    yield "acceptance.supervisor", partial(endpoints.supervisor, plan, door), "fail"
    yield "acceptance.sign-in", partial(endpoints.sign_in, plan, door), "fail"


def _again(error: Missing) -> tuple[Text, dict[str, Any]]:
    raise error


def _reached(door: endpoints.Ingress) -> tuple[Text, dict[str, Any]]:
    evidence = {"address": door.address, "port": door.port}
    return text(_("The load balancer has the address %(address)s."), address=door.address), evidence


def _secured(context: Context, host: str, name: str, door: endpoints.Ingress) -> tuple[Text, dict[str, Any]]:
    found = context.plan.known.certificate_of(host)
    return endpoints.secured(name, door, _authority(context, host), internal=found is not None and found.internal)


def _landing(context: Context, door: endpoints.Ingress) -> tuple[Text, dict[str, Any]]:
    return endpoints.landing(context.plan, door, _authority(context, context.plan.known.endpoints.landing))


def _not_trusted(plan: Plan, secret: str) -> tuple[Text, dict[str, Any]]:
    """A known fault of the release, told before the first person meets it in a browser."""
    name = host_name(plan.known.endpoints.landing, plan.zone)
    raise SystemFailure(
        text(_("Browsers do not trust %(name)s."), name=name),
        value=name,
        remedy=text(
            _(
                "Add ca.crt of the Secret %(secret)s to the browsers that people sign in with. Release %(release)s "
                "signs this name with an internal authority."
            ),
            secret=f"{plan.known.namespace}/{secret}",
            release=plan.release,
        ),
        code="landing-not-trusted",
    )


def _authority(context: Context, host: str) -> str:
    """Who must have signed this name: the operator's authority, or the one that the release makes for itself."""
    release = context.plan.known
    certificate = release.certificate_of(host)
    if certificate is None or not certificate.internal:
        return context.plan["certificates.ca"]
    secret = cluster_of(context).get("v1", "Secret", certificate.secret, release.namespace)
    found = base64.b64decode((secret.get("data") or {}).get("ca.crt", "")).decode("ascii", "replace")
    if found.strip():
        return found
    raise Missing(
        text(_("The Secret %(name)s names no authority."), name=certificate.secret),
        value=f"{release.namespace}/{certificate.secret}",
        remedy=text(_("Check that cert-manager issued the certificate that this Secret belongs to.")),
        code="no-internal-authority",
    )


def find_ingress(context: Context) -> endpoints.Ingress:
    """Where the public names must lead: the address and the `https` port of the ingress."""
    release = context.plan.known
    service = cluster_of(context).get("v1", "Service", release.ingress, release.namespace)
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    address = next((entry.get("ip") or entry.get("hostname") for entry in ingress), None)
    if not address:
        raise Missing(
            text(_("Service %(service)s has no address yet."), service=release.ingress),
            value=release.ingress,
            remedy=text(_("Check that the cluster has a load balancer with free addresses.")),
            code="no-load-balancer",
        )
    ports = {port.get("name"): port["port"] for port in (service.get("spec") or {}).get("ports") or []}
    return endpoints.Ingress(str(address), int(ports.get("https", 443)))


def _packages(context: Context) -> tuple[Text, dict[str, Any]]:
    release = context.plan.known
    installs = cluster_of(context).list(carvel.PACKAGING, "PackageInstall", release.namespace)
    states = {status.name: status.state for status in map(carvel.package_status, installs)}
    wanted = [*(package.name for package in release.packages), release.install_name]
    missing = [name for name in wanted if states.get(name) != "succeeded"]
    if missing:
        raise SystemFailure(
            text(
                ngettext(
                    "%(count)s package has not reconciled: %(names)s.",
                    "%(count)s packages have not reconciled: %(names)s.",
                ),
                count=len(missing),
                names=", ".join(missing),
            ),
            value=", ".join(missing),
            remedy=text(_("Check the status of these packages in the cluster, then resume.")),
            code="packages-open",
        )
    return text(
        ngettext("%(count)s package has reconciled.", "All %(count)s packages have reconciled."), count=len(wanted)
    ), {"packages": states}


def _unchanged(context: Context) -> tuple[Text, dict[str, Any]]:
    """What stands at the end is what was planned: others work in the cluster too, even another of these installers."""
    found = list(planned.changes(context))
    if not found:
        return text(_("Values, versions and package repository are as planned.")), {"objects": "as planned"}
    first = found[0]
    raise SystemFailure(
        text(
            ngettext(
                "%(count)s object differs from the plan: %(what)s.",
                "%(count)s objects differ from the plan, first %(what)s.",
            ),
            count=len(found),
            what=first.what,
        ),
        value=first.what,
        remedy=text(
            _(
                "Find out who changed it during the run (%(manager)s), for example another installer or tanzu package, "
                "then resume: the installer applies the plan again."
            ),
            manager=first.manager or "?",
        ),
        detail="\n".join(map(str, found)),
        code="changed-by-others",
    )


def _images(context: Context) -> tuple[Text, dict[str, Any]]:
    """Nothing in the namespace comes from outside of the customer's registry."""
    pods = cluster_of(context).list("v1", "Pod", context.plan.known.namespace)
    inside = context.plan.project.partition("/")[0] + "/"
    images = {(pod["metadata"]["name"], image) for pod in pods for image in _images_of(pod)}
    outside = sorted(f"{name}: {image}" for name, image in images if not image.startswith(inside))
    if outside:
        raise SystemFailure(
            text(
                ngettext(
                    "%(count)s container runs an image from outside %(registry)s.",
                    "%(count)s containers run images from outside %(registry)s.",
                ),
                count=len(outside),
                registry=inside,
            ),
            value=outside[0],
            remedy=text(_("Find out what changed the pod or the nodes' registry mirror.")),
            detail="\n".join(outside),
            code="image-from-outside",
        )
    return text(_("All images come from %(registry)s."), registry=inside), {
        "images": len({image for _n, image in images})
    }


def _images_of(pod: dict[str, Any]) -> Iterator[str]:
    spec = pod.get("spec") or {}
    for container in (*(spec.get("initContainers") or []), *(spec.get("containers") or [])):
        yield str(container.get("image", ""))
