"""Which folders may be read as bundles, and which programs in them may run: administrators decide both.

An administrator names any folder; everybody else one below a folder that is open: by TMC_INSTALLER_BUNDLES, or on the
page Bundle folders. Whoever works from the command line is the machine's own administrator.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from installer_tasks.answer_keys import VENDOR
from installer_tasks.errors import InputError, InstallerError
from installer_tasks.local import state_folder
from installer_tasks.local.program import Program
from installer_tasks.models import Answer, AuditEntry, BundleFolder, ConfirmedProgram, Installation, Source
from installer_tasks.plan import Plan
from installer_tasks.preflight import findings
from installer_tasks.preflight.facts.base import Granted
from installer_tasks.preflight.shapes.bundle import CONTENTS, DOWNLOAD, PROGRAM
from installer_tasks.preflight.state import load
from installer_tasks.systems.bundle.folder import FOLDERS
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

FIELD, ARCHIVE = "bundle.path", "bundle.archive"
LONGEST = 1000  #: of an open folder's path, in the table
_FULL_PATH = {
    FIELD: Text(_("Enter the full path of the folder into which the download was unpacked.")),
    ARCHIVE: Text(_("Enter the full path of the file as it was downloaded, or leave the field empty.")),
}
_MISSING = {
    FIELD: _("Folder %(path)s does not exist on this machine."),
    ARCHIVE: _("File %(path)s does not exist on this machine."),
}
_OTHER_KIND = {
    FIELD: _("%(path)s is a file. Unpack it into an empty folder first."),
    ARCHIVE: _("%(path)s is not a file."),
}


def opened() -> tuple[Path, ...]:
    """Every folder below which anybody may name a bundle."""
    rows = (Path(path) for path in BundleFolder.objects.values_list("path", flat=True))
    return (*settings.BUNDLE_FOLDERS, *rows)


def readable_folder(value: str, *, anywhere: bool) -> str:
    """The folder as it is kept: there, and one that this person may name. Raises InputError.

    Without `anywhere` a folder that is not open is refused in the same words whether it exists or not.
    """
    return _readable(value, FIELD, anywhere=anywhere)


def readable_file(value: str, *, anywhere: bool) -> str:
    """The same of the downloaded file."""
    return _readable(value, ARCHIVE, anywhere=anywhere)


def _readable(value: str, field: str, *, anywhere: bool) -> str:
    if not anywhere and not _is_open(value):
        raise not_open(value, field)
    problem = ""
    try:
        path = Path(value).expanduser() if anywhere else Path(value)
        if not path.is_absolute():
            problem = _("%(path)s is not an absolute path.")
        elif not path.exists():
            problem = _MISSING[field]
        elif not (path.is_dir() if field == FIELD else path.is_file()):
            problem = _OTHER_KIND[field]
    except (OSError, ValueError, RuntimeError):
        problem = _("Cannot access %(path)s.")
    if problem:
        cause = text(problem, path=value[:300])
        raise InputError(cause, value=value[:300], remedy=_FULL_PATH[field], field=field, code="bundle-folder")
    return str(path)


def _is_open(value: str) -> bool:
    """By its name first, so that nothing outside the open folders is touched, then by where its links lead."""
    path = Path(value)
    if not path.is_absolute() or ".." in path.parts or "\0" in value:
        return False
    for root in opened():
        try:
            real_root, real = root.resolve(), _resolved_below(root, path)
        except (OSError, RuntimeError):
            continue
        if real is not None and _below(real, real_root) and not _below(real, state_folder.folder().resolve()):
            return True
    return False


def _resolved_below(root: Path, path: Path) -> Path | None:
    """None when it is not below `root` by name, so that it need not be looked at."""
    named = Path(os.path.normpath(path))
    inside = _below(named, Path(os.path.normpath(root))) or _below(named, root.resolve())
    return named.resolve() if inside else None


def _below(path: Path, root: Path) -> bool:
    return path == root or root in path.parents


def not_open(value: str, field: str = FIELD) -> InputError:
    return InputError(
        text(_("%(path)s is not in a folder that an administrator has opened for bundles."), path=value[:300]),
        value=value[:300],
        remedy=text(_("Enter a folder below one of these: %(folders)s. Or ask an administrator to open another one."),
                    folders=", ".join(map(str, opened())) or "–"),
        field=field,
        code="bundle-folder-not-open",
    )  # fmt: skip


def granted(installation: Installation) -> Granted:
    """For a look at this installation's bundle, by who has named its folder."""
    return Granted(_refusal(installation, FIELD), _refusal(installation, ARCHIVE), confirmed_programs())


def _refusal(installation: Installation, field: str) -> InstallerError | None:
    answer = Answer.objects.select_related("changed_by").filter(installation=installation, key=field).first()
    if answer is None or _named_by_administrator(answer):
        return None
    # What is read of a bundle lies in these; a link in place of one must not lead out either.
    inside = FOLDERS if field == FIELD else ()
    places = (answer.value, *(f"{answer.value}/{name}" for name in inside))
    return None if all(map(_is_open, places)) else not_open(answer.value, field)


def _named_by_administrator(answer: Answer) -> bool:
    """Nobody's name stands on what came from the command line. People are never deleted."""
    return answer.changed_by.is_superuser if answer.changed_by else answer.source != Source.TEMPLATE


def confirmed_programs() -> frozenset[str]:
    return frozenset(ConfirmedProgram.objects.values_list("sha256", flat=True))


def pinned(installation: Installation, plan: Plan) -> Plan:
    """The plan with what was checked: the run pushes this content, and starts this program. Raises InputError."""
    state = load(installation)
    contents, download = findings.fact(state, CONTENTS), findings.fact(state, DOWNLOAD)
    content, sha256 = contents.get("content", "") if contents else "", download.get("sha256", "") if download else ""
    plan = plan.pinning(content=content, download=sha256)
    if plan["bundle.engine"] != VENDOR:
        return plan
    found = findings.fact(state, PROGRAM) or {}
    sha256 = str(found.get("sha256", ""))
    if sha256 not in confirmed_programs():
        raise InputError(
            text(_("No administrator has confirmed the vendor's program.")),
            value=sha256,
            remedy=text(_("Ask an administrator to confirm it on the page Bundle folders, then check again.")),
            field="bundle.engine",
            code="program-not-confirmed",
        )
    return plan.pinning(program=sha256)


@transaction.atomic
def open_folder(value: str, *, by: User | None) -> BundleFolder:
    """Raises InputError for what is no folder, or would let everybody read the installer's own files."""
    path = Path(readable_folder(value[:LONGEST], anywhere=True)).resolve()
    own = state_folder.folder().resolve()
    if _below(own, path) or _below(path, own):
        raise InputError(
            text(_("%(path)s holds the installer's own files."), path=str(path)),
            value=str(path),
            remedy=text(_("Open a folder that holds bundles and nothing else.")),
            field="path",
            code="bundle-folder-own",
        )
    row, made = BundleFolder.objects.get_or_create(path=str(path), defaults={"opened_by": by})
    if made:
        AuditEntry.objects.create(person=by, action="bundle-folder.opened", detail={"path": row.path})
    return row


@transaction.atomic
def close_folder(row: BundleFolder, *, by: User | None) -> None:
    AuditEntry.objects.create(person=by, action="bundle-folder.closed", detail={"path": row.path})
    row.delete()


@transaction.atomic
def confirm(program: Program, *, by: User | None) -> ConfirmedProgram:
    """From now on this content may run, wherever it lies."""
    about = {"path": program.path, "owner": program.owner, "mode": program.mode, "size": program.size}
    row, made = ConfirmedProgram.objects.get_or_create(sha256=program.sha256, defaults={**about, "confirmed_by": by})
    if made:
        detail = {"path": program.path, "sha256": program.sha256}
        AuditEntry.objects.create(person=by, action="program.confirmed", detail=detail)
    return row


@transaction.atomic
def withdraw(row: ConfirmedProgram, *, by: User | None) -> None:
    AuditEntry.objects.create(person=by, action="program.withdrawn", detail={"path": row.path, "sha256": row.sha256})
    row.delete()
