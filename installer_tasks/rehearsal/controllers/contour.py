"""The kind that Contour brings into the cluster with its package."""

from __future__ import annotations

from typing import Any

HTTP_PROXY: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "httpproxies.projectcontour.io"},
    "spec": {
        "group": "projectcontour.io",
        "scope": "Namespaced",
        "names": {
            "kind": "HTTPProxy",
            "listKind": "HTTPProxyList",
            "plural": "httpproxies",
            "singular": "httpproxy",
            "shortNames": ["proxy", "proxies"],
        },
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                "additionalPrinterColumns": [
                    {"name": "FQDN", "type": "string", "jsonPath": ".spec.virtualhost.fqdn"},
                    {"name": "TLS Secret", "type": "string", "jsonPath": ".spec.virtualhost.tls.secretName"},
                    {"name": "Status", "type": "string", "jsonPath": ".status.currentStatus"},
                ],
            }
        ],
    },
}
