"""The errors of stages whose own words name the cause: who owns it, and which answer it is about."""

from __future__ import annotations

from installer_tasks.diagnosis.base import STAGE, Cause, Rank

#: Code of the error, owner, answer to change.
_OWNERS = (
    ("registry-unauthorized", "registry", "registry.password"),
    ("registry-denied", "registry", "registry.username"),
    ("registry-quota", "registry", ""),
    ("kubernetes-unauthorized", "cluster", "cluster.kubeconfig"),
    ("kubernetes-forbidden", "cluster", "cluster.kubeconfig"),
    ("kubernetes-refused", "cluster", ""),
    ("kubernetes-quota", "cluster", ""),
    ("kubernetes-limit-range", "cluster", ""),
    ("kubernetes-admission", "cluster", ""),
    ("kubernetes-pod-security", "cluster", ""),
    ("kubernetes-terminating", "cluster", ""),
    ("kubernetes-webhook", "cluster", ""),
    ("kubernetes-owned", "cluster", ""),
    ("install-other-name", "cluster", ""),
    ("issuer-other-authority", "certificates", "certificates.ca"),
    ("bundle-other-release", "bundle", "bundle.release"),
    ("values-refused", "services", "services.settings"),
    ("disk-full", "bundle", ""),
    ("file-gone", "bundle", "bundle.path"),
    ("file-denied", "bundle", "bundle.path"),
    ("name-elsewhere", "dns", "dns.zone"),
)

#: Name, what the error says, owner, answer: where the code alone does not tell.
_SAID = (
    ("issuer.gone", r"kubernetes-missing: .*clusterissuers?\b", "certificates", "certificates.cluster_issuer"),
    ("namespace.gone", r"kubernetes-missing: .*namespaces? ", "cluster", ""),
    ("bundle.gone", r"(?:file-gone|bundle-missing|bundle-[\w-]+): ", "bundle", "bundle.path"),
)
#: Name, what failed first in acceptance (check and code of its error), owner, answer to change. By what answered
#: wrongly: the name, the way, the certificate, the server behind it, the provider.
_ACCEPTANCE = (
    ("name", r"acceptance\.dns\.\S* ", "dns", "dns.zone"),
    ("provider", r"\S+ acceptance-provider:", "identity", "identity.issuer_url"),
    ("server", r"\S+ acceptance-status:", "services", ""),
    ("certificate", r"acceptance\.\S+ tls-[\w-]+:", "certificates", "certificates.ca"),
    ("way", r"acceptance\.\S+ unreachable[\w-]*:", "services", ""),
    ("load-balancer", r"acceptance\.load-balancer ", "services", ""),
    ("images", r"acceptance\.images ", "registry", ""),
    ("changed", r"acceptance\.unchanged ", "cluster", ""),
)

CAUSES = (
    *(Cause(name, (STAGE,), f"^{said}", owner=owner, answer=answer) for name, said, owner, answer in _SAID),
    *(Cause(f"stage.{code}", (STAGE,), rf"^{code}:", owner=owner, answer=answer) for code, owner, answer in _OWNERS),
    *(
        Cause(
            f"acceptance.{name}",
            (STAGE,),
            f"^acceptance-failed: {first}",
            owner=owner,
            answer=answer,
            rank=Rank.GENERAL,
        )
        for name, first, owner, answer in _ACCEPTANCE
    ),
)
