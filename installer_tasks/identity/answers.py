"""What the answers of a provider mean, and their words for people."""

from __future__ import annotations

import html
import json
import re

from installer_tasks.errors import Busy, InstallerError, Invalid, Missing, Refused
from installer_tasks.http import Response, without_secrets
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

MAX_ANSWER = 200


def good(response: Response) -> Response:
    """The answer when it is one; else what its status means, a redirect above all."""
    url, status = without_secrets(response.url), response.status
    if status == 200:
        return response
    kind: type[InstallerError]
    if 300 <= status < 400:
        raise Invalid(
            text(
                _("%(url)s redirects to %(location)s instead of answering."),
                url=url,
                location=without_secrets(response.headers.get("location", "-")),
            ),
            value=url,
            remedy=Text(_("Enter the address that it redirects to, if that is the provider.")),
            code="identity-redirected",
        )
    if status in (404, 410):
        kind, template = Missing, _("There is nothing at %(url)s (%(status)d).")
    elif status in (401, 403):
        kind, template = Refused, _("%(url)s may not be read from here (%(status)d).")
    elif status == 429 or status >= 500:
        kind, template = Busy, _("The provider is not well: %(url)s answered %(status)d.")
    else:
        kind, template = Invalid, _("%(url)s answered %(status)d.")
    raise kind(
        text(template, url=url, status=status),
        value=url,
        remedy=Text(_("Check host, port and realm of the issuer; open its discovery document in a browser.")),
        code=f"identity-{kind.code}",
    )


def oauth_error(response: Response) -> str:
    """The `error` member, where there is one; the words of others are shown to people, so only its own alphabet."""
    try:
        error = json.loads(response.body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return plain_code(error)


def plain_code(error: object) -> str:
    """The code of an error in its own alphabet, whatever was sent."""
    return re.sub(r"[^A-Za-z0-9_.-]", "", error[:1000])[:60] if isinstance(error, str) else ""


def worded(response: Response) -> str:
    return f"{response.status} {title(response)}".strip()


def title(response: Response) -> str:
    """Where the answer leads, or the words of its page, for people to read."""
    if response.is_redirect:
        return without_secrets(response.headers["location"])
    if not response.is_html:
        return oauth_error(response)
    body = re.sub(r"<(script|style|title)\b.*?</\1>", " ", response.text()[:20_000], flags=re.DOTALL | re.IGNORECASE)
    words = html.unescape(re.sub(r"<[^<>]*>", " ", body)).split()
    return " ".join(words)[:MAX_ANSWER]
