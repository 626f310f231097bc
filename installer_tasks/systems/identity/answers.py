"""What the answers of a provider mean, and their words for people."""

from __future__ import annotations

import json
import re
from typing import Any

from installer_tasks.errors import Busy, InstallerError, Invalid, Missing, Refused
from installer_tasks.local.outside import READ, heard, page, shortened
from installer_tasks.systems.http import Response, without_secrets
from installer_tasks.systems.markup import words_of_page
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

MAX_ANSWER = 200
_VENDOR_CODE = re.compile(r"(?:AADSTS|MSIS)[0-9]{4,8}")


def good(response: Response) -> Response:
    """The answer when it is one; else what its status means, a redirect above all."""
    url, status = without_secrets(response.url), response.status
    if status == 200:
        return response
    kind: type[InstallerError]
    if 300 <= status < 400:
        location = without_secrets(response.headers.get("location", "-"))
        raise Invalid(
            text(_("%(url)s redirects to %(location)s."), url=url, location=location),
            value=url,
            remedy=Text(_("Have the provider answer at this address, or send on to an https address that answers.")),
            code="identity-redirected",
        )
    if status in (404, 410):
        kind, template = Missing, _("%(url)s does not exist (%(status)d).")
    elif status in (401, 403):
        kind, template = Refused, _("This machine has no permission to read %(url)s (%(status)d).")
    elif status == 429 or status >= 500:
        kind, template = Busy, _("The identity provider is not healthy: %(url)s returned %(status)d.")
    else:
        kind, template = Invalid, _("%(url)s returned %(status)d.")
    raise kind(
        text(template, url=url, status=status),
        value=url,
        remedy=Text(_("Check the issuer's host, port and realm; open its discovery document in a browser.")),
        code=f"identity-{kind.code}",
    )


def oauth_error(response: Response) -> str:
    """The `error` member, where there is one; the words of others are shown to people, so only its own alphabet."""
    document = _document(response)
    return plain_code(document.get("error") or document.get("errorCode"))  # the latter is Okta's


def vendor_code(response: Response) -> str:
    """The number by which Entra and AD FS name a cause in their words."""
    words = _document(response).get("error_description")
    found = _VENDOR_CODE.search(words[:2000]) if isinstance(words, str) else None
    return found[0] if found else ""


def _document(response: Response) -> dict[str, Any]:
    try:
        found = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def plain_code(error: object) -> str:
    """The code of an error in its own alphabet, whatever was sent."""
    return re.sub(r"[^A-Za-z0-9_.-]", "", heard(error[:READ])[:1000])[:60] if isinstance(error, str) else ""


def worded(response: Response) -> str:
    return f"{response.status} {title(response)}".strip()


def title(response: Response) -> str:
    """Where the answer leads, or the words of its page, for people to read."""
    if response.is_redirect:
        return without_secrets(response.headers["location"])
    if not response.is_html:
        return oauth_error(response)
    return shortened(words_of_page(page(response.body, 20_000)), MAX_ANSWER)
