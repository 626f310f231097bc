"""`interface.Cluster` over the `kubernetes` library: every request limited in time, every failure typed."""

from __future__ import annotations

import json
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.dynamic import DynamicClient

from installer_tasks.errors import Invalid, Missing
from installer_tasks.systems.certificates.tls import judge_as_go
from installer_tasks.systems.cluster.discovery import Discovery
from installer_tasks.systems.cluster.failures import failures
from installer_tasks.systems.cluster.interface import FIELD_MANAGER, Object
from installer_tasks.systems.cluster.kubeconfig import Kubeconfig
from installer_tasks.systems.cluster.pool import LimitedPool
from installer_tasks.systems.cluster.refusals import Call
from installer_tasks.text import mark as _
from installer_tasks.text import text

PAGE = 500


class _Dynamic(DynamicClient):
    """The library's client, with a time limit also on the requests that it makes by itself (discovery)."""

    def __init__(self, client: ApiClient, timeout: float) -> None:
        self._timeout = timeout
        super().__init__(client, discoverer=Discovery)  # type: ignore[no-untyped-call]

    def request(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        params.setdefault("_request_timeout", self._timeout)
        return super().request(method, path, body=body, **params)


class Connection:
    def __init__(self, kubeconfig: Kubeconfig, timeout: float) -> None:
        self.server = kubeconfig.server
        self._timeout = timeout
        with failures(Call(self.server, "get")):
            self._api = _api(kubeconfig)
        try:
            with failures(Call(self.server, "get")):
                self._client = _Dynamic(self._api, timeout)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._api.close()  # type: ignore[no-untyped-call]

    def version(self) -> str:
        return str(self._client.version)

    def clock(self) -> str:
        with failures(Call(self.server, "get")):
            answer = self._client.request("get", "/version", serialize=False)
            return str(answer.headers.get("Date", ""))

    def has_kind(self, api_version: str, kind: str) -> bool:
        try:
            self._resource(api_version, kind, Call(self.server, "get", kind))
        except Missing:
            return False
        return True

    def can_i(self, verb: str, resource: str, *, group: str = "", namespace: str = "", name: str = "") -> bool:
        plural, _slash, subresource = resource.partition("/")
        attributes = {"verb": verb, "resource": plural, "group": group, "namespace": namespace}
        if subresource:
            attributes["subresource"] = subresource
        if name:
            attributes["name"] = name
        review = self.create(
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            }
        )
        return bool(review.get("status", {}).get("allowed"))

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object:
        return self._on(Call(self.server, "get", kind, name, namespace), "get", api_version)

    def find(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        try:
            return self.get(api_version, kind, name, namespace)
        except Missing:
            return None

    def list(
        self, api_version: str, kind: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        path, call = self._path(api_version, Call(self.server, "list", kind, namespace=namespace))
        query = {"label_selector": labels or None, "field_selector": fields or None, "limit": PAGE}
        found: list[Object] = []
        token: str | None = None
        with self._asking(api_version, call):
            while True:
                page = self._request("get", path, _continue=token, **query)
                # Items of a list come without these two, unlike anything else that we hand on.
                found += [{**item, "apiVersion": api_version, "kind": kind} for item in page.get("items") or []]
                token = (page.get("metadata") or {}).get("continue")
                if not token:
                    return found

    def apply(self, obj: Object, *, field_manager: str = FIELD_MANAGER, force: bool = False) -> Object:
        metadata = obj["metadata"]
        call = Call(self.server, "patch", obj["kind"], metadata["name"], metadata.get("namespace", ""))
        return self._on(
            call,
            "patch",
            obj["apiVersion"],
            body=obj,
            content_type="application/apply-patch+yaml",
            field_manager=field_manager,
            force_conflicts="true" if force else "false",
        )

    def create(self, obj: Object) -> Object:
        namespace = obj.get("metadata", {}).get("namespace", "")
        return self._on(Call(self.server, "create", obj["kind"], "", namespace), "post", obj["apiVersion"], body=obj)

    def patch(self, api_version: str, kind: str, name: str, namespace: str, change: Object) -> Object | None:
        call = Call(self.server, "patch", kind, name, namespace)
        try:
            return self._on(call, "patch", api_version, body=change, content_type="application/merge-patch+json")
        except Missing:
            return None

    def delete(self, api_version: str, kind: str, name: str, namespace: str = "") -> bool:
        try:
            call = Call(self.server, "delete", kind, name, namespace)
            self._on(call, "delete", api_version, propagation_policy="Background")
        except Missing:
            return False
        return True

    def logs(self, pod: str, namespace: str, *, container: str = "", tail: int = 200) -> str:
        path, call = self._path("v1", Call(self.server, "get", "Pod", pod, namespace))
        query = [("tailLines", str(tail)), *([("container", container)] if container else [])]
        with failures(call):
            # A log is no JSON, though a line of it may look like it.
            answer = self._client.request(
                "get", f"{path}/log", query_params=query, header_params={"Accept": "*/*"}, serialize=False
            )
            content: str = answer.data.decode("utf-8", "replace")
            return content

    def watch(
        self, api_version: str, kind: str, namespace: str = "", *, since: str = "", seconds: int = 30
    ) -> Iterator[tuple[str, Object]]:
        path, call = self._path(api_version, Call(self.server, "watch", kind, namespace=namespace))
        with failures(call):
            answer = self._client.request(
                "get",
                path,
                watch="true",
                resource_version=since or None,
                timeout_seconds=seconds,
                serialize=False,
                _request_timeout=(self._timeout, seconds + self._timeout),
            )
            try:
                yield from _changes(answer)
            finally:
                answer.close()

    def _resource(self, api_version: str, kind: str, call: Call) -> Any:
        prefix = "apis" if "/" in api_version else "api"
        with failures(call):
            return self._client.resources.get(prefix=prefix, api_version=api_version, kind=kind)

    def _path(self, api_version: str, call: Call) -> tuple[str, Call]:
        """The address of what the call is about, and the call with the resource's plural."""
        resource = self._resource(api_version, call.kind, call)
        plural = f"{resource.name}.{resource.group}" if resource.group else str(resource.name)
        path = resource.path(name=quote(call.name, safe=""), namespace=quote(call.namespace, safe=""))
        return path, replace(call, resource=plural)

    def _on(self, call: Call, method: str, api_version: str, **options: Any) -> Object:
        path, call = self._path(api_version, call)
        with self._asking(api_version, call):
            return self._request(method, path, **options)

    @contextmanager
    def _asking(self, api_version: str, call: Call) -> Iterator[None]:
        """A kind may go between being discovered and being asked for."""
        try:
            with failures(call):
                yield
        except Missing as error:
            if error.code == "kubernetes-no-kind":
                self._client.resources.forget(api_version)
            raise

    def _request(self, method: str, path: str, **options: Any) -> Object:
        answer: Any = self._client.request(method, path, serializer=_plain, **options)
        if not isinstance(answer, dict):
            raise Invalid(
                text(_("The Kubernetes API returned something that is not an object.")),
                value=self.server,
                remedy=text(_("Check the host, port and path of the server in the kubeconfig.")),
                code="kubernetes-other",
            )
        return answer


def _plain(_client: Any, answer: Any) -> Any:
    return answer


def _changes(answer: Any) -> Iterator[tuple[str, Object]]:
    """The lines of a watch; ends quietly when the server says the version is too old, the caller lists again."""
    rest = b""
    for chunk in answer.stream(16 * 1024, decode_content=True):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in filter(None, lines):
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            if event["type"] != "BOOKMARK":
                yield event["type"], event["object"]


def _api(kubeconfig: Kubeconfig) -> ApiClient:
    settings = Configuration(host=kubeconfig.server)
    settings.client_side_validation = False
    if kubeconfig.user.token:
        settings.api_key["BearerToken"] = kubeconfig.user.token
        settings.api_key_prefix["BearerToken"] = "Bearer"
    api = ApiClient(settings)
    api.user_agent = FIELD_MANAGER
    # Our own pool: no proxy of the environment, no redirect (it would carry the token elsewhere), one retry of reads.
    api.rest_client.pool_manager = LimitedPool(
        ssl_context=_tls_context(kubeconfig),
        server_hostname=kubeconfig.tls_server_name or None,
        retries=urllib3.Retry(total=1, connect=0, read=1, redirect=0, status=0, other=0, raise_on_redirect=False),
        maxsize=64,  # connections that are kept; a look asks many questions side by side
    )
    return api


def _tls_context(kubeconfig: Kubeconfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=kubeconfig.ca or None)
    judge_as_go(context)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if kubeconfig.user.certificate:
        # The ssl module reads keys from files only: in a folder of ours alone, for the moment of loading.
        with tempfile.TemporaryDirectory(prefix="tmc-client-") as folder:
            pem = Path(folder, "client.pem")
            pem.touch(mode=0o600)
            pem.write_text(f"{kubeconfig.user.certificate}\n{kubeconfig.user.key}\n")
            context.load_cert_chain(pem)
    return context
