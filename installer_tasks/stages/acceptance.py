"""Done is proven: every public name, the way to sign in, every package, every image; each as a finding for the page."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from installer_tasks.cluster import carvel
from installer_tasks.cluster.waiting import wait_for
from installer_tasks.errors import Missing, Stalled, SystemFailure
from installer_tasks.plan import Plan
from installer_tasks.stages import doors
from installer_tasks.stages.base import Context
from installer_tasks.stages.systems import cluster_of
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: What has just started may need a moment; DNS records made by a controller a few more.
DEADLINE = 180.0
INTERVAL = 3.0
ENVOY = "contour-envoy"

Look = Callable[[], tuple[Text, dict[str, Any]]]


class Acceptance:
    slug = "acceptance"
    title = _("Prove that it works")
    reads: tuple[str, ...] = (
        "bundle.release",
        "cluster.kubeconfig",
        "cluster.context",
        "dns.zone",
        "dns.server",
        "identity.kind",
        "identity.issuer_url",
        "identity.client_id",
        "identity.ca",
        "registry.project",
        "certificates.ca",
    )

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
    for name, look, bad in _looks(context):
        context.check_cancelled()
        found.append(doors.finding(name, look, bad=bad))
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
    first = Text.from_json(broken[0]["message"]) if broken else text(_("Nothing could be looked at."))
    remedy = Text.from_json(broken[0]["remedy"]) if broken and "remedy" in broken[0] else None
    return SystemFailure(
        text(_("%(count)s proofs failed; the first: %(first)s"), count=len(broken), first=str(first)),
        value=", ".join(each["name"] for each in broken),
        remedy=remedy,
        code="acceptance-failed",
    )


def _waits(found: list[dict[str, Any]] | None) -> Text:
    names = [each["name"] for each in failed(found)]
    return text(_("These proofs succeed: %(names)s"), names=", ".join(names[:4]) or "…")


def _looks(context: Context) -> Iterator[tuple[str, Look, str]]:
    """Name, look, and what a bad outcome counts as."""
    plan = context.plan
    yield "acceptance.packages", partial(_packages, context), "fail"
    yield "acceptance.images", partial(_images, context), "fail"
    try:
        door = find_door(context)
    except Missing as error:
        yield "acceptance.load-balancer", partial(_again, error), "fail"
        return
    yield "acceptance.load-balancer", partial(_reached, door), "fail"
    for host, name in zip(plan.known.hosts, plan.known.public_names(plan.zone), strict=True):
        # A name that the release makes no certificate for may be served by nothing (facts: blob) or in the clear.
        bad = "fail" if _is_certified(plan, host) else "warn"
        yield f"acceptance.dns.{host or 'console'}", partial(doors.resolves, plan, name, door), "fail"
        yield f"acceptance.tls.{host or 'console'}", partial(doors.secured, plan, name, door), bad
    yield "acceptance.console", partial(doors.console, plan, door), "fail"
    yield "acceptance.landing", partial(doors.landing, plan, door), "fail"
    yield "acceptance.supervisor", partial(doors.supervisor, plan, door), "fail"
    yield "acceptance.sign-in", partial(doors.sign_in, plan, door), "fail"


def _again(error: Missing) -> tuple[Text, dict[str, Any]]:
    raise error


def _reached(door: doors.Door) -> tuple[Text, dict[str, Any]]:
    evidence = {"address": door.address, "port": door.port}
    return text(_("The load balancer has the address %(address)s."), address=door.address), evidence


def _is_certified(plan: Plan, host: str) -> bool:
    return any(host in certificate.hosts for certificate in plan.known.certificates)


def find_door(context: Context) -> doors.Door:
    """Where the public names must lead: the address and the `https` port of the ingress."""
    service = cluster_of(context).get("v1", "Service", ENVOY, context.plan.known.namespace)
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    address = next((entry.get("ip") or entry.get("hostname") for entry in ingress), None)
    if not address:
        raise Missing(
            text(_("The service %(service)s has no address yet."), service=ENVOY),
            value=ENVOY,
            remedy=text(_("Check that the cluster has a load balancer and that it has addresses left.")),
            code="no-load-balancer",
        )
    ports = {port.get("name"): port["port"] for port in (service.get("spec") or {}).get("ports") or []}
    return doors.Door(str(address), int(ports.get("https", 443)))


def _packages(context: Context) -> tuple[Text, dict[str, Any]]:
    release = context.plan.known
    installs = cluster_of(context).list(carvel.PACKAGING, "PackageInstall", release.namespace)
    states = {status.name: status.state for status in map(carvel.package_status, installs)}
    wanted = [*(package.name for package in release.packages), release.install_name]
    missing = [name for name in wanted if states.get(name) != "succeeded"]
    if missing:
        raise SystemFailure(
            text(_("%(count)s packages have not reconciled: %(names)s."), count=len(missing), names=", ".join(missing)),
            value=", ".join(missing),
            remedy=text(_("See what these packages say in the cluster, then resume.")),
            code="packages-open",
        )
    return text(_("All %(count)s packages have reconciled."), count=len(wanted)), {"packages": states}


def _images(context: Context) -> tuple[Text, dict[str, Any]]:
    """Nothing in the namespace comes from outside of the customer's registry."""
    pods = cluster_of(context).list("v1", "Pod", context.plan.known.namespace)
    inside = context.plan.project.partition("/")[0] + "/"
    images = {(pod["metadata"]["name"], image) for pod in pods for image in _images_of(pod)}
    outside = sorted(f"{name}: {image}" for name, image in images if not image.startswith(inside))
    if outside:
        raise SystemFailure(
            text(
                _("%(count)s containers run an image from outside of %(registry)s."),
                count=len(outside),
                registry=inside,
            ),
            value=outside[0],
            remedy=text(_("Find out who changed the pod or the registry mirror of the nodes.")),
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
