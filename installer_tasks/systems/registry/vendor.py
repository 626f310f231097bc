"""The other engine: the vendor's own `tmc-sm push-images harbor`, for whom its support shall know every step.

Why, and what it costs: docs/decisions/vendor-engine.md. What is known of the program comes from published installations
of 1.0 to 1.4.1: it works beside `agent-images`, `dependencies` and `packages`, takes its account from HARBOR_USERNAME
and HARBOR_PASSWORD, trusts what the machine trusts, and tells in lines what it does, but no bytes. So how far it is,
the registry is asked; and what it claims is proven by digest, like our own push.
"""

from __future__ import annotations

import queue
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from installer_tasks import releases
from installer_tasks.errors import InstallerError, Missing, SystemFailure
from installer_tasks.local import pdeathsig, shell, state_folder
from installer_tasks.systems.bundle import ReleaseBundle
from installer_tasks.systems.registry.client import RegistryClient
from installer_tasks.systems.registry.plan import PlannedImage, make_plan
from installer_tasks.systems.registry.progress import Counters, PushProgress
from installer_tasks.systems.registry.reference import Reference
from installer_tasks.systems.registry.verify import verify
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

DEADLINE = 12 * 3600.0  #: seconds; the slowest push that is known of took less than one hour
POLL_SECONDS = 5.0  #: between two looks at what has come in
#: How it finds the way out: as this installer's own process was told.
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy")


@dataclass(frozen=True)
class OutputPattern:
    """What one of the program's lines says of a failure."""

    pattern: str
    cause: str  #: marked for translation, with %(program)s
    remedy: str


_OWN_ENGINE = _(
    "Choose this installer as the push engine on the release bundle page, then resume: images already pushed are kept."
)
OUTPUT_PATTERNS = (
    OutputPattern(
        # Go's words, then OpenSSL's: the practice stand-in is not written in Go.
        r"x509:|certificate verify failed|local issuer certificate|self-signed certificate",
        _("%(program)s does not trust the registry's certificate."),
        _("Enter the registry's CA certificate, then resume."),
    ),
    OutputPattern(
        r"\b(401|403)\b|unauthorized|denied",
        _("The registry rejected the account that %(program)s used."),
        _("Correct the registry user or password, or its permission to push, then resume."),
    ),
    OutputPattern(
        r"required flag|unknown command|unknown flag",
        _("This version of %(program)s takes other options than this installer uses."),
        _OWN_ENGINE,
    ),
)


@dataclass(frozen=True)
class VendorPush:
    """What is given to the program. Never log it."""

    bundle: ReleaseBundle
    target: Reference
    username: str
    password: str = field(repr=False)
    ca: str  #: PEM, or empty for what the machine trusts
    folder: Path  #: for the authority's file, and for what the program writes; 0700
    sha256: str  #: of the program, as an administrator has confirmed it and the plan pins it
    hidden: tuple[Path, ...] = ()  #: what it may not reach, beside the places that `state` knows

    @property
    def program(self) -> Path:
        """Missing when the bundle has none."""
        if self.bundle.program is None:
            raise Missing(
                text(_("The bundle folder contains no program from the vendor.")),
                value=str(self.bundle.path),
                remedy=text(_OWN_ENGINE),
                field="bundle.engine",
                code="vendor-program-missing",
            )
        return self.bundle.program

    def command(self) -> shell.Command:
        account = {"HARBOR_USERNAME": self.username, "HARBOR_PASSWORD": self.password}
        scratch = state_folder.private_folder(self.folder / "vendor")
        release = releases.chosen({"bundle.release": self.bundle.version})
        return shell.Command(
            (str(self.program), *release.push_arguments(str(self.target))),
            env={"HOME": str(scratch), "TMPDIR": str(scratch), **self._trust(scratch)},
            pass_env=PROXIES,
            secret_env={name: value for name, value in account.items() if value},
            folder=self.bundle.path,
            deadline=DEADLINE,
            confined=shell.Confined(
                self.sha256, (*state_folder.secret_places(), *self.hidden), (self.bundle.path, scratch)
            ),
        )

    def _trust(self, folder: Path) -> dict[str, str]:
        """Go's programs take the machine's authorities from the file that this names (pkg.go.dev/crypto/x509)."""
        if not self.ca.strip():
            return {}
        file = folder / "trust.pem"
        file.write_text(self.ca)
        return {"SSL_CERT_FILE": str(file)}


def push_by_vendor(
    given: VendorPush,
    client: RegistryClient,
    *,
    on_line: Callable[[str], None],
    on_progress: Callable[[PushProgress], None],
    cancelled: Callable[[], bool],
) -> PushProgress:
    """Run the program to its end, and prove what it did; the last look.

    All three are called in the calling thread, `cancelled` ten times a second. Raises what kept the program from its
    end in our words, or SystemFailure when it claims to be done and something is missing.
    """
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    arrivals = Arrivals(given.bundle, given.target, client)

    def stop() -> bool:
        _hand_on(lines, on_line)
        if arrivals.due():
            on_progress(arrivals.look())
        return cancelled()

    try:
        outcome = shell.run(given.command(), on_line=lambda _stream, line: lines.put(line), stop=stop)
    finally:
        _hand_on(lines, on_line)
    if not outcome.ok:
        raise _failed(given.program.name, outcome)
    _prove(given, client, cancelled)
    last = arrivals.finished()
    on_progress(last)
    return last


def _hand_on(lines: queue.SimpleQueue[str], on_line: Callable[[str], None]) -> None:
    with suppress(queue.Empty):
        while True:
            on_line(lines.get_nowait())


def _failed(program: str, outcome: shell.Outcome) -> InstallerError:
    said = "\n".join(part for part in (outcome.stdout, outcome.stderr) if part.strip())
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
    if outcome.exit_code == pdeathsig.NOT_STARTED:
        return Missing(
            text(_("The program %(program)s cannot be started: %(reason)s."), program=program, reason=last),
            value=program,
            remedy=text(_OWN_ENGINE),
            field="bundle.engine",
            code="vendor-program-missing",
        )
    for sign in OUTPUT_PATTERNS:
        if re.search(sign.pattern, said, re.IGNORECASE):
            return _error(text(sign.cause, program=program), text(sign.remedy), program, said)
    cause = text(
        _("%(program)s exited with code %(code)d: %(last)s"), program=program, code=outcome.exit_code, last=last
    )
    return _error(cause, text(_OWN_ENGINE), program, said)


def _error(cause: Text, remedy: Text, program: str, said: str) -> SystemFailure:
    return SystemFailure(cause, value=program, remedy=remedy, detail=said[-2000:], code="vendor-push-failed")


def _prove(given: VendorPush, client: RegistryClient, cancelled: Callable[[], bool]) -> None:
    """Its exit code proves nothing: everything is asked for by digest."""
    found = verify(given.bundle, given.target, client, cancelled=cancelled)
    if found.is_complete:
        return
    first = found.missing[0]
    raise SystemFailure(
        text(
            ngettext(
                "%(program)s reports success, but %(count)d image part is not in the registry.",
                "%(program)s reports success, but %(count)d image parts are not in the registry.",
            ),
            program=given.program.name,
            count=len(found.missing),
        ),
        value=f"{first.repository}@{first.reference}",
        remedy=text(_OWN_ENGINE),
        code="vendor-push-incomplete",
    )


class Arrivals:
    """What of a bundle has come into the registry, by asking for the images that were not there at the last look."""

    def __init__(self, bundle: ReleaseBundle, target: Reference, client: RegistryClient) -> None:
        self._client = client
        self._plan = make_plan(bundle, target)
        self._awaited = list(self._plan.images)
        self._blobs: set[str] = set()
        self._looked_at: float | None = None
        self._counters = Counters(client.host, self._plan.total_bytes, len(self._plan.images))

    def due(self) -> bool:
        return self._looked_at is None or time.monotonic() - self._looked_at >= POLL_SECONDS

    def look(self) -> PushProgress:
        """A registry that does not answer now is asked again the next time; the program has its own say on that."""
        with suppress(InstallerError):
            self._settle([image for image in self._awaited if self._is_there(image)])
        self._looked_at = time.monotonic()
        return self._counters.snapshot()

    def finished(self) -> PushProgress:
        """After everything was proven."""
        self._settle(list(self._awaited))
        self._counters.state = "done"
        return self._counters.snapshot()

    def _is_there(self, image: PlannedImage) -> bool:
        return self._client.head_manifest(image.repository, image.digest) == image.digest

    def _settle(self, images: list[PlannedImage]) -> None:
        first = self._looked_at is None
        for image in images:
            for digest in set(self._plan.blobs_of(image.digest)) - self._blobs:
                size = self._plan.blobs[digest].size
                self._blobs.add(digest)
                self._counters.settled("present" if first else "sent", size, first=True)
                self._counters.bytes_sent(0 if first else size)
            self._counters.image_done((image.repository, image.digest))
            self._awaited.remove(image)
        self._counters.state = "sending"
        self._counters.alive()
