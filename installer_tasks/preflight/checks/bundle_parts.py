"""Judging what an unpacked release is made of, as facts/bundle_parts.py observes it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from shlex import quote
from typing import Any

from installer_tasks import answer_keys, releases
from installer_tasks.plan import Plan
from installer_tasks.preflight.checks import bundle_described
from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.shapes import bundle as shapes
from installer_tasks.systems.bundle.left_out import WORDS, Why
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

MIB = 1024**2
#: Journals, logs and the list of what is pushed; images are sent from where they lie.
ROOM, LEAST_ROOM = 1024 * MIB, 100 * MIB
_UNPACK_AGAIN = Text(_("Verify the checksum of the download, then unpack it again into an empty folder."))


def _at_rest(facts: Facts) -> Verdict:
    rest = facts(shapes.REST)
    if not rest["changed"]:
        return passed(
            ngettext(
                "%(files)d file was read; it did not change meanwhile.",
                "%(files)d files were read; none changed meanwhile.",
            ),
            evidence=rest,
            files=rest["files"],
        )
    first = rest["changed"][0]
    return Verdict(
        Level.FAIL,
        text(_("%(file)s changed while the folder was being read."), file=PurePath(first).name),
        value=first,
        cause=text(
            _("Another program is still writing to the folder, such as a copy or an unpack that has not finished.")
        ),
        remedy=text(_("Wait until it finishes, or stop it, then check again.")),
        evidence=rest,
    )


def _files(facts: Facts) -> Verdict:
    found = facts(shapes.FILES)
    if not found["count"]:
        return passed(_("All files of the folder are archives of images: %(archives)d."), evidence=found,
                      archives=found["archives"])  # fmt: skip
    first = found["left_out"][0]
    why = Why(first["why"])
    message = (
        text(_("%(count)d files or folders would be left out of the push."), count=found["serious"])
        if found["serious"]
        else text(_("%(count)d files are not archives of images and are not pushed."), count=found["count"])
    )
    remedy, command = _remedy(why, PurePath(first["file"]), first["detail"])
    return Verdict(
        Level.FAIL if found["serious"] else Level.WARN,
        message,
        value=", ".join(entry["file"] for entry in found["left_out"] if entry["harmless"] == first["harmless"]),
        cause=text(WORDS[why], file=_name(first["file"]), reason=first["detail"]),
        remedy=remedy,
        command=command,
        evidence=found,
    )


def _remedy(why: Why, file: PurePath, detail: str) -> tuple[Text, str]:
    if why is Why.PACKED:
        return text(_("Decompress the file in its place, then check again.")), _unpacking(file, detail)
    if why is Why.UNREADABLE:
        command = f"sudo chmod -R a+rX {shlex.quote(str(file))}"
        return text(_("Allow the installer's user to read it, then check again.")), command
    if why is Why.LINK:
        return text(_("Put the file itself in the place of the link.")), ""
    if why in (Why.NOTE, Why.LINK_INSIDE):
        return text(_("Nothing to do if it belongs to the release. Otherwise remove it from the folder.")), ""
    return _UNPACK_AGAIN, ""


def _unpacking(file: PurePath, program: str) -> str:
    """gunzip and its kin take a file only under the ending that they know."""
    ending = {"gunzip": ".gz", "unzstd": ".zst", "unxz": ".xz", "bunzip2": ".bz2"}.get(program, "")
    if not ending or file.suffix == ending:
        return f"{program} {shlex.quote(str(file))}"
    packed = shlex.quote(f"{file}{ending}")
    return f"mv {shlex.quote(str(file))} {packed} && {program} {packed}"


def _one_content(facts: Facts) -> Verdict:
    names = facts(shapes.NAMES)
    if not names["count"]:
        return passed(_("Each of %(names)d image names stands for one image."), evidence=names, names=names["names"])
    first = names["doubled"][0]
    return Verdict(
        Level.FAIL,
        text(_("%(count)d image names stand for two different images."), count=names["count"]),
        value=first["name"],
        cause=text(
            _("%(files)s bring different images under this name, as after unpacking one release over another."),
            files=", ".join(_name(file) for file in first["files"]),
        ),
        remedy=_UNPACK_AGAIN,
        evidence=names,
    )


def _complete(facts: Facts) -> Verdict:
    parts = facts(shapes.PARTS)
    if not parts["count"]:
        return passed(
            ngettext("All parts of %(images)d image are present.", "All parts of %(images)d images are present."),
            evidence=parts,
            images=parts["images"],
        )
    first = parts["missing"][0]
    return Verdict(
        Level.FAIL,
        text(ngettext("%(count)d image part is missing.", "%(count)d image parts are missing."), count=parts["count"]),
        value=first["digest"],
        cause=text(
            _("Image %(image)s refers to it, but no archive in the folder contains it."), image=first["needed_by"]
        ),
        remedy=_UNPACK_AGAIN,
        evidence=parts,
    )


def _images_complete(facts: Facts) -> Verdict:
    locked = facts(shapes.LOCKED)
    if not locked["count"]:
        if not locked["named"]:
            return _no_lists(locked)
        return passed(
            ngettext(
                "%(named)d image listed by the release is present.",
                "All %(named)d images listed by the release are present.",
            ),
            evidence=locked,
            named=locked["named"],
        )
    first = locked["absent"][0]
    return Verdict(
        Level.FAIL,
        text(
            ngettext(
                "%(count)d image listed by the release is missing.",
                "%(count)d images listed by the release are missing.",
            ),
            count=locked["count"],
        ),
        value=first["image"],
        cause=text(
            _("A package or a list of images in %(file)s names it; its pod would never start."),
            file=_name(first["file"]),
        ),
        remedy=_UNPACK_AGAIN,
        evidence=locked,
    )


def _no_lists(locked: shapes.Locked) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("The release lists no images.")),
        value=".imgpkg/images.yml",
        cause=text(_("No bundle in the folder has an image list to compare with.")),
        remedy=_UNPACK_AGAIN,
        evidence=locked,
    )


def _packages(facts: Facts) -> Verdict:
    found = facts(shapes.PACKAGES)
    release = releases.named(found["release"], found["described"])
    wanted = {package.ref_name: package.version for package in release.packages}
    absent = sorted(name for name in wanted if name not in found["versions"])
    told = (name for name, version in wanted.items() if version and name not in absent)  # no source names the others
    other = sorted(name for name in told if wanted[name] not in found["versions"][name])
    if not absent and not other:
        evidence = {"versions": found["versions"]}
        return passed(
            ngettext(
                "%(count)d package of the release is present.", "All %(count)d packages of the release are present."
            ),
            evidence=evidence,
            count=len(wanted),
        )
    named = [f"{name} {wanted[name]}".strip() for name in absent or other]
    return Verdict(
        Level.FAIL if absent else Level.WARN,
        text(ngettext("%(count)d package of the release is not in the folder.", "%(count)d packages of the release are not in the folder."), count=len(absent))
        if absent
        else text(ngettext("The version of %(count)d package differs from the one in release %(release)s.", "The versions of %(count)d packages differ from those in release %(release)s."),
                  count=len(other), release=release.version),
        value=", ".join(named),
        cause=text(_("The package repository %(file)s does not contain them."), file=_name(found["file"])),
        remedy=_UNPACK_AGAIN if absent else text(_("Compare the download's checksum with the vendor's before you continue.")),
        evidence={"versions": found["versions"]},
    )  # fmt: skip


def _values_known(facts: Facts) -> Verdict:
    """ytt refuses a value that the schema does not name, so the package would not even begin."""
    schema = facts(shapes.PACKAGES)["schema"]
    if not schema["stated"]:
        return Verdict(
            Level.WARN,
            text(_("The package in the folder does not describe the values it accepts.")),
            value="valuesSchema",
            cause=text(_("Its Package resource contains no values schema.")),
            remedy=_UNPACK_AGAIN,
        )
    if own := facts(shapes.PACKAGES)["described"]:
        return bundle_described.values(releases.named(facts.answers["bundle.release"], own))
    ours = _value_names(releases.named(facts.answers["bundle.release"]).version)
    refused = sorted(name for name in ours if not _takes(schema, name))
    unknown = sorted(name for name in schema["required"] if name not in ours and _given(name, ours))
    if not refused and not unknown:
        return passed(
            ngettext(
                "The package accepts the %(count)d value that this installer sets.",
                "The package accepts all %(count)d values that this installer sets.",
            ),
            count=len(ours),
        )
    return Verdict(
        Level.FAIL,
        text(_("The package in the folder accepts other values than this installer sets.")),
        value=", ".join(refused or unknown),
        cause=text(
            _("Its schema does not contain these values.") if refused else _("Its schema also requires these values.")
        ),
        remedy=text(_("Use the bundle of a release that this installer supports, or a newer installer.")),
        evidence={"refused": refused, "required": unknown},
    )


def _value_names(release: str) -> frozenset[str]:
    """Every value that a run can write, as dotted names."""
    answered = {key.name: key.default or "x" for key in answer_keys.KEYS}
    return frozenset(_dotted(Plan(release, {**answered, "bundle.release": release}).values()))


def _dotted(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield f"{above}{key}"
        if isinstance(value, dict):
            yield from _dotted(value, f"{above}{key}.")


def _takes(schema: shapes.Schema, name: str) -> bool:
    above = ["", *(name[:place] for place, sign in enumerate(name) if sign == ".")]
    return name in schema["names"] or any(other in schema["open"] for other in above)


def _given(name: str, ours: frozenset[str]) -> bool:
    """What an object requires is asked for only where the object is."""
    above = name.rpartition(".")[0]
    return not above or above in ours


def _disk_free(facts: Facts) -> Verdict:
    room = facts(shapes.ROOM)
    limit, free = room["limit"], room["free"]
    limited = limit is not None and limit < min(ROOM, free)
    left = limit if limited and limit is not None else free
    if left >= ROOM:
        return passed(_("%(room)d MiB are free in the installer's own folder."), evidence=room, room=left // MIB)
    return Verdict(
        Level.WARN if left >= LEAST_ROOM else Level.FAIL,
        text(_("Only %(room)d MiB are available for the installer's own files."), room=left // MIB),
        value=room["folder"],
        cause=text(_("A file size limit applies to this service (LimitFSIZE, ulimit -f)."))
        if limited
        else text(
            _("The disk is nearly full; the journal and logs of a run need up to %(room)d MiB."), room=ROOM // MIB
        ),
        remedy=text(_("Remove the limit and restart the service."))
        if limited
        else text(_("Free space on this disk. The unpacked release needs no additional space.")),
        command="ulimit -f unlimited" if limited else f"df -h {quote(room['folder'])}",
        evidence=room,
    )


def _engine(facts: Facts) -> Verdict:
    """Only who chose the vendor's program needs it."""
    contents = facts(shapes.CONTENTS)
    there, starts = bool(contents["program"]), contents["starts"]
    if facts.answers.get("bundle.engine") != answer_keys.VENDOR:
        return passed(_("This installer pushes the images."))
    if starts:
        return _may_run(facts(shapes.PROGRAM))
    return Verdict(
        Level.FAIL,
        text(
            _("The vendor's program cannot be started.")
            if there
            else _("The folder contains no program from the vendor.")
        ),
        value=contents["program"] or contents["path"],
        cause=text(_("The installer's user has no permission to execute the file."))
        if there
        else text(_("The folder contains neither tmc-sm nor tmc-local.")),
        remedy=text(_("Make it executable, or choose this installer as the push engine."))
        if there
        else text(_("Unpack the complete download, or choose this installer as the push engine.")),
        command=f"chmod +x {shlex.quote(contents['program'])}" if there else "",
        evidence={"program": contents["program"]},
    )


def _may_run(program: shapes.Program) -> Verdict:
    """Whoever can change it decides what runs here; and what runs is what an administrator has confirmed."""
    if program["weak"]:
        return _changeable(program, program["weak"][0])
    if program["confirmed"]:
        return passed(
            _("The vendor's program %(program)s is the one that was confirmed, and nobody else can change it."),
            program=_name(program["path"]),
            evidence=program,
        )
    return Verdict(
        Level.FAIL,
        text(_("No administrator has confirmed the vendor's program.")),
        value=program["path"],
        cause=text(_("It would run with the installer's rights. Its SHA-256 is %(sha256)s."), sha256=program["sha256"]),
        remedy=text(
            _(
                "Compare the SHA-256 with the vendor's, then ask an administrator to confirm it on the page Bundle folders."
            )
        ),
        command=f"sha256sum {shlex.quote(program['path'])}",
        evidence=program,
    )


def _changeable(program: shapes.Program, spot: shapes.WeakSpot) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("Others can change the vendor's program.")),
        value=spot["path"],
        cause=text(
            _("%(path)s can be changed by others: it belongs to %(owner)s and has mode %(mode)s."),
            path=spot["path"], owner=spot["owner"], mode=spot["mode"],
        ),
        remedy=text(
            _("Let only root and the installer's own user write to it, then check again.")
        ),
        command=f"chown {program['user']} {shlex.quote(spot['path'])} && chmod go-w {shlex.quote(spot['path'])}",
        evidence=program,
    )  # fmt: skip


def _name(file: str) -> str:
    return PurePath(file).name


_FOLDER, _RELEASE = ("bundle.path",), ("bundle.path", "bundle.release")
_READ = ("bundle.readable",)

BEFORE = (
    Check("bundle.at-rest", _("No program is writing to the folder"), Owner.INSTALLER, _FOLDER, _at_rest, _READ),
)  # fmt: skip
CHECKS = (
    Check("bundle.files", _("Every file of the download is read and would be pushed"), Owner.INSTALLER, _FOLDER, _files,
          ("bundle.readable", "bundle.at-rest")),
    Check("bundle.one-content", _("No image name stands for two images"), Owner.INSTALLER, _FOLDER, _one_content,
          _READ),
    Check("bundle.complete", _("Every image has all its parts"), Owner.INSTALLER, _FOLDER, _complete, _READ,
          strict=True),
    Check("bundle.images-complete", _("Every image listed by the release is present"), Owner.INSTALLER, _FOLDER,
          _images_complete, _READ, strict=True),
    Check("bundle.packages", _("The packages of the release are present"), Owner.INSTALLER, _FOLDER, _packages,
          ("bundle.readable", "bundle.release-known")),
    Check("bundle.values-known", _("The package accepts the values that will be set"), Owner.INSTALLER, _RELEASE,
          _values_known, ("bundle.readable", "bundle.release-known")),
    Check("bundle.engine", _("The chosen push engine is available"), Owner.INSTALLER, ("bundle.path", "bundle.engine"),
          _engine, _READ, strict=True),
    Check("bundle.disk-free", _("The installer has enough space for its own files"), Owner.INSTALLER, (), _disk_free),
)  # fmt: skip
