"""The support bundle: what somebody else needs to see why a run failed, with every known secret taken out.

Everything that goes in is text or JSON of ours; each passes the redactor once more, over the answers as they are and
as every attempt had them.
"""

from __future__ import annotations

import io
import json
import platform
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.utils import timezone

from installer_tasks import answers as answer_keys
from installer_tasks import journal, releases, runs
from installer_tasks.models import Installation, Run
from installer_tasks.processes import logs
from installer_tasks.secrets import Redactor
from wizard.presenters import runs as run_views

LOG_LINES, LOG_BYTES = 5000, 1_000_000  #: of each program of ours
PAGE = 1000


def bundle(run: Run) -> bytes:
    """A zip of everything about this run and the installation it belongs to."""
    redactor = _redactor(run.installation)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _files(run):
            archive.writestr(name, redactor.clean(text))
    return made.getvalue()


def _redactor(installation: Installation) -> Redactor:
    """Knows also the secrets that were replaced after an attempt had used them."""
    given = [installation.plain_answers(), *(runs.frozen_plan(run).answers for run in installation.runs.all())]
    return Redactor(answers[key] for answers in given for key in answer_keys.SECRETS if answers.get(key))


def _files(run: Run) -> Iterator[tuple[str, str]]:
    installation = run.installation
    yield "about.json", _json(_about(run))
    yield "answers.json", _json(_answers(installation))
    yield "findings.json", _json({row.check_name: row.verdict for row in installation.findings.all()})
    yield "facts.json", _json({row.system: row.facts for row in installation.observations.all()})
    yield "values.yaml", runs.frozen_plan(run).values_yaml(masked=True)
    for attempt in installation.runs.all():
        yield f"attempt-{attempt.attempt}/stages.json", _json(_stages(attempt))
        yield f"attempt-{attempt.attempt}/log.txt", "".join(log_lines(attempt))
    for path in sorted((settings.STATE_DIR / "logs").glob("*.log")):
        yield f"logs/{path.name}", logs.tail(path, LOG_LINES, LOG_BYTES)


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


def _stages(run: Run) -> list[dict[str, Any]]:
    kept = ("slug", "state", "started_at", "finished_at", "waiting_for", "error", "progress")
    return list(run.stages.values(*kept))


def log_lines(run: Run) -> Iterator[str]:
    """The whole journal as text, in the reader's language."""
    after = 0
    while lines := run_views.log(run, after=after, limit=PAGE):
        for line in lines:
            yield f"{line.at.isoformat(timespec='seconds')} {line.level:<8} {line.stage}: {line.sentence}\n"
            yield from (f"    {raw}\n" for raw in line.text.splitlines())
        after = lines[-1].seq


def _json(data: Any) -> str:
    return json.dumps(data, indent=1, default=str, ensure_ascii=False)
