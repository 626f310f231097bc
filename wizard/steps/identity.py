"""How people sign in: through an OpenID Connect provider, or with a directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from installer_tasks import answers as answer_keys
from installer_tasks import releases
from installer_tasks.identity import parse_issuer
from installer_tasks.text import mark as _
from wizard.steps.base import Step
from wizard.steps.fields import AnswerField, ChoiceField, DocumentField, Option, SecretField, matching, one_of, pem
from wizard.steps.identity_directory import DirectoryForm
from wizard.steps.identity_presets import PRESETS

_one_word = matching(r"[!-~]+", _("It holds blanks or characters that cannot be typed."), _("Give one word."))
_name = matching(r"[^\x00-\x1f\x7f]+", _("It holds control characters."), _("Type the name again."))

#: Their defaults follow from the kind of directory.
FOLLOWING = ("ldap_user_filter", "ldap_user_attribute", "ldap_group_filter")


def scopes(value: str) -> str:
    """A comma list, each scope once."""
    found = list(dict.fromkeys(value.replace(",", " ").split()))
    return ",".join(_one_word(scope) for scope in found)


class IdentityForm(DirectoryForm):
    step = "identity"
    field_order = ("kind", "issuer_url", "client_id", "client_secret", "ca", "groups_claim", "scopes")

    kind = ChoiceField(
        label=gettext_lazy("How people sign in"),
        help_text=gettext_lazy("A provider is to be preferred where there is one: passwords stay with it."),
        parse=one_of(answer_keys.FEDERATED, answer_keys.LDAP),
    )
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
        help_text=gettext_lazy(
            "Written exactly as in the token, upper and lower case too. Of a directory it is the CN of the group."
        ),
        parse=_name,
    )
    member_group = AnswerField(label=gettext_lazy("Group of members"), parse=_name)

    @classmethod
    def fixed_options(cls) -> dict[str, list[Option]]:
        return {
            "kind": [
                Option(answer_keys.FEDERATED, gettext("Identity provider"), gettext("OpenID Connect, single sign-on")),
                Option(answer_keys.LDAP, gettext("Directory"), gettext("LDAP or Active Directory, over LDAPS")),
            ],
            "ldap_type": [
                Option(answer_keys.ACTIVE_DIRECTORY, "Active Directory"),
                Option("ldap", "LDAP"),
            ],
        }

    def clean(self) -> dict[str, Any]:
        """A default of the other kind of directory was not typed by anybody: it follows."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if self.chosen["identity.ldap_type"] != self.known["identity.ldap_type"]:
            for name in FOLLOWING:
                key = answer_keys.BY_NAME[self.key(name)]
                if found.get(name) == answer_keys.default(key, self.known):
                    found[name] = answer_keys.default(key, self.chosen)
        return found


def client(answers: Mapping[str, str]) -> str:
    """What to register at the provider, or to prepare in the directory."""
    if answer_keys.kind_of(answers) == answer_keys.LDAP:
        return account(answers)
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


def account(answers: Mapping[str, str]) -> str:
    return "\n".join(
        (
            "Account:        a service account that may read people, groups and their members; no expiry",
            "Reached by:     LDAPS (636), from the pods of the cluster and from this machine",
            f"Groups:         {answers['identity.admin_group']}, {answers['identity.member_group']} (by their CN)",
            f"People:         {answers['identity.ldap_user_filter']}, with {answers['identity.ldap_user_attribute']}",
            f"Membership:     {answers['identity.ldap_group_filter']}",
            "Certificate:    PEM of the root CA that issued the LDAPS certificate",
        )
    )


STEP = Step(
    slug="identity",
    title=gettext_lazy("Identity provider"),
    lead=gettext_lazy(
        "People sign in to Tanzu Mission Control with the accounts they already have. What they may do follows from "
        "two groups."
    ),
    owner=gettext_lazy("The identity team that runs your single sign-on or your directory"),
    ask=(
        gettext_lazy("Will you register a confidential client with the redirect URI below, exactly as written?"),
        gettext_lazy("Does the ID token carry the groups, and does the client get refresh tokens?"),
        gettext_lazy("Who is in the group of administrators? The first person to sign in must be."),
        gettext_lazy("Which authority signed the certificate of the provider?"),
        gettext_lazy("With a directory: is there a service account that reads people and groups over LDAPS?"),
    ),
    form=IdentityForm,
    handout_title=gettext_lazy("What to prepare"),
    handout=client,
    presets=PRESETS,
)
