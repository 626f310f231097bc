"""How people sign in: through an OpenID Connect provider, or with a directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from installer_tasks import answer_keys, releases
from installer_tasks.systems.identity import parse_issuer
from installer_tasks.text import mark as _
from wizard.steps.base import Step
from wizard.steps.fields import AnswerField, CertificateField, ChoiceField, Option, SecretField, matching, one_of
from wizard.steps.handouts import aligned
from wizard.steps.identity_directory import DirectoryForm
from wizard.steps.identity_presets import PRESETS

_one_word = matching(r"[!-~]+", _("It contains spaces or non-printable characters."), _("Enter one word."))
_name = matching(r"[^\x00-\x1f\x7f]+", _("It contains control characters."), _("Enter the name again."))

#: Their defaults follow from the kind of directory.
FOLLOWING = ("ldap_user_filter", "ldap_user_attribute", "ldap_group_filter")


def scopes(value: str) -> str:
    """A comma list, each scope once."""
    found = list(dict.fromkeys(value.replace(",", " ").split()))
    return ",".join(_one_word(scope) for scope in found)


class IdentityForm(DirectoryForm):
    step = "identity"
    field_order = ("kind", "issuer_url", "ca", "client_id", "client_secret", "groups_claim", "scopes")

    kind = ChoiceField(
        label=gettext_lazy("Sign-in method"),
        help_text=gettext_lazy("Prefer an identity provider if you have one: passwords never leave it."),
        parse=one_of(answer_keys.FEDERATED, answer_keys.LDAP),
    )
    issuer_url = AnswerField(
        label=gettext_lazy("Issuer URL"),
        help_text=gettext_lazy(
            "Exactly the issuer in the provider's discovery document, which is at "
            "/.well-known/openid-configuration below this URL."
        ),
        example="https://idp.example.com/realms/tmc",
        parse=parse_issuer,
    )
    client_id = AnswerField(label=gettext_lazy("Client ID"), example="tmc-sm", parse=_one_word)
    client_secret = SecretField(label=gettext_lazy("Client secret"))
    ca = CertificateField(
        label=gettext_lazy("CA certificate of the provider"),
        help_text=gettext_lazy(
            "PEM format. Only needed if this machine does not trust the CA that signed its certificate."
        ),
        rows=4,
    )
    groups_claim = AnswerField(
        label=gettext_lazy("Groups claim"),
        help_text=gettext_lazy("The claim of the ID token that lists a user's groups."),
        example="groups",
        parse=_one_word,
    )
    scopes = AnswerField(
        label=gettext_lazy("Scopes"),
        help_text=gettext_lazy(
            "Only needed to replace the default: openid, offline_access, email, profile. GitLab "
            "rejects offline_access; Dex requires groups."
        ),
        example="openid,offline_access,email,profile",
        parse=scopes,
    )
    admin_group = AnswerField(
        label=gettext_lazy("Administrators group"),
        help_text=gettext_lazy("Exactly as in the token, including case. For a directory, enter the CN of the group."),
        parse=_name,
    )
    member_group = AnswerField(label=gettext_lazy("Members group"), parse=_name)

    @classmethod
    def fixed_options(cls) -> dict[str, list[Option]]:
        return {
            "kind": [
                Option(answer_keys.FEDERATED, gettext("Identity provider"), gettext("OpenID Connect, single sign-on")),
                Option(answer_keys.LDAP, gettext("LDAP directory"), gettext("LDAP or Active Directory, over LDAPS")),
            ],
            "ldap_type": [
                Option(answer_keys.ACTIVE_DIRECTORY, "Active Directory"),
                Option("ldap", "LDAP"),
            ],
        }

    def clean(self) -> dict[str, Any]:
        """A default of the other kind of directory was not typed by anybody: it follows."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if "identity.ldap_type" in self.given.changed_choices:
            for name in FOLLOWING:
                if found.get(name) == self.given.default_before(self.key(name)):
                    found[name] = self.given.default(self.key(name))
        return found


def client(answers: Mapping[str, str]) -> str:
    """What to register at the provider, or to prepare in the directory."""
    if answer_keys.kind_of(answers) == answer_keys.LDAP:
        return account(answers)
    zone = answers["dns.zone"] or "tmc.example.com"
    claim = gettext("%(claim)s (list of group names, in the ID token)") % {"claim": answers["identity.groups_claim"]}
    return aligned(
        (
            (gettext("Redirect URI"), releases.chosen(answers).redirect_uri(zone)),
            (gettext("Grants"), gettext("authorization code, refresh token")),
            (gettext("Client"), gettext("confidential, with a client secret")),
            (gettext("Claim"), claim),
            (gettext("Groups"), f"{answers['identity.admin_group']}, {answers['identity.member_group']}"),
            (gettext("Users"), gettext("verified e-mail address, first and last name")),
        )
    )


def account(answers: Mapping[str, str]) -> str:
    groups = f"{answers['identity.admin_group']}, {answers['identity.member_group']}"
    users = {"filter": answers["identity.ldap_user_filter"], "attribute": answers["identity.ldap_user_attribute"]}
    return aligned(
        (
            (gettext("Account"), gettext("a service account that can read users, groups and their members; no expiry")),
            (gettext("Access"), gettext("LDAPS (636), from the pods of the cluster and from this machine")),
            (gettext("Groups"), gettext("%(groups)s (by their CN)") % {"groups": groups}),
            (gettext("Users"), gettext("%(filter)s, with %(attribute)s") % users),
            (gettext("Membership"), answers["identity.ldap_group_filter"]),
            (gettext("Certificate"), gettext("PEM of the root CA that issued the LDAPS certificate")),
        )
    )


STEP = Step(
    slug="identity",
    title=gettext_lazy("Identity provider"),
    lead=gettext_lazy(
        "Users sign in to Tanzu Mission Control with their existing accounts. Two groups determine their permissions."
    ),
    owner=gettext_lazy("The identity team that runs your single sign-on or your directory"),
    ask=(
        gettext_lazy("Will you register a confidential client with the redirect URI below, exactly as written?"),
        gettext_lazy("Does the ID token contain the groups, and does the client get refresh tokens?"),
        gettext_lazy("Who is in the administrators group? The first user to sign in must be a member."),
        gettext_lazy("Which CA signed the provider's certificate?"),
        gettext_lazy("With a directory: is there a service account that can read users and groups over LDAPS?"),
    ),
    form=IdentityForm,
    handout_title=gettext_lazy("What to prepare"),
    handout=client,
    presets=PRESETS,
)
