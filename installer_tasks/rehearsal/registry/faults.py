"""The faults that the practice registry knows; which of them are on, others say."""

from __future__ import annotations

from typing import Protocol

READ_ONLY = "registry.read-only"  #: nothing can be pushed, deleted or created
UNAVAILABLE = "registry.unavailable"  #: the proxy in front answers 503 to everything
TOO_MANY = "registry.too-many-requests"  #: 429 to everything
ACCESS_LIST = "registry.access-list"  #: the proxy in front answers 403 to everything
PORTAL = "registry.portal"  #: another web service at this address
BODY_LIMIT = "registry.body-limit"  #: the proxy in front takes a mebibyte at a time
BODY_LIMIT_SMALL = "registry.body-limit-small"  #: the same, so little that nothing helps
NO_PATCH = "registry.no-patch"  #: the proxy in front limits bodies and knows GET, PUT and POST only
SLOW = "registry.slow"  #: each answer takes its time
DRIPS = "registry.drips"  #: answers come byte by byte
ELSEWHERE = "registry.uploads-elsewhere"  #: uploads are sent to the name that the registry has inside
NO_MOUNT = "registry.mount-unsupported"
SHALLOW = "registry.shallow-names"  #: repositories of two levels only
LOSES_UPLOADS = "registry.loses-uploads"  #: each request meets another replica
DROPS_BLOBS = "registry.drops-blobs"  #: confirmed and not stored
FORGETS = "registry.forgets-images"  #: stored, and cleaned up at once
WRONG_DIGEST = "registry.wrong-digest"  #: says another digest than that of what it received
CHANGES_CONTENT = "registry.changes-content"  #: gives back other bytes than it received
DISK_FULL = "registry.disk-full"  #: no room for anything but a trial
DISK_NEARLY_FULL = "registry.disk-nearly-full"


class Faults(Protocol):
    """Whoever knows which faults are on; asked at every request."""

    def active(self, name: str) -> bool: ...


class NoFaults:
    """The healthy registry."""

    def active(self, name: str) -> bool:  # noqa: ARG002 - the protocol's shape
        return False
