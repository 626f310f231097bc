"""A bundle into a registry from a terminal: the inside of `manage.py push`.

Needs no installation, no database and no Django: `python -m installer_tasks.systems.registry` does the same without
starting them.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from installer_tasks.decoding import decoded
from installer_tasks.errors import Cancelled, InputError, InstallerError
from installer_tasks.systems.bundle.folder import ReleaseBundle, left_out_of, read_bundle
from installer_tasks.systems.bundle.left_out import LeftOut
from installer_tasks.systems.registry.bar import Bar, size
from installer_tasks.systems.registry.client import RegistryClient
from installer_tasks.systems.registry.progress import PushProgress
from installer_tasks.systems.registry.push import PushOptions, PushResult, push
from installer_tasks.systems.registry.reference import Reference
from installer_tasks.systems.registry.verify import VerifyResult, verify
from installer_tasks.text import mark as _
from installer_tasks.text import text

PASSWORD_VARIABLE = "TMC_INSTALLER_REGISTRY_PASSWORD"  # noqa: S105 - its name, not its value
PUSHED_FILE = "pushed-package-repository.json"  #: what the vendor's tool writes; scripts look for it
MAX_SECRET = 64 << 10
MAX_CERTIFICATES = (1 << 20) + 1  #: one byte more than is read: the reader then says that it is too much
INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `manage.py push`. There is none for a password: other users can read command lines."""
    parser.add_argument(
        "--bundle", metavar="DIR", required=True, help="unpacked release, archive, or folder of archives"
    )
    parser.add_argument(
        "--project", metavar="HOST/PROJECT", required=True, help="destination, for example harbor.example.com/tmc"
    )
    parser.add_argument(
        "--username", metavar="NAME", default="", help=f"password from a file, ${PASSWORD_VARIABLE} or a prompt"
    )
    parser.add_argument("--password-file", metavar="FILE", help="file that contains only the password")
    parser.add_argument("--ca", metavar="FILE", help="CA certificates of the registry, as PEM")
    parser.add_argument("--verify", action="store_true", help="send nothing; list what the registry is missing")
    parser.add_argument("--json", action="store_true", help="print progress and result as one JSON object per line")
    parser.add_argument("--resume-file", metavar="FILE", help="record what is in the registry, to continue faster")
    parser.add_argument("--plain-http", action="store_true", help="use no TLS; only for a registry on this machine")


def run(options: dict[str, Any], out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Push or verify as `options` say; the exit status: 0 done, 1 not, 130 interrupted."""
    show = _Json(out or sys.stdout) if options["json"] else _People(out or sys.stdout, err or sys.stderr)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _carry_out(options, show)
    except InstallerError as error:
        show.failed(error)
        return 1
    except KeyboardInterrupt:
        show.failed(Cancelled())
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
        show.close()


def _interrupt(*_signal: object) -> None:
    raise KeyboardInterrupt


def _carry_out(options: dict[str, Any], show: _Json | _People) -> int:
    target = Reference.parse(options["project"])
    source = read_bundle(Path(options["bundle"]))
    show.left_out([entry for entry in left_out_of(source, Path(options["bundle"])) if not entry.harmless])
    client = _client(options, target)
    try:
        if options["verify"]:
            checked = verify(source, target, client)
            show.verified(checked)
            return 0 if checked.is_complete else 1
        resume = Path(options["resume_file"]) if options["resume_file"] else None
        result = push(source, target, client, on_progress=show.progress, options=PushOptions(resume_file=resume))
    finally:
        client.close()
    note = write_pushed_file(source, target) if isinstance(source, ReleaseBundle) else None
    show.pushed(result, note)
    return 0


def _client(options: dict[str, Any], target: Reference) -> RegistryClient:
    ca = _authorities(options["ca"]) if options["ca"] else None
    password = _password(options) if options["username"] else ""
    return RegistryClient(target.host, options["username"], password, ca, plain_http=options["plain_http"])


def _password(options: dict[str, Any]) -> str:
    """From the file, else from the environment, else from the person at the terminal."""
    if options["password_file"]:
        file, field = options["password_file"], "registry.password"
        return decoded(_read_file(file, field), name=file, field=field).rstrip("\r\n")
    if PASSWORD_VARIABLE in os.environ:
        return os.environ[PASSWORD_VARIABLE]
    if not sys.stdin.isatty():
        cause = text(_("No password for %(name)s was entered."), name=options["username"])
        remedy = text(_("Specify a file with --password-file, or set %(variable)s."), variable=PASSWORD_VARIABLE)
        raise InputError(cause, value=options["username"], remedy=remedy, field="registry.password")
    return getpass.getpass(f"Password for {options['username']}: ")


def _authorities(name: str) -> str:
    from installer_tasks.systems import certificates  # noqa: PLC0415 - start-up time of a push

    content = _read_file(name, "registry.ca", MAX_CERTIFICATES)
    return certificates.to_pem(certificates.parse_bundle(content, field="registry.ca"))


def _read_file(name: str, field: str, limit: int = MAX_SECRET) -> bytes:
    try:
        with Path(name).expanduser().open("rb") as file:
            return file.read(limit)
    except OSError as error:
        cause = text(_("Cannot read %(path)s: %(reason)s."), path=name, reason=error.strerror or str(error))
        raise InputError(
            cause, value=name, remedy=text(_("Enter the path of a readable file.")), field=field
        ) from error


def write_pushed_file(bundle: ReleaseBundle, target: Reference, folder: Path | None = None) -> Path | None:
    """Write what the vendor's tool writes after a push: in the bundle's folder, else in `folder`; where it went."""
    content = {"repositoryImage": f"{target}/{bundle.layout.repository}", "version": bundle.version}
    for place in (bundle.path, folder or Path.cwd()):
        try:
            (place / PUSHED_FILE).write_text(json.dumps(content))
        except OSError:
            continue
        return place / PUSHED_FILE
    return None


class _People:
    """For people: a bar on a terminal, a line now and then elsewhere; results on standard output."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out, self._bar = out, Bar(err)
        self._begun = False

    def left_out(self, entries: list[LeftOut]) -> None:
        for entry in entries:
            self._bar.say(f"Skipped {entry.path}: {entry.words}")

    def progress(self, look: PushProgress) -> None:
        self._begun = True
        self._bar.show(look)

    def pushed(self, result: PushResult, note: Path | None) -> None:
        self._bar.clear()
        self._out.write(
            f"Pushed images: {result.images}. Sent {size(result.bytes_sent)} in {result.seconds:.1f} s; "
            f"{size(result.bytes_present)} already present, {size(result.bytes_mounted)} mounted from other images.\n"
        )
        if note is not None:
            self._out.write(f"Wrote {note}\n")

    def verified(self, result: VerifyResult) -> None:
        for item in result.missing:
            said = f"points to {item.found}" if item.found else "is missing"
            self._out.write(f"{item.kind} {item.repository} {item.reference} {said}\n")
        count = len(result.missing)
        end = f"Missing: {count}." if count else "Nothing is missing."
        self._out.write(f"{result.images} images, {result.blobs} blobs. {end}\n")

    def failed(self, error: InstallerError) -> None:
        self._bar.clear()
        self._bar.say(str(error.cause))
        if not isinstance(error, Cancelled):
            self._bar.say(str(error.remedy))
            for line in error.detail.splitlines():
                self._bar.say(f"    {line}")
        if self._begun:
            self._bar.say("Run the same command to continue; the registry keeps what it received.")

    def close(self) -> None:
        self._bar.clear()


class _Json:
    """For programs: `event` is left-out, progress, pushed, verified or failed; the last line is one of those three."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def left_out(self, entries: list[LeftOut]) -> None:
        for entry in entries:
            self._write("left-out", {"file": str(entry.path), "why": str(entry.why)})

    def progress(self, look: PushProgress) -> None:
        self._write("progress", look.as_json())

    def pushed(self, result: PushResult, note: Path | None) -> None:
        self._write("pushed", {**asdict(result), "file": str(note) if note else None})

    def verified(self, result: VerifyResult) -> None:
        self._write("verified", {**asdict(result), "complete": result.is_complete})

    def failed(self, error: InstallerError) -> None:
        self._write("failed", error.as_json())

    def close(self) -> None:
        """Nothing is left open."""

    def _write(self, event: str, content: dict[str, Any]) -> None:
        self._out.write(json.dumps({"event": event, "at": round(time.time(), 3), **content}) + "\n")
        self._out.flush()


def main(argv: list[str] | None = None) -> int:
    """Without Django: a process that is up in a tenth of a second."""
    parser = argparse.ArgumentParser(prog="push", description="Pushes the images of a bundle to a registry.")
    add_arguments(parser)
    return run(vars(parser.parse_args(argv)))
