"""The kinds that controllers deal with, by the name they use for them."""

from __future__ import annotations

from typing import NamedTuple


class Resource(NamedTuple):
    """Where the API serves a kind."""

    group: str
    version: str
    plural: str


_TABLE = """
v1 namespaces Namespace
v1 pods Pod
v1 nodes Node
v1 services Service
v1 secrets Secret
v1 configmaps ConfigMap
v1 serviceaccounts ServiceAccount
v1 persistentvolumeclaims PersistentVolumeClaim
v1 persistentvolumes PersistentVolume
v1 events Event
apps/v1 deployments Deployment
apps/v1 statefulsets StatefulSet
apps/v1 daemonsets DaemonSet
batch/v1 jobs Job
storage.k8s.io/v1 storageclasses StorageClass
rbac.authorization.k8s.io/v1 clusterroles ClusterRole
rbac.authorization.k8s.io/v1 clusterrolebindings ClusterRoleBinding
apiextensions.k8s.io/v1 customresourcedefinitions CustomResourceDefinition
packaging.carvel.dev/v1alpha1 packagerepositories PackageRepository
packaging.carvel.dev/v1alpha1 packageinstalls PackageInstall
data.packaging.carvel.dev/v1alpha1 packages Package
data.packaging.carvel.dev/v1alpha1 packagemetadatas PackageMetadata
kappctrl.k14s.io/v1alpha1 apps App
cert-manager.io/v1 clusterissuers ClusterIssuer
cert-manager.io/v1 issuers Issuer
cert-manager.io/v1 certificates Certificate
cert-manager.io/v1 certificaterequests CertificateRequest
projectcontour.io/v1 httpproxies HTTPProxy
"""


def _resource(api_version: str, plural: str) -> Resource:
    group, _slash, version = api_version.rpartition("/")
    return Resource(group, version, plural)


RESOURCES = {kind: _resource(api, plural) for api, plural, kind in map(str.split, _TABLE.strip().splitlines())}
API_VERSIONS = {kind: api for api, _plural, kind in map(str.split, _TABLE.strip().splitlines())}
