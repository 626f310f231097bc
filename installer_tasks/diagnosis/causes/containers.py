"""How containers end, and why they do not start (facts F55)."""

from __future__ import annotations

from installer_tasks.diagnosis.base import ENDED, EVENT, LOG, WAITING, Cause, Rank
from installer_tasks.text import mark as _

_FIXED = "kubectl -n %(namespace)s get pod %(name)s"

CAUSES = (
    Cause("container.oom", (ENDED, EVENT), r"OOMKilled|OOMKilling",
          _("%(about)s was killed because it used more memory than its limit."),
          _("Choose a larger size, then resume."),
          owner="services", answer="services.size", proof=_FIXED, settles=60),
    Cause("container.exec-format", (LOG, ENDED, WAITING), r"exec format error",
          _("The node's processor cannot run the image of %(about)s."),
          _("Use x86-64 worker nodes: the release has no images for other processors."),
          owner="cluster", proof="kubectl get nodes -L kubernetes.io/arch", settles=20),
    Cause("container.run-as-root", (WAITING, EVENT), r"container has runAsNonRoot and image will run as root|container's runAsUser breaks non-root policy",
          _("A policy forbids %(about)s to run as root."),
          _("Exempt the namespace %(namespace)s from the policy that changed the pod."),
          owner="cluster", proof=_FIXED, settles=20),
    Cause("container.command", (WAITING, ENDED, EVENT), r"executable file not found|no such file or directory: unknown|StartError|RunContainerError",
          _("The program in %(about)s cannot be started."),
          _("The image is not the one of the release: push it again, and find out who changed it."),
          owner="registry", proof=_FIXED, settles=30),
    Cause("container.sandbox", (EVENT,), r"FailedCreatePodSandBox.*(?P<words>no IP addresses available|failed to assign an IP|cni|network plugin)",
          _("The network plug-in cannot give %(about)s an address."),
          _("Check the pods of the network plug-in on that node, and its address range."),
          owner="cluster", proof=_FIXED, settles=45),
    Cause("container.sandbox-other", (EVENT,), r"FailedCreatePodSandBox: (?P<words>.+)",
          _("The node cannot start %(about)s."),
          _("Check kubelet and containerd on that node with the message below."),
          owner="cluster", proof=_FIXED, rank=Rank.GENERAL, settles=45),
    Cause("container.seccomp", (WAITING, EVENT), r"(?:apparmor|seccomp|SELinux).{0,80}(?:not found|denied|failed|cannot)",
          _("A security profile of the node stops %(about)s."),
          _("Install the profile on the nodes, or remove it from the pods."),
          owner="cluster", proof=_FIXED, settles=30),
    Cause("container.killed", (EVENT,), r"(?:Liveness|Startup) probe failed: (?P<words>.+)",
          _("The kubelet restarts %(about)s because its liveness probe fails."),
          _("Check the log of the pod. Slow nodes need more CPU."),
          owner="cluster", proof=_FIXED, rank=Rank.SYMPTOM, settles=600),
    Cause("container.probe", (EVENT,), r"Readiness probe failed: (?P<words>.+)",
          _("%(about)s is running, but its readiness probe fails."),
          _("Check the log of the pod, and what the probe says."),
          owner="cluster", proof=_FIXED, rank=Rank.SYMPTOM, settles=600),
)  # fmt: skip
