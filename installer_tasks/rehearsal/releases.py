"""The releases as the practice estate plays them: complete, also where no source names a version."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from installer_tasks import releases
from installer_tasks.releases import Package, Release
from installer_tasks.releases.model import order

#: No such release exists: it stands for the next one, of which this installer has never heard.
INVENTED = "1.5.0"
#: The one setting that it requires and no step asks for.
INVENTED_SETTING = ("auditArchive", "bucketName")
REMOVED = "prometheusVolumeSize"


def known() -> tuple[str, ...]:
    """Those that exist, oldest first."""
    return releases.known()


def playable() -> tuple[str, ...]:
    """Also the invented one."""
    return (*known(), INVENTED)


@cache
def get(version: str) -> Release:
    """KeyError when it is not known."""
    found = _invented() if version == INVENTED else releases.get(version)
    return replace(found, packages=tuple(_complete(package, version) for package in found.packages))


def _invented() -> Release:
    """The newest, with a required key more and one key less."""
    newest = releases.RELEASES[-1]
    group, name = INVENTED_SETTING
    schema = newest.values_schema
    kept = {key: each for key, each in schema["properties"].items() if key != REMOVED}
    archive = {
        "type": "object",
        "description": "Where audit events are kept",
        "additionalProperties": False,
        "required": [name],
        "properties": {name: {"type": "string", "description": "An existing bucket", "minLength": 1}},
    }
    changed = {**schema, "required": [*schema["required"], group], "properties": {**kept, group: archive}}
    bare = tuple(replace(package, version="") for package in newest.packages)
    return replace(newest, version=INVENTED, packages=bare, values_schema=changed)


def _complete(package: Package, version: str) -> Package:
    """A version made up for the practice, another one for each release."""
    numbers = "".join(f"{part:02d}" for part in order(version)).lstrip("0")
    return package if package.version else replace(package, version=f"0.0.{numbers}")
