"""A bundle into a registry from a terminal: the inside of `manage.py push`.

Needs no installation, no database and no Django: `python -m installer_tasks.registry` is the same without their start.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from installer_tasks.bundle.folder import PACKAGE_REPOSITORY, ReleaseBundle, read_bundle
from installer_tasks.errors import Cancelled, InputError, InstallerError
from installer_tasks.registry.bar import Bar, size
from installer_tasks.registry.client import RegistryClient
from installer_tasks.registry.progress import PushProgress
from installer_tasks.registry.push import PushOptions, PushResult, push
from installer_tasks.registry.reference import Reference
from installer_tasks.registry.verify import VerifyResult, verify
from installer_tasks.text import mark as _
from installer_tasks.text import text

PASSWORD_VARIABLE = "TMC_INSTALLER_REGISTRY_PASSWORD"  # noqa: S105 - its name, not its value
PUSHED_FILE = "pushed-package-repository.json"  #: what the vendor's tool writes; scripts look for it
MAX_SECRET = 64 << 10
INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `manage.py push`. There is none for a password: other users can read command lines."""
    parser.add_argument(
        "--bundle", metavar="DIR", required=True, help="unpacked release, archive, or folder of archives"
    )
    parser.add_argument(
        "--project", metavar="HOST/PROJECT", required=True, help="where to, e.g. harbor.example.com/tmc"
    )
    parser.add_argument(
        "--username", metavar="NAME", default="", help=f"password: file, ${PASSWORD_VARIABLE} or prompt"
    )
    parser.add_argument("--password-file", metavar="FILE", help="a file with nothing but the password")
    parser.add_argument("--ca", metavar="FILE", help="certificates of the authority that signed the registry's, as PEM")
    parser.add_argument(
        "--verify", action="store_true", help="send nothing; prove that everything is there, or list it"
    )
    parser.add_argument("--json", action="store_true", help="progress and result as one JSON object a line")
    parser.add_argument("--resume-file", metavar="FILE", help="remember what is there; spares questions after a break")
    parser.add_argument("--plain-http", action="store_true", help="without TLS; only for a registry on this machine")


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
    ca = _read_file(options["ca"], "registry.ca") if options["ca"] else None
    password = _password(options) if options["username"] else ""
    return RegistryClient(target.host, options["username"], password, ca, plain_http=options["plain_http"])


def _password(options: dict[str, Any]) -> str:
    """From the file, else from the environment, else from the person at the terminal."""
    if options["password_file"]:
        return _read_file(options["password_file"], "registry.password").rstrip("\r\n")
    if PASSWORD_VARIABLE in os.environ:
        return os.environ[PASSWORD_VARIABLE]
    if not sys.stdin.isatty():
        cause = text(_("No password for %(name)s was given."), name=options["username"])
        remedy = text(_("Name a file with --password-file, or set %(variable)s."), variable=PASSWORD_VARIABLE)
        raise InputError(cause, value=options["username"], remedy=remedy, field="registry.password")
    import getpass

    return getpass.getpass(f"Password of {options['username']}: ")


def _read_file(name: str, field: str) -> str:
    try:
        with Path(name).expanduser().open(encoding="utf-8") as file:
            return file.read(MAX_SECRET)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not text"
        cause = text(_("%(path)s cannot be read: %(reason)s."), path=name, reason=reason)
        raise InputError(cause, value=name, remedy=text(_("Give the path of a readable file.")), field=field) from error


def write_pushed_file(bundle: ReleaseBundle, target: Reference, folder: Path | None = None) -> Path | None:
    """Write what the vendor's tool writes after a push: in the bundle's folder, else in `folder`; where it went."""
    content = {"repositoryImage": f"{target}/{PACKAGE_REPOSITORY}", "version": bundle.version}
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

    def progress(self, look: PushProgress) -> None:
        self._begun = True
        self._bar.show(look)

    def pushed(self, result: PushResult, note: Path | None) -> None:
        self._bar.clear()
        self._out.write(
            f"{result.images} images are there. Sent {size(result.bytes_sent)} in {result.seconds:.1f} s; "
            f"{size(result.bytes_present)} were there, {size(result.bytes_mounted)} more were shared.\n"
        )
        if note is not None:
            self._out.write(f"Written: {note}\n")

    def verified(self, result: VerifyResult) -> None:
        for item in result.missing:
            said = f"has {item.found}" if item.found else "is absent"
            self._out.write(f"{item.kind} {item.repository} {item.reference} {said}\n")
        count = len(result.missing)
        end = f"{count} are missing." if count else "Everything is there."
        self._out.write(f"{result.images} images, {result.blobs} blobs. {end}\n")

    def failed(self, error: InstallerError) -> None:
        self._bar.clear()
        self._bar.say(str(error.cause))
        if not isinstance(error, Cancelled):
            self._bar.say(str(error.remedy))
            for line in error.detail.splitlines():
                self._bar.say(f"    {line}")
        if self._begun:
            self._bar.say("What has arrived stays there: the same command goes on from here.")

    def close(self) -> None:
        self._bar.clear()


class _Json:
    """For programs: `event` is progress, pushed, verified or failed; the last line is one of the latter three."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

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
    parser = argparse.ArgumentParser(prog="push", description="Pushes the images of a bundle into a registry.")
    add_arguments(parser)
    return run(vars(parser.parse_args(argv)))
