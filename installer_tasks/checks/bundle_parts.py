"""Judging what an unpacked release is made of, as facts/bundle_parts.py observes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from installer_tasks import answers as answer_keys
from installer_tasks import releases
from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.plan import Plan
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

MIB = 1024**2
#: Journals, logs and the list of what is pushed; images are sent from where they lie.
ROOM, LEAST_ROOM = 1024 * MIB, 100 * MIB
_UNPACK_AGAIN = Text(_("Unpack the download again into an empty folder, after its checksum was compared."))


def _at_rest(facts: Facts) -> Verdict:
    rest = facts("bundle", "rest")
    if not rest["changed"]:
        return passed(_("None of %(files)d files changed while they were read."), evidence=rest, files=rest["files"])
    first = rest["changed"][0]
    return Verdict(
        Level.FAIL,
        text(_("%(file)s changed while the folder was read."), file=PurePath(first).name),
        value=first,
        cause=text(_("Something still writes into the folder: a copy or an unpacking that has not ended.")),
        remedy=text(_("Wait until it has ended, or end it, then check again.")),
        evidence=rest,
    )


def _complete(facts: Facts) -> Verdict:
    parts = facts("bundle", "parts")
    if not parts["count"]:
        return passed(_("All parts of %(images)d images are there."), evidence=parts, images=parts["images"])
    first = parts["missing"][0]
    return Verdict(
        Level.FAIL,
        text(_("%(count)d parts of images are missing."), count=parts["count"]),
        value=first["digest"],
        cause=text(_("Image %(image)s names it, and no archive of the folder holds it."), image=first["needed_by"]),
        remedy=_UNPACK_AGAIN,
        evidence=parts,
    )


def _images_complete(facts: Facts) -> Verdict:
    locked = facts("bundle", "locked")
    if not locked["count"]:
        if not locked["named"]:
            return _no_lists(locked)
        return passed(
            _("All %(named)d images that the release names are there."), evidence=locked, named=locked["named"]
        )
    first = locked["absent"][0]
    return Verdict(
        Level.FAIL,
        text(_("%(count)d images that the release names are missing."), count=locked["count"]),
        value=first["image"],
        cause=text(_("A list of images in %(file)s names it; its pod would never start."), file=_name(first["file"])),
        remedy=_UNPACK_AGAIN,
        evidence=locked,
    )


def _no_lists(locked: Mapping[str, Any]) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("The release names no images.")),
        value=".imgpkg/images.yml",
        cause=text(_("No bundle of the folder carries a list of its images, so nothing could be compared.")),
        remedy=_UNPACK_AGAIN,
        evidence=locked,
    )


def _packages(facts: Facts) -> Verdict:
    found = facts("bundle", "packages")
    release = releases.chosen(facts.answers)
    wanted = {package.ref_name: package.version for package in release.packages}
    absent = sorted(name for name in wanted if name not in found["versions"])
    other = sorted(name for name in wanted if name not in absent and wanted[name] not in found["versions"][name])
    if not absent and not other:
        evidence = {"versions": found["versions"]}
        return passed(_("All %(count)d packages of the release are there."), evidence=evidence, count=len(wanted))
    named = [f"{name} {wanted[name]}" for name in absent or other]
    return Verdict(
        Level.FAIL if absent else Level.WARN,
        text(_("%(count)d packages of the release are not in the folder."), count=len(absent))
        if absent
        else text(_("%(count)d packages have another version than release %(release)s is known to have."),
                  count=len(other), release=release.version),
        value=", ".join(named),
        cause=text(_("The package repository %(file)s does not carry them."), file=_name(found["file"])),
        remedy=_UNPACK_AGAIN if absent else text(_("Compare the download's checksum with the vendor's before you go on.")),
        evidence={"versions": found["versions"]},
    )  # fmt: skip


def _values_known(facts: Facts) -> Verdict:
    """ytt refuses a value that the schema does not name, so the package would not even begin."""
    schema = facts("bundle", "packages")["schema"]
    if not schema["stated"]:
        return Verdict(
            Level.WARN,
            text(_("The package in the folder does not say which values it takes.")),
            value="valuesSchema",
            cause=text(_("Its Package document holds no schema.")),
            remedy=_UNPACK_AGAIN,
        )
    ours = _value_names(releases.chosen(facts.answers).version)
    refused = sorted(name for name in ours if not _takes(schema, name))
    unknown = sorted(name for name in schema["required"] if name not in ours and _given(name, ours))
    if not refused and not unknown:
        return passed(_("The package takes all %(count)d values that this installer writes."), count=len(ours))
    return Verdict(
        Level.FAIL,
        text(_("The package in the folder takes other values than this installer writes.")),
        value=", ".join(refused or unknown),
        cause=text(_("Its schema does not know these values.") if refused else _("Its schema also requires these.")),
        remedy=text(_("Use the bundle of a release that this installer knows, or a newer installer.")),
        evidence={"refused": refused, "required": unknown},
    )


def _value_names(release: str) -> frozenset[str]:
    """Every value that a run can write, as dotted names."""
    answered = {key.name: key.default or "x" for key in answer_keys.KEYS}
    return frozenset(_dotted(Plan(release, answered).values()))


def _dotted(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{above}{key}"
        if isinstance(value, dict):
            yield from _dotted(value, f"{above}{key}.")


def _takes(schema: Mapping[str, Any], name: str) -> bool:
    above = ["", *(name[:place] for place, sign in enumerate(name) if sign == ".")]
    return name in schema["names"] or any(other in schema["open"] for other in above)


def _given(name: str, ours: frozenset[str]) -> bool:
    """What an object requires is asked for only where the object is."""
    above = name.rpartition(".")[0]
    return not above or above in ours


def _disk_free(facts: Facts) -> Verdict:
    room = facts("bundle", "room")
    limited = room["limit"] is not None and room["limit"] < min(ROOM, room["free"])
    left = room["limit"] if limited else room["free"]
    if left >= ROOM:
        return passed(_("The installer's own folder has %(room)d MiB left."), evidence=room, room=left // MIB)
    return Verdict(
        Level.WARN if left >= LEAST_ROOM else Level.FAIL,
        text(_("The installer has only %(room)d MiB for its own files."), room=left // MIB),
        value=room["folder"],
        cause=text(_("A limit of this service keeps it from writing larger files (LimitFSIZE, ulimit -f)."))
        if limited
        else text(_("The disk is nearly full; journals and logs of a run need up to %(room)d MiB."), room=ROOM // MIB),
        remedy=text(_("Lift the limit and start the service again."))
        if limited
        else text(_("Make room on this disk. The unpacked release itself needs no more room.")),
        command="ulimit -f unlimited" if limited else f"df -h {room['folder']}",
        evidence=room,
    )


def _engine(facts: Facts) -> Verdict:
    """Only who chose the vendor's program needs it."""
    contents = facts("bundle", "contents")
    there, starts = bool(contents["program"]), contents["starts"]
    if facts.answers.get("bundle.engine") != answer_keys.VENDOR:
        return passed(_("This installer pushes the images itself."))
    if starts:
        return passed(_("The vendor's program %(program)s is there."), program=_name(contents["program"]))
    return Verdict(
        Level.FAIL,
        text(
            _("The vendor's program cannot be started.") if there else _("The folder holds no program of the vendor.")
        ),
        value=contents["program"] or contents["path"],
        cause=text(_("The installer's user may not execute the file."))
        if there
        else text(_("Neither tmc-sm nor tmc-local lies in the folder.")),
        remedy=text(_("Make it executable, or choose this installer as the push engine."))
        if there
        else text(_("Unpack the whole download, or choose this installer as the push engine.")),
        command=f"chmod +x {shlex.quote(contents['program'])}" if there else "",
        evidence={"program": contents["program"]},
    )


def _name(file: str) -> str:
    return PurePath(file).name


_FOLDER, _RELEASE = ("bundle.path",), ("bundle.path", "bundle.release")
_READ = ("bundle.readable",)

BEFORE = (
    Check("bundle.at-rest", _("Nothing writes into the folder"), Owner.INSTALLER, _FOLDER, _at_rest, _READ),
)  # fmt: skip
CHECKS = (
    Check("bundle.complete", _("Every image is there with all its parts"), Owner.INSTALLER, _FOLDER, _complete, _READ,
          strict=True),
    Check("bundle.images-complete", _("Every image that the release names is there"), Owner.INSTALLER, _FOLDER,
          _images_complete, _READ, strict=True),
    Check("bundle.packages", _("The packages of the release are there"), Owner.INSTALLER, _RELEASE, _packages,
          ("bundle.readable", "bundle.release-known")),
    Check("bundle.values-known", _("The package takes the values that will be written"), Owner.INSTALLER, _RELEASE,
          _values_known, ("bundle.readable", "bundle.release-known")),
    Check("bundle.engine", _("The chosen push engine is there"), Owner.INSTALLER, ("bundle.path", "bundle.engine"),
          _engine, _READ, strict=True),
    Check("bundle.disk-free", _("The installer has room for its own files"), Owner.INSTALLER, _FOLDER, _disk_free),
)  # fmt: skip
