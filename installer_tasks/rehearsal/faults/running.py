"""Faults that strike while a run is under way: no check can foresee them, and the run has to name their cause."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.controllers.site import PROVISIONER
from installer_tasks.rehearsal.controllers.troubles import Trouble
from installer_tasks.rehearsal.faults.base import Change
from installer_tasks.rehearsal.faults.kube_changes import CLASSES, removed
from installer_tasks.rehearsal.kube.resources import GVR
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

INSTALLS = GVR("packaging.carvel.dev", "v1alpha1", "packageinstalls")
PARENT, POSTGRES, STACK = "tanzu-mission-control", "postgres-postgresql", "tenancy-service-server"


@dataclass(frozen=True)
class RunFault:
    """A defect that strikes before the stage `strikes`, and the line of the table that a run must name for it."""

    name: str  #: `run.<what>`
    title: str  #: marked for translation
    change: Change
    named: str  #: of the cause; empty: in no catalogue, to be called unknown
    strikes: str = "package-install"


def pod(name: str, **trouble: Any) -> Change:
    """The pods whose names begin so are in trouble."""

    def change(estate: Estate) -> Callable[[], None]:
        estate.site.troubles[name] = Trouble(**trouble)

        def undo() -> None:
            estate.site.troubles.pop(name, None)

        return undo

    return change


def package(name: str, phase: str, words: str) -> Change:
    """kapp-controller fails in this phase, with these words."""

    def change(estate: Estate) -> Callable[[], None]:
        estate.site.failing[name] = (phase, words)

        def undo() -> None:
            estate.site.failing.pop(name, None)

        return undo

    return change


def pull(words: str, code: str = "Unknown") -> Change:
    """No node can pull the images of the packages."""

    def change(estate: Estate) -> Callable[[], None]:
        def problem(image: str) -> str:
            where = f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {words}'
            return f"rpc error: code = {code} desc = {where}"

        estate.site.pulling = problem

        def undo() -> None:
            estate.site.pulling = lambda _image: ""

        return undo

    return change


def balancer(said: str) -> Change:
    def change(estate: Estate) -> Callable[[], None]:
        usual, estate.site.give, estate.site.balancing = estate.site.give, lambda _service: None, said

        def undo() -> None:
            estate.site.give, estate.site.balancing = usual, ""

        return undo

    return change


def _provisioner(problem: str | None) -> Change:
    def change(estate: Estate) -> Callable[[], None]:
        estate.site.provisioners.clear()
        if problem is not None:
            estate.site.provisioners[PROVISIONER] = problem
        return lambda: estate.site.provisioners.update({PROVISIONER: ""})

    return change


def _no_class(estate: Estate) -> Callable[[], None]:
    kept = estate.store.list(CLASSES)
    for each in kept:
        estate.store.delete(CLASSES, "", each["metadata"]["name"])

    def undo() -> None:
        for each in kept:
            each["metadata"].pop("resourceVersion", None)
            estate.store.create(CLASSES, each)

    return undo


def server(name: str) -> Change:
    """What a server of the estate asks for at every request."""

    def change(estate: Estate) -> Callable[[], None]:
        estate.faults.switch(name, on=True)
        return lambda: estate.faults.switch(name, on=False)

    return change


def _name_elsewhere(estate: Estate) -> Callable[[], None]:
    name = f"s3.{estate.zone}"
    estate.dns.set(name, "192.0.2.1")
    return lambda: estate.dns.set(name, estate.edge.address)


def _provider_stopped(estate: Estate) -> Callable[[], None]:
    estate.identity.stop()
    return lambda: None


def _other_certificate(estate: Estate) -> Callable[[], None]:
    """A proxy before the load balancer answers with its own certificate."""
    name = f"auth.{estate.zone}"
    made = PracticeCA.load_or_create(estate.folder / "proxy-ca").issue([name])
    estate.edge.publish(name, made.chain_pem, made.key_pem, {})
    return lambda: None


def _values_overwritten(estate: Estate) -> Callable[[], None]:
    """By somebody with `tanzu package installed update` beside us; the packages stay as they are."""
    where = GVR("", "v1", "secrets"), estate.release.namespace, f"{PARENT}-tmc-local-values"
    live = estate.store.get(*where)
    if live is None:
        raise KeyError(where)
    for install in estate.store.list(INSTALLS):
        name = install["metadata"]["name"]
        estate.store.change(
            INSTALLS, estate.release.namespace, name, lambda obj: {**obj, "spec": {**obj["spec"], "paused": True}}
        )
    other = base64.b64encode(b"dnsZone: other.example.com\n").decode()
    estate.store.change(*where, lambda obj: {**obj, "data": {"values.yaml": other}})
    return lambda: None


def _issuer_deleted(estate: Estate) -> Callable[[], None]:
    return removed(GVR("cert-manager.io", "v1", "clusterissuers"), "practice-issuer")(estate)


def _ca_secret_deleted(estate: Estate) -> Callable[[], None]:
    return removed(GVR("", "v1", "secrets"), "practice-ca", "cert-manager")(estate)


def _password_rotated(estate: Estate) -> Callable[[], None]:
    name = estate.answers()["registry.username"]
    kept = estate.registry.users[name]
    estate.registry.users[name] = replace(kept, password="renewed-by-its-owner")  # noqa: S106 - of nobody

    def undo() -> None:
        estate.registry.users[name] = kept

    return undo


def _share_gone(estate: Estate) -> Callable[[], None]:
    """The folder with the download was on a share."""
    away = estate.bundle.with_name("share-is-gone")
    estate.bundle.rename(away)

    def undo() -> None:
        away.rename(estate.bundle)

    return undo


_HEAD = 'failed to do request: Head "https://harbor/v2/": '
_RESOURCES = (
    "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, "
    "3 Insufficient memory. preemption: 0/4 nodes are available: 3 No preemption victims found for incoming pod."
)
_FORBIDDEN = 'pods "x-0" is forbidden: '
_FETCH = "vendir: Error: Syncing directory '0': Syncing directory '.' with imgpkgBundle contents: Fetching image: "
_DISCOVERY = (
    'OIDCDiscoverySucceeded=False: failed to perform OIDC discovery against "https://idp.example.com": '
    'Get "https://idp.example.com/.well-known/openid-configuration": dial tcp 10.1.2.3:443: connect: connection refused'
)

# fmt: off
RUNNING = (
    RunFault("run.nodes-untrusted", _("The nodes do not trust the registry's CA"), pull(f"{_HEAD}tls: failed to verify certificate: x509: certificate signed by unknown authority"), "image.unknown-authority"),
    RunFault("run.image-gone", _("An image was deleted from the registry"), pull("harbor/tmc/x: not found", "NotFound"), "image.not-found"),
    RunFault("run.project-private", _("The registry project became private"), pull("pull access denied, repository does not exist or may require authorization: authorization failed: 401 Unauthorized"), "image.unauthorized"),
    RunFault("run.node-no-name", _("The nodes cannot resolve the registry's name"), pull(f"{_HEAD}dial tcp: lookup harbor on 10.0.0.2:53: no such host"), "image.no-such-host"),
    RunFault("run.registry-down", _("The registry stopped during the run"), pull(f"{_HEAD}dial tcp 10.1.1.1:443: connect: connection refused"), "image.refused"),
    RunFault("run.node-no-route", _("A firewall blocks the nodes' connection to the registry"), pull(f"{_HEAD}dial tcp 10.1.1.1:443: i/o timeout"), "image.timeout"),
    RunFault("run.node-disk-full", _("The disk of the nodes is full"), pull("failed to extract layer sha256:ab: write /var/lib/containerd/x: no space left on device"), "image.disk-full"),
    RunFault("run.no-memory", _("The nodes have no memory left"), pod(POSTGRES, unscheduled=_RESOURCES), "schedule.resources"),
    RunFault("run.tainted", _("The workers have a taint that nothing tolerates"), pod(POSTGRES, unscheduled="0/4 nodes are available: 4 node(s) had untolerated taint {dedicated: database}. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling."), "schedule.taint"),
    RunFault("run.cordoned", _("All workers are cordoned"), pod(POSTGRES, unscheduled="0/4 nodes are available: 4 node(s) were unschedulable."), "schedule.cordoned"),
    RunFault("run.second-ingress", _("Another ingress controller holds the host ports"), pod("contour-envoy", unscheduled="0/4 nodes are available: 4 node(s) didn't have free ports for the requested pod ports."), "schedule.host-port"),
    RunFault("run.no-class", _("The default StorageClass was deleted"), _no_class, "volume.no-class"),
    RunFault("run.storage-full", _("The datastore has no space left"), _provisioner("rpc error: code = ResourceExhausted desc = no datastore has 1Gi of free space"), "volume.full"),
    RunFault("run.no-provisioner", _("The CSI driver's pods are gone"), _provisioner(None), "volume.no-provisioner"),
    RunFault("run.pod-security", _("Somebody enforced restricted pods in the namespace"), pod(POSTGRES, refused=_FORBIDDEN + 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'), "admission.pod-security"),
    RunFault("run.quota", _("A quota was added to the namespace"), pod(POSTGRES, refused=_FORBIDDEN + "exceeded quota: team, requested: pods=1, used: pods=20, limited: pods=20"), "admission.quota"),
    RunFault("run.policy", _("A policy forbids images without a digest"), pod(STACK, refused='admission webhook "validate.kyverno.svc-fail" denied the request: policy require-digest'), "admission.webhook-denied"),
    RunFault("run.webhook-dead", _("The pods behind a webhook stopped"), pod(STACK, refused='Internal error occurred: failed calling webhook "mutate.kyverno.svc": Post "https://kyverno-svc.kyverno.svc:443/mutate": dial tcp 10.9.9.9:443: connect: connection refused'), "admission.webhook-dead"),
    RunFault("run.no-address", _("The load balancer gives no address"), balancer(""), "balancer.pending"),
    RunFault("run.address-taken", _("The load balancer's address is in use"), balancer('AllocationFailed: Failed to allocate IP for "tmc-local/contour-envoy": can\'t change sharing key, address already in use by default/other'), "balancer.address-taken"),
    RunFault("run.unknown-value", _("The package rejects a value"), package(PARENT, "template", "ytt: Error: Overlaying data values (in following order: additional data values):\n  One or more data values were invalid\n  Given data value is not declared in schema\n  values.yaml:\n    |\n  2 | harbourProject: typo\n    |\n\n    = found: harbourProject\n    = expected: a map item with the key named \"harborProject\""), "values.unknown-key"),
    RunFault("run.bundle-untrusted", _("kapp-controller lost its trust in the registry"), package("postgres", "fetch", _FETCH + 'Error while preparing a transport to talk with the registry: Unable to create round tripper: Get "https://harbor/v2/": x509: certificate signed by unknown authority'), "fetch.unknown-authority"),
    RunFault("run.package-gone", _("The packages of the release are gone"), package(PARENT, "fetch", "Package tmc.tanzu.vmware.com not found"), "package.not-found"),
    RunFault("run.account-bound", _("The role binding of the installer's account was removed"), package(PARENT, "deploy", 'kapp: Error: Getting app: configmaps "x.app" is forbidden: User "system:serviceaccount:tmc-local:tanzu-mission-control-tmc-local-sa" cannot get resource "configmaps" in API group "" in the namespace "tmc-local"'), "account.forbidden"),
    RunFault("run.names-missing", _("The public names do not resolve in pods"), pod("auth-manager-server", exit_code=1, log=('FATAL fetching keys: Get "https://auth.tmc.practice.example/keys": dial tcp: lookup auth.tmc.practice.example on 10.96.0.10:53: no such host',)), "log.name"),
    RunFault("run.provider-untrusted", _("Pods do not trust the identity provider"), pod("auth-manager-server", exit_code=1, log=('FATAL Get "https://idp.example.com/": x509: certificate signed by unknown authority',)), "log.unknown-authority"),
    RunFault("run.provider-down", _("Pinniped does not reach the identity provider"), pod("pinniped-supervisor", exit_code=1, log=(_DISCOVERY,)), "pinniped.discovery"),
    RunFault("run.old-volume", _("The volume of PostgreSQL has another password"), pod(POSTGRES, exit_code=1, log=('FATAL:  password authentication failed for user "postgres"',)), "postgres.password"),
    RunFault("run.minio-password", _("MinIO finds its password too short"), pod("minio", exit_code=1, log=("ERROR Unable to validate credentials: MINIO_ROOT_PASSWORD should be at least 8 characters",)), "minio.password-short"),
    RunFault("run.oom", _("PostgreSQL is killed for its memory"), pod(POSTGRES, exit_code=137, reason="OOMKilled"), "container.oom"),
    RunFault("run.limit-range", _("A LimitRange allows too little memory"), pod(POSTGRES, refused=_FORBIDDEN + "maximum memory usage per Container is 512Mi, but limit is 2Gi"), "admission.limit-range"),
    RunFault("run.terminating", _("Somebody deletes the namespace during the run"), pod(STACK, refused=_FORBIDDEN + "unable to create new content in namespace tmc-local because it is being terminated"), "admission.namespace-terminating"),
    RunFault("run.many-pods", _("The workers run as many pods as they may"), pod("kafka", unscheduled="0/4 nodes are available: 4 Too many pods."), "schedule.too-many-pods"),
    RunFault("run.node-pressure", _("The workers report disk pressure"), pod("kafka", unscheduled="0/4 nodes are available: 4 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }."), "schedule.pressure"),
    RunFault("run.evicted", _("A node evicts PostgreSQL"), pod(POSTGRES, evicted="The node was low on resource: ephemeral-storage. Threshold quantity: 1Gi, available: 200Mi."), "node.evicted"),
    RunFault("run.volume-held", _("Another node still holds the volume"), pod(POSTGRES, event='FailedAttachVolume: Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node', waiting="ContainerCreating"), "volume.attach"),
    RunFault("run.secret-gone", _("A Secret that a pod mounts is gone"), pod(STACK, event='FailedMount: MountVolume.SetUp failed for volume "tls" : secret "stack-tls" not found', waiting="ContainerCreating"), "volume.secret-missing"),
    RunFault("run.no-addresses", _("The network plug-in has no addresses left"), pod("redis", event='FailedCreatePodSandBox: Failed to create pod sandbox: plugin type="antrea" failed: no IP addresses available in range', waiting="ContainerCreating"), "container.sandbox"),
    RunFault("run.root-forbidden", _("A policy forbids to run as root"), pod("redis", waiting="CreateContainerConfigError: container has runAsNonRoot and image will run as root"), "container.run-as-root"),
    RunFault("run.wrong-processor", _("The nodes have another processor"), pod("redis", exit_code=1, log=("exec /opt/bitnami/scripts/redis/entrypoint.sh: exec format error",)), "container.exec-format"),
    RunFault("run.volume-full", _("The volume of Kafka is full"), pod("kafka", exit_code=1, log=("ERROR Error while writing to checkpoint file (java.io.IOException: No space left on device)",)), "volume.disk-full"),
    RunFault("run.volume-denied", _("The volume of PostgreSQL belongs to another user"), pod(POSTGRES, exit_code=1, log=("mkdir: cannot create directory '/bitnami/postgresql/data': Permission denied",)), "volume.permission"),
    RunFault("run.few-connections", _("PostgreSQL has too few connections"), pod(STACK, exit_code=1, log=("FATAL: remaining connection slots are reserved for non-replication superuser connections",)), "postgres.connections"),
    RunFault("run.postgres-version", _("The volume of PostgreSQL is of another version"), pod(POSTGRES, exit_code=1, log=("FATAL:  database files are incompatible with server", "DETAIL:  initialized by PostgreSQL version 11")), "postgres.version"),
    RunFault("run.kafka-old", _("The volume of Kafka is of an earlier installation"), pod("kafka", exit_code=1, log=("kafka.common.InconsistentClusterIdException: The Cluster ID x doesn't match stored clusterId y in meta.properties",)), "kafka.cluster-id"),
    RunFault("run.redis-password", _("Redis has another password than its clients"), pod(STACK, exit_code=1, log=("redis: WRONGPASS invalid username-password pair or user is disabled.",)), "redis.password"),
    RunFault("run.alert-config", _("Alertmanager has a receiver that is not valid"), pod("alertmanager", exit_code=1, log=('level=error component=configuration msg="Loading configuration file failed" err="undefined receiver"',)), "alertmanager.config"),
    RunFault("run.wrong-issuer", _("The provider calls itself otherwise than the issuer URL"), pod("pinniped-supervisor", exit_code=1, log=('oidc: issuer did not match the issuer returned by provider, expected "https://idp/" got "https://idp"',)), "pinniped.issuer"),
    RunFault("run.pod-network", _("A pod does not reach the API server"), pod("kafka-topic-controller", exit_code=1, log=('Get "https://10.96.0.1:443/api": dial tcp 10.96.0.1:443: i/o timeout',)), "log.api-unreachable"),
    RunFault("run.proxy-blocks", _("kapp-controller's proxy does not let it to the registry"), package("redis", "fetch", _FETCH + "proxyconnect tcp: dial tcp 10.0.0.8:3128: connect: connection refused"), "fetch.proxy"),
    RunFault("run.registry-502", _("The registry's own storage fails"), package("minio", "fetch", _FETCH + "GET https://harbor/v2/tmc: unexpected status code 502 Bad Gateway"), "fetch.server-error"),
    RunFault("run.other-repository", _("A second package repository has the same packages"), package(PARENT, "deploy", "kapp: Error: Conflicting resources: Package/a is already present but not identical (mismatch in spec.template)"), "package.conflict"),
    RunFault("run.foreign-objects", _("Objects belong to an earlier kapp application"), package("contour", "deploy", "kapp: Error: Ownership errors:\n- Resource 'customresourcedefinition/httpproxies.projectcontour.io' is already associated with a different app 'contour.app'"), "deploy.owned"),
    RunFault("run.etcd-full", _("etcd is full"), package("kafka", "deploy", "kapp: Error: Applying create configmap/a: etcdserver: mvcc: database space exceeded"), "deploy.api-slow"),
    RunFault("run.api-stale", _("An aggregated API does not respond"), package("postgres", "deploy", "kapp: Error: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1: the server is currently unable to handle the request"), "deploy.api-down"),
    RunFault("run.pool-empty", _("The load balancer's pool is exhausted"), balancer('AllocationFailed: Failed to allocate IP for "tmc-local/contour-envoy": no available IPs'), "balancer.pool-empty"),
    RunFault("run.balancer-503", _("The load balancer returns 503"), server("edge.unavailable"), "acceptance.server", strikes="acceptance"),
    RunFault("run.name-moved", _("A record was changed during the run"), _name_elsewhere, "acceptance.name", strikes="acceptance"),
    RunFault("run.provider-stopped", _("The identity provider stopped during the run"), _provider_stopped, "acceptance.provider", strikes="acceptance"),
    RunFault("run.proxy-certificate", _("A proxy answers with its own certificate"), _other_certificate, "acceptance.certificate", strikes="acceptance"),
    RunFault("run.values-overwritten", _("Somebody overwrote the values during the run"), _values_overwritten, "acceptance.changed", strikes="acceptance"),
    RunFault("run.issuer-deleted", _("The ClusterIssuer was deleted during the run"), _issuer_deleted, "issuer.gone", strikes="certificate-issuer"),
    RunFault("run.issuer-secret", _("The Secret of the issuer was deleted during the run"), _ca_secret_deleted, "certificate.ca-secret", strikes="certificate-issuer"),
    RunFault("run.password-rotated", _("The registry password was renewed during the run"), _password_rotated, "stage.registry-unauthorized", strikes="registry-project"),
    RunFault("run.share-gone", _("The share with the download went away"), _share_gone, "bundle.gone", strikes="push-images"),
    RunFault("run.strange-crash", _("A program ends with words that nobody knows"), pod(POSTGRES, exit_code=3, log=("flux capacitor: cannot align the temporal manifold", "giving up")), ""),
    RunFault("run.strange-refusal", _("A package fails with words that nobody knows"), package("kafka", "deploy", "kapp: Error: the wibble frobnicated the wobble (code 77)"), ""),
    RunFault("run.strange-exit", _("A program ends without a word"), pod("kafka", exit_code=42), ""),
    RunFault("run.strange-probe", _("A probe fails with words that nobody knows"), pod(STACK, unready="wobble: 418"), ""),
    RunFault("run.strange-event", _("A pod waits for something that nobody knows"), pod("redis", waiting="WibbleWait: for the wobble"), ""),
    RunFault("run.strange-parent", _("The parent package fails with words that nobody knows"), package(PARENT, "deploy", "kapp: Error: quux of the frob"), ""),
    RunFault("run.strange-log", _("MinIO prints what nobody knows"), pod("minio", exit_code=9, log=("fatal: the zorp has no blip",)), ""),
    RunFault("run.strange-reason", _("No node takes a pod for a reason that nobody knows"), pod(POSTGRES, unscheduled="0/4 nodes are available: 4 node(s) had the wrong colour."), ""),
    RunFault("run.strange-balance", _("The load balancer controller panics"), pod("contour-envoy", exit_code=5, log=("panic: zap",)), ""),
    RunFault("run.strange-supervisor", _("Pinniped ends with words that nobody knows"), pod("pinniped-supervisor", exit_code=1, log=("error: penguin overflow",)), ""),
)
# fmt: on
