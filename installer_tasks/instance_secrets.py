"""Every secret that this installer has, of whichever customer: for taking them out of what leaves it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings

from installer_tasks import answer_keys
from installer_tasks.local.redaction import Redactor
from installer_tasks.local.secrets import KeyringError
from installer_tasks.models import PLAN_COLUMN, Answer, Run


def redactor() -> Redactor:
    return Redactor({*_of_answers(), *_of_runs(), *_of_this_installer()})


def _of_answers() -> Iterator[str]:
    for answer in Answer.objects.exclude(sealed="").select_related("installation__workspace").iterator():
        try:
            yield from answer_keys.secret_texts({answer.key: answer.reveal()})
        except KeyringError:  # of a customer whose key is gone: nobody can open it, so nobody has written it
            continue


def _of_runs() -> Iterator[str]:
    """Also what was replaced after an attempt had used it."""
    for run in Run.objects.select_related("installation__workspace").iterator():
        try:
            given = json.loads(run.installation.workspace.box.open(PLAN_COLUMN, run.sealed_plan))
        except KeyringError:
            continue
        yield from answer_keys.secret_texts(given)


def _of_this_installer() -> Iterator[str]:
    yield str(settings.SECRET_KEY)
    if Path(settings.KEYRING_FILE).exists():
        lines = Path(settings.KEYRING_FILE).read_text(encoding="ascii").splitlines()
        yield from (line.strip() for line in lines if line.strip() and not line.startswith("#"))
    for url in (settings.DATABASE_URL, settings.REDIS_URL):
        if password := urlsplit(url).password:
            yield from (password, unquote(password))
