"""A running practice API server for tests, and kubectl against it.

with running(tmp_path) as cluster:
    cluster.kubectl("get", "nodes")
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.fault_switch import FaultSwitch
from installer_tasks.rehearsal.kube import GVR, KubeServer, Store, kubeconfig, seed
from tests.waiting import PATIENCE

ADMIN, READER = "admin-token", "reader-token"
NAMESPACES = GVR("", "v1", "namespaces")
CONFIGMAPS = GVR("", "v1", "configmaps")
PODS = GVR("", "v1", "pods")
DEPLOYMENTS = GVR("apps", "v1", "deployments")
DEFINITIONS = GVR("apiextensions.k8s.io", "v1", "customresourcedefinitions")


@dataclass(frozen=True)
class Response:
    code: int
    type: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A server that answers, its objects, and clients for it."""

    store: Store
    server: KubeServer
    ca: PracticeCA
    folder: Path

    def kubeconfig(self, token: str = ADMIN) -> str:
        return kubeconfig(self.server.url, self.ca.ca_pem, token=token)

    def run(self, *arguments: str, stdin: str = "", token: str = ADMIN) -> subprocess.CompletedProcess[str]:
        """kubectl with a home of its own; its exit code is the caller's business."""
        return subprocess.run(
            ["kubectl", *arguments],
            check=False,
            input=stdin,
            text=True,
            capture_output=True,
            timeout=PATIENCE,
            env=self._env(token),
        )

    def kubectl(self, *arguments: str, stdin: str = "", token: str = ADMIN) -> str:
        """What kubectl prints; AssertionError when it fails or has anything to complain about."""
        done = self.run(*arguments, stdin=stdin, token=token)
        assert (done.returncode, done.stderr) == (0, ""), f"kubectl {arguments}: {done.stderr}{done.stdout}"
        return done.stdout

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """kubectl that goes on; the caller ends it."""
        return subprocess.Popen(
            ["kubectl", *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self._env(ADMIN)
        )

    def _env(self, token: str) -> dict[str, str]:
        file = self.folder / f"{token}.yaml"
        if not file.exists():
            file.write_text(self.kubeconfig(token))
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECONFIG": str(file)}

    def connection(self, **tls: Any) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cadata=self.ca.ca_pem)
        if tls:
            context.load_cert_chain(**tls)
        host, port = self.server.url.removeprefix("https://").split(":")
        return http.client.HTTPSConnection(host, int(port), context=context, timeout=PATIENCE)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = ADMIN,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """One HTTPS request; a body that is not text goes as JSON."""
        sent = {"Authorization": f"Bearer {token}"} if token else {}
        content = body if isinstance(body, str | None) else json.dumps(body)
        connection = self.connection()
        try:
            connection.request(method, path, content, {"Content-Type": "application/json", **sent, **(headers or {})})
            response = connection.getresponse()
            return Response(response.status, response.getheader("Content-Type", ""), response.read())
        finally:
            connection.close()


@contextmanager
def running(folder: Path, *, faults: FaultSwitch | None = None, history: int = 4096) -> Iterator[Running]:
    """A furnished cluster on a free loopback port."""
    ca = PracticeCA.load_or_create(folder / "ca")
    certificate, key = ca.issue_files(folder, "kube", ["localhost", "127.0.0.1"])
    store = Store(history=history)
    seed(store)
    tokens = {ADMIN: "admin", READER: "read-only"}
    server = KubeServer(store, certificate, key, ca.ca_file, tokens=tokens, faults=faults)
    server.start()
    try:
        yield Running(store, server, ca, folder)
    finally:
        server.stop()


def namespace(store: Store, name: str) -> str:
    """A namespace for one test."""
    store.create(NAMESPACES, {"metadata": {"name": name}})
    return name


def configmap(name: str, where: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": where},
        "data": data,
    }


def deployment(name: str, where: str, *images: str) -> dict[str, Any]:
    """With a container `c0`, `c1`, … for each image."""
    containers = [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": where},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
    }


def pod(name: str, where: str, *, phase: str = "Running", node: str = "") -> dict[str, Any]:
    spec = {"containers": [{"name": "main", "image": "main:1"}]} | ({"nodeName": node} if node else {})
    return {"metadata": {"name": name, "namespace": where}, "spec": spec, "status": {"phase": phase}}


def definition(group: str, kind: str, plural: str, *, scope: str = "Namespaced") -> dict[str, Any]:
    """A CustomResourceDefinition with a status and two columns of its own."""
    columns = [
        {"name": "Colour", "type": "string", "jsonPath": ".spec.colour"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    ]
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": columns,
        "schema": {"openAPIV3Schema": {"type": "object", "description": f"What a {kind} is."}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": scope, "names": {"kind": kind, "plural": plural}, "versions": [version]},
    }
