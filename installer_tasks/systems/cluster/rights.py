"""Every right that the checks and the stages use, verb by verb. Pure.

Recorded over whole installations and their undoing (`tests/engine/test_least_rights.py` holds this table equal to the
record). Nobody may give what they do not have, unless they may `escalate` and `bind` that very role: kapp-controller
installs the packages with a role that may do anything, and the installer makes that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: The role that the package is installed with: the same name in every release.
INSTALL_ROLE = "tanzu-mission-control-tmc-local-cluster-role"
#: Group, resource and its verbs; then the name of the only object that they are needed for.
_TABLE = f"""
core configmaps get list
core endpoints list
core events list
core limitranges list
core namespaces get list create patch delete
core nodes list
core persistentvolumeclaims get list create patch delete
core persistentvolumes list patch
core pods list create patch
core resourcequotas list
core secrets get list create patch delete
core serviceaccounts get create patch delete
core services get list create patch
admissionregistration.k8s.io mutatingwebhookconfigurations list
admissionregistration.k8s.io validatingwebhookconfigurations list
apiextensions.k8s.io customresourcedefinitions get
apps deployments get list patch
cert-manager.io certificaterequests list
cert-manager.io certificates get list create patch delete
cert-manager.io clusterissuers get list
data.packaging.carvel.dev packages get
kappctrl.k14s.io apps list
networking.k8s.io ingressclasses get
packaging.carvel.dev packageinstalls get list create patch delete
packaging.carvel.dev packagerepositories get list create patch delete
rbac.authorization.k8s.io clusterrolebindings get create patch delete
rbac.authorization.k8s.io clusterroles get create patch delete
rbac.authorization.k8s.io clusterroles bind escalate ={INSTALL_ROLE}
storage.k8s.io storageclasses list
"""


@dataclass(frozen=True)
class Right:
    group: str
    resource: str
    verb: str
    name: str = ""  #: the only object that it is needed for

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def _rights() -> Iterable[Right]:
    for line in _TABLE.strip().splitlines():
        group, resource, *words = line.split()
        name = next((word[1:] for word in words if word.startswith("=")), "")
        for verb in words:
            if not verb.startswith("="):
                yield Right("" if group == "core" else group, resource, verb, name)


RIGHTS: tuple[Right, ...] = tuple(_rights())
NEEDED: tuple[dict[str, str], ...] = tuple(right.as_json() for right in RIGHTS)


def rules(rights: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Those of a ClusterRole, one a resource with all its verbs."""
    verbs: dict[tuple[str, str, str], list[str]] = {}
    for right in rights:
        verbs.setdefault((right["group"], right["resource"], right["name"]), []).append(right["verb"])
    return [
        {"apiGroups": [group], "resources": [resource], **({"resourceNames": [name]} if name else {}), "verbs": allowed}
        for (group, resource, name), allowed in verbs.items()
    ]
