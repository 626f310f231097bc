"""What a 401 or 403 means: the same status stands for a wrong password and for a right that a known user lacks.

What was asked decides, and what had succeeded before: a user to whom the token service gave a token is known, whatever
the registry says afterwards (Quay, Gitea). The address that needs no right, `/v2/`, refuses nobody but the user.
"""

from __future__ import annotations

from installer_tasks.errors import InstallerError
from installer_tasks.local.outside import shortened
from installer_tasks.systems.registry import errors
from installer_tasks.systems.registry.answer import Answer, Known
from installer_tasks.systems.registry.challenges import Challenge, parse_challenges
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

_CREATING = Text(
    _("Give this user the right to push, and to create repositories where a push creates them (Quay, Gitea, GitLab).")
)
_OR_PASSWORD = Text(
    _(
        "Give this user the right to push and pull. If this registry lets anybody read, its answer proves no password: "
        "check that too."
    )
)
_NEW_TOKEN = Text(
    _(
        "Check the user name and password. A token of GitLab needs the scopes read_registry and write_registry. "
        "Replace one that has expired or was revoked."
    )
)


def refusal_of(answer: Answer) -> InstallerError:
    """The error that this 401 or 403 stands for."""
    said = answer.words.lower()
    challenges = parse_challenges(answer.headers.each("WWW-Authenticate"))
    told = {challenge.parameters.get("error", "") for challenge in challenges}
    if _is_missing_project(answer, said):
        return _error(answer, errors.ProjectMissing, _("The project does not exist: %(request)s returned %(words)s."))
    if "insufficient_scope" in told or _names_a_right(said):
        return _denied(answer)
    if answer.by_token_service:
        return _by_token_service(answer)
    if answer.known is Known.BY_TOKEN:
        return _after_a_token(answer, "invalid_token" in told)
    return _without_a_token(answer, said, challenges)


def _without_a_token(answer: Answer, said: str, challenges: tuple[Challenge, ...]) -> InstallerError:
    if "token" in said and "expired" in said:
        return _expired(answer)
    if not answer.url.endswith("/v2/") and (answer.known is Known.BY_ANSWER or answer.status == 403):
        return _denied(answer)
    schemes = [challenge.scheme for challenge in challenges]
    if schemes and not {"basic", "bearer"} & {*schemes}:
        return _other_sign_in(answer, schemes)
    return _error(
        answer, errors.Unauthorized, _("The registry rejected the user or password (%(request)s: %(words)s).")
    )


def _by_token_service(answer: Answer) -> InstallerError:
    if answer.known is Known.BY_TOKEN:  # it had given tokens for less
        return _denied(answer)
    template = _("The registry's token service refused the user or password (%(request)s: %(words)s).")
    return _error(answer, errors.Unauthorized, template, _NEW_TOKEN)


def _after_a_token(answer: Answer, invalid: bool) -> InstallerError:
    if not invalid:
        return _denied(answer)
    template = _("The registry rejects the token that its own token service has just given (%(request)s: %(words)s).")
    return _error(answer, errors.TokenRejected, template)


def _denied(answer: Answer) -> InstallerError:
    """The user is known, or at least not what is refused."""
    if answer.known is Known.NOT_YET:
        return _error(
            answer,
            errors.Denied,
            _("This user has no permission for this request: %(request)s returned %(status)s, %(words)s."),
        )
    template = _("The registry knows this user, who may not do that: %(request)s answered %(status)s, %(words)s.")
    return _error(answer, errors.Denied, template, _CREATING if answer.known is Known.BY_TOKEN else _OR_PASSWORD)


def _expired(answer: Answer) -> InstallerError:
    template = _("The password is a token that has expired (%(request)s: %(words)s).")
    return _error(
        answer, errors.Unauthorized, template, text(_("Enter a new token, one that lives as long as TMC-SM."))
    )


def _other_sign_in(answer: Answer, schemes: list[str]) -> InstallerError:
    template = _("The registry asks for sign-in by %(schemes)s; this installer and nodes know Basic and Bearer.")
    cause = text(template, schemes=shortened(", ".join(schemes), 100))
    return errors.OtherSignIn(cause, value=answer.url, detail=answer.detail)


def _is_missing_project(answer: Answer, said: str) -> bool:
    """Harbor hides a missing project behind a 401 that challenges for nothing."""
    empty = "WWW-Authenticate" in answer.headers and not answer.headers["WWW-Authenticate"]
    return answer.status == 401 and ("not found" in said or empty)


def _names_a_right(said: str) -> bool:
    """Harbor's words, and those of Docker Hub for a token of too few scopes."""
    return ("to access repository" in said and "action:" in said) or "insufficient scopes" in said


def _error(answer: Answer, kind: type[InstallerError], template: str, remedy: Text | None = None) -> InstallerError:
    return kind(text(template, **answer.where), value=answer.url, detail=answer.detail, remedy=remedy)
