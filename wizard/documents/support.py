"""The support bundle: what somebody else needs to see why a run failed, and nothing of other installations.

Every file is text or JSON of ours. Each passes two redactors: one knows every secret of this installer, whichever
customer's it is, the other what secrets look like. What they took out, and what was left out, stands in the bundle.
"""

from __future__ import annotations

import io
import json
import platform
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from installer_tasks import answer_keys, instance_secrets, releases
from installer_tasks.local import redaction_patterns
from installer_tasks.local.processes import logs as log_files
from installer_tasks.local.redaction import Redactor
from installer_tasks.models import Installation, Run, StageRun
from installer_tasks.runs import journal, rows
from wizard.presenters import runs as run_views

LOG_LINES, LOG_BYTES = 5000, 1_000_000  #: of each program of ours
CONTENTS = "contents.json"

LEFT_OUT: Mapping[str, Any] = {
    "secrets": gettext_lazy("Values of secrets: answers.json only says that a value is set."),
    "others": gettext_lazy("Other installations and customers, people and roles, and the audit (“Who did what”)."),
    "uploads": gettext_lazy("The release bundle and its images, the database, the keyring."),
}
NO_LOGS = gettext_lazy("The installer's own logs, because they cover every installation.")

#: Sequences of ECMA-48: CSI, the strings OSC, DCS, APC, PM and SOS up to their end, and the two-character ones.
_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*+(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -~]?"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class File:
    """`redacted` counts what was taken out of `text`, by kind."""

    name: str
    text: str
    redacted: Mapping[str, int]

    @property
    def size(self) -> int:
        return len(self.text.encode())


@dataclass(frozen=True)
class Bundle:
    files: tuple[File, ...]
    left_out: tuple[str, ...]

    @property
    def contents(self) -> str:
        files = [{"name": each.name, "bytes": each.size, "redacted": dict(each.redacted)} for each in self.files]
        return _json({"files": files, "left out": self.left_out})

    def packed(self) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(CONTENTS, self.contents)
            for each in self.files:
                archive.writestr(each.name, each.text)
        return made.getvalue()


def bundle(run: Run, *, with_logs: bool) -> Bundle:
    """About this run and the installation it belongs to. `with_logs`: the installer's own, for administrators alone."""
    redactor = instance_secrets.redactor()
    named = [*_files(run), *(_logs() if with_logs else ())]
    left_out = [*LEFT_OUT.values(), *([] if with_logs else [NO_LOGS])]
    return Bundle(tuple(_cleaned(name, text, redactor) for name, text in named), tuple(map(str, left_out)))


def _cleaned(name: str, text: str, redactor: Redactor) -> File:
    counts: Counter[str] = Counter()
    return File(name, redaction_patterns.clean(redactor.clean(text, counts), counts), counts)


def kinds() -> Mapping[str, str]:
    """What was redacted, in the reader's words."""
    return {
        "known secret": gettext("known secrets"),
        "sign-in link": gettext("sign-in links"),
        "cookie": gettext("cookies"),
        "authorization": gettext("authorization headers"),
        "token": gettext("tokens"),
        "private key": gettext("private keys"),
        "password": gettext("passwords"),
        "password in an address": gettext("passwords in addresses"),
    }


def _files(run: Run) -> Iterator[tuple[str, str]]:
    installation = run.installation
    yield "about.json", _json(_about(run))
    yield "answers.json", _json(_answers(installation))
    yield "findings.json", _json({row.check_name: row.verdict for row in installation.findings.all()})
    yield "facts.json", _json({row.system: row.facts for row in installation.observations.all()})
    yield "values.yaml", rows.frozen_plan(run).values_yaml(masked=True)
    attempts = list(installation.runs.defer("sealed_plan"))
    stages, logs = _stages(attempts), _log_lines(attempts)
    for attempt in attempts:
        yield f"attempt-{attempt.attempt}/stages.json", _json(stages[attempt.pk])
        yield f"attempt-{attempt.attempt}/log.txt", "".join(logs[attempt.pk])


def _logs() -> Iterator[tuple[str, str]]:
    for path in sorted((settings.STATE_DIR / "logs").glob("*.log")):
        yield f"logs/{path.name}", log_files.tail(path, LOG_LINES, LOG_BYTES)


def _about(run: Run) -> dict[str, Any]:
    return {
        "made": timezone.now(),
        "installation": run.installation.name,
        "release": run.release,
        "known releases": [release.version for release in releases.RELEASES],
        "attempt": run.attempt,
        "kind": run.kind,
        "state": run.state,
        "error": run.error,
        "first broken line of the journal": journal.verify_chain(run),
        "python": platform.python_version(),
        "system": platform.platform(),
        "django": django.get_version(),
        "database": connection.vendor,
    }


def _answers(installation: Installation) -> dict[str, Mapping[str, Any]]:
    """Of a secret only that there is one."""
    return {
        row.key: {
            "value": "sealed" if row.key in answer_keys.SECRETS else row.value,
            "source": row.source,
            "changed": row.changed_at,
        }
        for row in installation.answers.all()
    }


def _stages(runs: list[Run]) -> dict[int, list[dict[str, Any]]]:
    kept = ("slug", "state", "started_at", "finished_at", "waiting_for", "error", "diagnosis", "facts", "progress")
    found: dict[int, list[dict[str, Any]]] = {run.pk: [] for run in runs}
    for row in StageRun.objects.filter(run__in=runs).values("run", *kept):
        found[row.pop("run")].append(row)
    return found


def log_text(run: Run) -> str:
    """The journal as a file for a person to take away."""
    return _cleaned("", "".join(log_lines(run)), instance_secrets.redactor()).text


def log_lines(run: Run) -> Iterator[str]:
    """The whole journal as text, in the reader's language."""
    yield from _log_lines([run])[run.pk]


def _log_lines(runs: list[Run]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {run.pk: [] for run in runs}
    for run_id, line in run_views.whole_logs(runs):
        found[run_id].append(f"{line.at.isoformat(timespec='seconds')} {line.level:<8} {line.stage}: {line.sentence}\n")
        found[run_id].extend(f"    {raw}\n" for raw in plain(line.text).splitlines())
    return found


def plain(words: str) -> str:
    """What a program printed, without what moves a terminal's cursor, colors it, or sets its title."""
    return _CONTROL.sub("", _TERMINAL.sub("", words))


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, default=str, ensure_ascii=False)
