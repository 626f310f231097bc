"""A healthy cluster, as its collector writes it down."""

from __future__ import annotations

from typing import Any

GIB = 1024**3
GONE = {"namespace": "tmc-sm-installer-trial-1", "gone": True, "words": ""}  #: a trial's


def worker(name: str, **changes: Any) -> dict[str, Any]:
    found = {"cpu": 3.9, "memory": 7.5 * GIB, "disk": 36 * GIB, "architecture": "amd64"}
    return {
        "name": name,
        "schedulable": True,
        "ready": True,
        "control_plane": False,
        "pressures": [],
        "kubelet": "v1.28.3+vmware.1",
        **found,
        **changes,
    }


KAPP = {
    "name": "kapp-controller",
    "namespace": "tkg-system",
    "version": "0.50.0",
    "available": True,
    "resources": True,
}
NAMESPACE = "tmc-local"
FAST = {
    "name": "fast",
    "provisioner": "csi.example.com",
    "default": True,
    "binding": "Immediate",
    "reclaim": "Delete",
}
CLUSTER: dict[str, Any] = {
    "kubeconfig": {
        "contexts": ["practice"],
        "context": "practice",
        "server": "https://c:6443",
        "user": "token",
        "expires": None,
    },
    "version": {"git_version": "v1.28.3+vmware.1"},
    "clock": {"server": "2026-03-01T10:00:00+00:00", "here": "2026-03-01T10:00:01+00:00", "ahead": -1.0},
    "rights": {"asked": 20, "missing": [], "user": "ada"},
    "nodes": [worker("cp", schedulable=False, cpu=2), *(worker(f"w{number}") for number in range(3))],
    "requested": {"w0": {"cpu": 0.5, "memory": GIB}},
    "storage_classes": [
        FAST,
        {"name": "slow", "provisioner": "csi.example.com", "default": False, "binding": "Immediate", "reclaim": ""},
    ],
    "volume": {**FAST, "size": "1Gi", "bound": True, "seconds": 1, "words": "", "removal": GONE},
    "kapp_controller": KAPP,
    "kinds": {"asked": 13, "missing": [], "silent": []},
    "trust": {"namespace": "tkg-system", "config": "", "authority": True, "trusted": False, "wanted": ""},
    "home": {
        "name": NAMESPACE,
        "there": False,
        "policies": False,
        "going": False,
        "since": "",
        "enforces": "",
        "held": [],
    },
    "limits": {"namespace": NAMESPACE, "quotas": [], "ranges": []},
    "leftovers": {"namespace": NAMESPACE, "objects": []},
    "other_contours": [],
    "ingress": {"class": "", "controller": "", "definition": "", "app": "", "ours": False},
    "webhooks": [],
}
