"""What the parts of a cluster say about an object, as Events: in their own words, each once."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from installer_tasks.rehearsal.controllers.objects import Object, ObjectClient
from installer_tasks.rehearsal.controllers.world import now
from installer_tasks.rehearsal.kube.errors import ApiError


def tell(desk: ObjectClient, about: Object, reason: str, message: str, *, kind: str = "Warning") -> None:
    """An Event, unless just this was said of the object before."""
    metadata = about["metadata"]
    digest = hashlib.sha256(f"{metadata['uid']}{reason}{message}".encode()).hexdigest()[:16]
    name, namespace = f"{metadata['name']}.{digest}", metadata.get("namespace", "default")
    if desk.get("Event", name, namespace) is not None:
        return
    involved = {"apiVersion": about["apiVersion"], "kind": about["kind"], "namespace": namespace}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {**involved, "name": metadata["name"], "uid": metadata["uid"]},
        "reason": reason,
        "message": message,
        "type": kind,
        "firstTimestamp": now(),
        "lastTimestamp": now(),
        "count": 1,
    }
    with suppress(ApiError):  # the namespace is going away
        desk.create(event)
