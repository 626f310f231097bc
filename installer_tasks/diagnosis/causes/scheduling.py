"""No node takes a pod, or a node is ill (facts F32, F33, F36)."""

from __future__ import annotations

from installer_tasks.diagnosis.base import ENDED, EVENT, NODE, SCHEDULING, Cause, Rank
from installer_tasks.text import mark as _

PLACE = (SCHEDULING, EVENT)
_NODES = "kubectl describe nodes | grep -A8 'Allocated resources'"
_FIXED = "kubectl -n %(namespace)s get pod %(name)s -o wide"

CAUSES = (
    Cause("schedule.resources", PLACE, r"Insufficient (?P<what>cpu|memory|ephemeral-storage|hugepages\S*|nvidia\S*)",
          _("The worker nodes have not enough %(what)s left for %(about)s."),
          _("Add worker nodes or enlarge them. The scheduler retries by itself."),
          owner="cluster", proof=_NODES),
    Cause("schedule.too-many-pods", PLACE, r"Too many pods|Insufficient pods",
          _("Every worker node runs as many pods as it may."),
          _("Add worker nodes, or raise maxPods of the kubelets."),
          owner="cluster", proof=_NODES),
    Cause("schedule.volume-zone", PLACE, r"volume node affinity conflict",
          _("The volume of %(about)s is in a zone where no node has room."),
          _("Add a worker node in the zone of the volume, or use a StorageClass with WaitForFirstConsumer."),
          owner="cluster", proof=_FIXED),
    Cause("schedule.volume-limit", PLACE, r"exceed max volume count",
          _("The worker nodes have as many volumes attached as they may."),
          _("Add worker nodes."),
          owner="cluster", proof=_FIXED),
    Cause("schedule.host-port", PLACE, r"free ports for the requested pod ports",
          _("Another pod already uses the host ports that %(about)s needs: a second ingress controller."),
          _("Remove the other Contour or ingress controller, or use a cluster of its own."),
          owner="cluster", proof=_FIXED),
    Cause("schedule.not-ready", PLACE, r"untolerated taint \{node\.kubernetes\.io/(?:not-ready|unreachable|network-unavailable)",
          _("The worker nodes are not ready."),
          _("Repair the nodes: check the kubelet and the network plug-in on them."),
          owner="cluster", proof="kubectl get nodes"),
    Cause("schedule.pressure", PLACE, r"untolerated taint \{node\.kubernetes\.io/(?P<what>disk|memory|pid)-pressure",
          _("The worker nodes report %(what)s pressure and take no new pods."),
          _("Free space on the nodes or enlarge them. /var/lib/containerd needs 40 GiB or more."),
          owner="cluster", proof="kubectl describe nodes | grep Pressure"),
    Cause("schedule.cordoned", PLACE, r"were unschedulable|untolerated taint \{node\.kubernetes\.io/unschedulable",
          _("The worker nodes are cordoned."),
          _("Uncordon them: kubectl uncordon NODE"),
          owner="cluster", proof="kubectl get nodes"),
    Cause("schedule.unbound", PLACE, r"unbound immediate PersistentVolumeClaims|persistentvolumeclaim \"(?P<claim>[^\"]+)\" not found",
          _("%(about)s waits for its volume."),
          _("Find out why the claim is not bound, with the messages below."),
          owner="cluster", proof="kubectl -n %(namespace)s get pvc", rank=Rank.SYMPTOM, settles=50),
    Cause("schedule.taint", PLACE, r"untolerated taint \{(?P<taint>[^}]+)\}",
          _("The worker nodes have the taint %(taint)s, and %(about)s does not tolerate it."),
          _("Remove the taint from at least three worker nodes."),
          owner="cluster", proof="kubectl describe nodes | grep Taints"),
    Cause("schedule.affinity", PLACE, r"didn't match (?:Pod's node affinity/selector|pod (?:anti-)?affinity rules|pod topology spread constraints)",
          _("No worker node fits the placement rules of %(about)s."),
          _("Add worker nodes, so that each replica has its own."),
          owner="cluster", proof=_FIXED),
    Cause("node.evicted", (ENDED, EVENT), r"Evicted: .*?(?P<what>ephemeral-storage|memory|DiskPressure|inodes|imagefs|nodefs)",
          _("A node ran out of %(what)s and evicted %(about)s."),
          _("Enlarge the disk or memory of the worker nodes. /var/lib/containerd needs 40 GiB or more."),
          owner="cluster", proof="kubectl describe nodes | grep Pressure"),
    Cause("node.pressure", (NODE,), r"(?P<what>DiskPressure|MemoryPressure|PIDPressure)",
          _("%(about)s reports %(what)s."),
          _("Free space on the node or enlarge it. /var/lib/containerd needs 40 GiB or more."),
          owner="cluster", proof="kubectl describe node %(name)s"),
    Cause("node.not-ready", (NODE,), r"NotReady",
          _("%(about)s is not ready."),
          _("Repair the node: check its kubelet, its disk and its network."),
          owner="cluster", proof="kubectl get node %(name)s"),
)  # fmt: skip
