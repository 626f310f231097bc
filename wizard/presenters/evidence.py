"""What was observed, under words that people read; names of protocols and kinds stay as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, pgettext_lazy

from installer_tasks import answer_keys

WORDS: Mapping[str, Any] = {
    "absent": pgettext_lazy("evidence", "Missing"),
    "accepted": pgettext_lazy("evidence", "Accepted"),
    "address": pgettext_lazy("evidence", "Address"),
    "addresses": pgettext_lazy("evidence", "Addresses"),
    "ahead": pgettext_lazy("evidence", "Seconds ahead"),
    "aliases": pgettext_lazy("evidence", "Aliases"),
    "answer": pgettext_lazy("evidence", "Response"),
    "answers_for": pgettext_lazy("evidence", "Responds for"),
    "archives": pgettext_lazy("evidence", "Archives"),
    "asked": pgettext_lazy("evidence", "Requested"),
    "available": pgettext_lazy("evidence", "Available"),
    "binding": pgettext_lazy("evidence", "Volume binding"),
    "bound": pgettext_lazy("evidence", "Bound"),
    "bytes": pgettext_lazy("evidence", "Bytes"),
    "certificates": pgettext_lazy("evidence", "Certificates"),
    "chain": pgettext_lazy("evidence", "Certificate chain"),
    "changed": pgettext_lazy("evidence", "Changed"),
    "classes": pgettext_lazy("evidence", "Classes"),
    "code": pgettext_lazy("evidence", "Code"),
    "contexts": pgettext_lazy("evidence", "Contexts"),
    "controller": pgettext_lazy("evidence", "Controller"),
    "count": pgettext_lazy("evidence", "Count"),
    "days": pgettext_lazy("evidence", "Days"),
    "default": pgettext_lazy("evidence", "Default"),
    "description": pgettext_lazy("evidence", "Description"),
    "detail": pgettext_lazy("evidence", "Detail"),
    "digest": pgettext_lazy("evidence", "Digest"),
    "disk": pgettext_lazy("evidence", "Disk"),
    "equal": pgettext_lazy("evidence", "Equal"),
    "error": pgettext_lazy("evidence", "Error"),
    "exists": pgettext_lazy("evidence", "Exists"),
    "expires": pgettext_lazy("evidence", "Expires"),
    "files": pgettext_lazy("evidence", "Files"),
    "folder": pgettext_lazy("evidence", "Folder"),
    "found": pgettext_lazy("evidence", "Found"),
    "free": pgettext_lazy("evidence", "Free"),
    "host": pgettext_lazy("evidence", "Host"),
    "hosts": pgettext_lazy("evidence", "Hosts"),
    "hours": pgettext_lazy("evidence", "Hours"),
    "image": pgettext_lazy("evidence", "Image"),
    "images": pgettext_lazy("evidence", "Images"),
    "installed": pgettext_lazy("evidence", "Installed"),
    "issuer": pgettext_lazy("evidence", "Issuer"),
    "issuers": pgettext_lazy("evidence", "Issuers"),
    "kind": pgettext_lazy("evidence", "Kind"),
    "left_out": pgettext_lazy("evidence", "Left out"),
    "limit": pgettext_lazy("evidence", "Limit"),
    "listed": pgettext_lazy("evidence", "Listed"),
    "mail": pgettext_lazy("evidence", "Mail"),
    "message": pgettext_lazy("evidence", "Message"),
    "methods": pgettext_lazy("evidence", "Methods"),
    "missing": pgettext_lazy("evidence", "Missing"),
    "name": pgettext_lazy("evidence", "Name"),
    "names": pgettext_lazy("evidence", "Names"),
    "namespace": pgettext_lazy("evidence", "Namespace"),
    "needed": pgettext_lazy("evidence", "Required"),
    "nodes": pgettext_lazy("evidence", "Nodes"),
    "number": pgettext_lazy("evidence", "Number"),
    "offered": pgettext_lazy("evidence", "Offered"),
    "parts": pgettext_lazy("evidence", "Parts"),
    "passwords": pgettext_lazy("evidence", "Passwords"),
    "path": pgettext_lazy("evidence", "Path"),
    "policies": pgettext_lazy("evidence", "Policies"),
    "presented": pgettext_lazy("evidence", "Presented"),
    "problem": pgettext_lazy("evidence", "Problem"),
    "program": pgettext_lazy("evidence", "Program"),
    "proxy": pgettext_lazy("evidence", "Proxy"),
    "public": pgettext_lazy("evidence", "Public"),
    "read_only": pgettext_lazy("evidence", "Read-only"),
    "ready": pgettext_lazy("evidence", "Ready"),
    "reason": pgettext_lazy("evidence", "Reason"),
    "records": pgettext_lazy("evidence", "Records"),
    "refused": pgettext_lazy("evidence", "Rejected"),
    "release": pgettext_lazy("evidence", "Release"),
    "removal": pgettext_lazy("evidence", "Removal"),
    "repository": pgettext_lazy("evidence", "Repository"),
    "requested": pgettext_lazy("evidence", "Requested"),
    "required": pgettext_lazy("evidence", "Required"),
    "resources": pgettext_lazy("evidence", "Resources"),
    "roots": pgettext_lazy("evidence", "Root certificates"),
    "seconds": pgettext_lazy("evidence", "Seconds"),
    "server": pgettext_lazy("evidence", "Server"),
    "servers": pgettext_lazy("evidence", "Servers"),
    "size": pgettext_lazy("evidence", "Size"),
    "skipped": pgettext_lazy("evidence", "Skipped"),
    "starts": pgettext_lazy("evidence", "Starts"),
    "status": pgettext_lazy("evidence", "Status"),
    "systems": pgettext_lazy("evidence", "Systems"),
    "tag": pgettext_lazy("evidence", "Tag"),
    "taken_by": pgettext_lazy("evidence", "In use by"),
    "total": pgettext_lazy("evidence", "Total"),
    "trusted": pgettext_lazy("evidence", "Trusted"),
    "unanswered": pgettext_lazy("evidence", "Without a response"),
    "usable": pgettext_lazy("evidence", "Usable"),
    "user": pgettext_lazy("evidence", "User"),
    "verified": pgettext_lazy("evidence", "Verified"),
    "version": pgettext_lazy("evidence", "Version"),
    "versions": pgettext_lazy("evidence", "Versions"),
    "zone": pgettext_lazy("evidence", "Zone"),
    "zone_resolves": pgettext_lazy("evidence", "Zone resolves"),
}


def named(word: str) -> str:
    """The label of an answer in place of its key, also of several; else the word for what was observed."""
    words = word.split(", ")
    keys = [answer_keys.BY_NAME.get(each) for each in words]
    return ", ".join(gettext(key.label) if key else each for key, each in zip(keys, words, strict=True))


def evidence(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Name and value, what has structure as indented JSON."""
    return tuple(
        (
            str(WORDS.get(key) or named(key)),
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1),
        )
        for key, value in data.items()
        if value not in ("", None, [], {}) and key != "blocked_by"
    )
