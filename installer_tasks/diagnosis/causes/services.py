"""The load balancer gives no address (facts F37, F38)."""

from __future__ import annotations

from installer_tasks.diagnosis.base import EVENT, OBJECT, OUTPUT, Cause, Rank
from installer_tasks.text import mark as _

_ADDRESS = "kubectl -n %(namespace)s get service"

CAUSES = (
    Cause("balancer.address-taken", (EVENT,), r"(?:AllocationFailed|SyncLoadBalancerFailed|LoadBalancer).*(?:already (?:in use|allocated)|can't change sharing key|is not available|not allowed|conflict)",
          _("The load balancer cannot give the requested address: it is in use or not allowed."),
          _("Enter a free address of the load balancer's pool, or leave the field empty."),
          owner="services", answer="services.load_balancer_ip", proof=_ADDRESS, settles=20),
    Cause("balancer.pool-empty", (EVENT,), r"^(?:AllocationFailed|\w*LoadBalancer\w*|IPAM\w*): .*?(?:no available IPs|pool exhausted|no (?:more )?(?:free )?(?:IP )?address(?:es)? (?:available|left)|IPAM.*exhaust)",
          _("The load balancer has no free address left."),
          _("Add addresses to the load balancer's pool, or release unused ones."),
          owner="services", proof=_ADDRESS, settles=20),
    Cause("balancer.denied", (EVENT,), r"SyncLoadBalancerFailed.*(?:Unauthorized|AccessDenied|Forbidden|credentials|403)",
          _("The cluster is not allowed to create a load balancer: its cloud account is rejected."),
          _("Correct the credentials of the cloud provider or of AKO."),
          owner="services", proof=_ADDRESS, settles=20),
    Cause("balancer.subnet", (EVENT,), r"SyncLoadBalancerFailed.*(?:could not find any suitable subnets|subnet)",
          _("The cloud provider finds no subnet for the load balancer."),
          _("Tag the subnets for load balancers."),
          owner="services", proof=_ADDRESS, settles=20),
    Cause("balancer.failed", (EVENT,), r"SyncLoadBalancerFailed: (?P<words>.+)|AllocationFailed: (?P<more>.+)",
          _("The load balancer controller fails for %(about)s."),
          _("Check its log with the message below."),
          owner="services", proof=_ADDRESS, rank=Rank.GENERAL, settles=30),
    Cause("balancer.pending", (OBJECT, OUTPUT), r"^LoadBalancer without an address|Load balancer ingress is empty(?!.*ok: reconcile service)",
          _("%(about)s gets no address from a load balancer."),
          _("Check that the cluster has a load balancer controller for this Service: class, annotations, free addresses."),
          owner="services", answer="services.load_balancer_class", proof=_ADDRESS, rank=Rank.GENERAL, settles=40),
)  # fmt: skip
