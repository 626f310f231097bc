"""The OpenID Connect provider through which people sign in."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy

from installer_tasks import releases
from installer_tasks.identity import parse_issuer
from installer_tasks.text import mark as _
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import AnswerField, DocumentField, SecretField, matching, pem
from wizard.steps.identity_presets import PRESETS

_one_word = matching(r"[!-~]+", _("It holds blanks or characters that cannot be typed."), _("Give one word."))
_name = matching(r"[^\x00-\x1f\x7f]+", _("It holds control characters."), _("Type the name again."))


def scopes(value: str) -> str:
    """A comma list, each scope once."""
    found = list(dict.fromkeys(value.replace(",", " ").split()))
    return ",".join(_one_word(scope) for scope in found)


class IdentityForm(StepForm):
    step = "identity"

    issuer_url = AnswerField(
        label=gettext_lazy("Issuer URL"),
        help_text=gettext_lazy(
            "Letter for letter what the provider calls itself. Its discovery document is below it at "
            "/.well-known/openid-configuration."
        ),
        example="https://idp.example.com/realms/tmc",
        parse=parse_issuer,
    )
    client_id = AnswerField(label=gettext_lazy("Client ID"), example="tmc-sm", parse=_one_word)
    client_secret = SecretField(label=gettext_lazy("Client secret"))
    ca = DocumentField(
        label=gettext_lazy("Certificate authority of the provider"),
        help_text=gettext_lazy("PEM. Only when this machine does not know the authority that signed its certificate."),
        accept=".pem,.crt,.cer,text/*",
        parse=pem,
        rows=4,
    )
    groups_claim = AnswerField(
        label=gettext_lazy("Groups claim"),
        help_text=gettext_lazy("The claim of the ID token that lists a person's groups."),
        example="groups",
        parse=_one_word,
    )
    scopes = AnswerField(
        label=gettext_lazy("Scopes"),
        help_text=gettext_lazy(
            "Only to replace the default: openid, offline_access, email, profile. GitLab refuses offline_access; Dex "
            "needs groups."
        ),
        example="openid,offline_access,email,profile",
        parse=scopes,
    )
    admin_group = AnswerField(
        label=gettext_lazy("Group of administrators"),
        help_text=gettext_lazy("Written exactly as in the token, upper and lower case too."),
        parse=_name,
    )
    member_group = AnswerField(label=gettext_lazy("Group of members"), parse=_name)


def client(answers: Mapping[str, str]) -> str:
    """What to register at the provider."""
    zone = answers["dns.zone"] or "tmc.example.com"
    return "\n".join(
        (
            f"Redirect URI:   {releases.chosen(answers).redirect_uri(zone)}",
            "Grants:         authorization code, refresh token",
            "Client:         confidential, with a client secret",
            f"Claim:          {answers['identity.groups_claim']} (list of group names, in the ID token)",
            f"Groups:         {answers['identity.admin_group']}, {answers['identity.member_group']}",
            "People:         verified e-mail address, first and last name",
        )
    )


STEP = Step(
    slug="identity",
    title=gettext_lazy("Identity provider"),
    lead=gettext_lazy(
        "People sign in to Tanzu Mission Control with the accounts they already have. What they may do follows from "
        "two groups."
    ),
    owner=gettext_lazy("The identity team that runs your single sign-on"),
    ask=(
        gettext_lazy("Will you register a confidential client with the redirect URI below, exactly as written?"),
        gettext_lazy("Does the ID token carry the groups, and does the client get refresh tokens?"),
        gettext_lazy("Who is in the group of administrators? The first person to sign in must be."),
        gettext_lazy("Which authority signed the certificate of the provider?"),
    ),
    form=IdentityForm,
    handout_title=gettext_lazy("The client to register"),
    handout=client,
    presets=PRESETS,
)
