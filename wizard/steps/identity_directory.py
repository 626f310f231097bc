"""The fields for LDAP and Active Directory, in the words of the team that runs the directory."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from installer_tasks.errors import InputError
from installer_tasks.systems.directory import parse_dn, parse_place, parse_template
from installer_tasks.systems.dns.resolver import parse_zone
from installer_tasks.text import Text
from installer_tasks.text import mark as _
from wizard.steps.base import StepForm
from wizard.steps.fields import AnswerField, CertificateField, ChoiceField, SecretField, matching, one_of

TYPES = ("activedirectory", "ldap")

_attribute = matching(
    r"[A-Za-z][A-Za-z0-9;-]*", _("This is not an attribute name."), _("For example userPrincipalName, uid or mail.")
)
_line = matching(r"[^\x00-\x1f\x7f]+", _("It contains control characters."), _("Enter the name again."))


def host(value: str) -> str:
    """As it was typed: the package takes host and port in one."""
    parse_place(value)
    return value


def domain(value: str) -> str:
    try:
        return parse_zone(value, field="")
    except InputError as error:
        remedy = Text(_("Enter the domain as a DNS name, for example corp.example."))
        raise InputError(error.cause, value=error.value, remedy=remedy, code="domain-malformed") from error


class DirectoryForm(StepForm):
    """The part of the page that is asked where people sign in with a directory."""

    ldap_type = ChoiceField(
        label=gettext_lazy("Directory type"),
        help_text=gettext_lazy(
            "For OpenLDAP, 389 Directory Server and similar servers, choose "
            "LDAP. The default filters below change accordingly."
        ),
        parse=one_of(*TYPES),
    )
    ldap_host = AnswerField(
        label=gettext_lazy("Directory host"),
        help_text=gettext_lazy(
            "A domain controller or LDAP server, with the LDAPS port if it is not 636; the global "
            "catalog uses 3269. Use the name in its certificate."
        ),
        example="dc1.corp.example:636",
        parse=host,
    )
    ldap_ca = CertificateField(
        label=gettext_lazy("CA certificate of the directory"),
        help_text=gettext_lazy(
            "The root CA certificate that issued the LDAPS certificate, in PEM format; usually the enterprise CA."
        ),
        rows=4,
    )
    ldap_username = AnswerField(
        label=gettext_lazy("Service account"),
        help_text=gettext_lazy("Bind DN. It needs permission only to read users, groups and their members."),
        example="CN=svc-tmc,OU=services,DC=corp,DC=example",
        parse=parse_dn,
    )
    ldap_password = SecretField(
        label=gettext_lazy("Service account password"),
        help_text=gettext_lazy(
            "Use an account whose password does not expire; when it expires, users can no longer sign in."
        ),
    )
    ldap_domain = AnswerField(label=gettext_lazy("Domain"), example="corp.example", parse=domain)
    ldap_user_base = AnswerField(
        label=gettext_lazy("User base"),
        help_text=gettext_lazy("The DN below which all users are who will sign in. The search includes all levels."),
        example="OU=users,DC=corp,DC=example",
        parse=parse_dn,
    )
    ldap_user_filter = AnswerField(
        label=gettext_lazy("User filter"),
        help_text=gettext_lazy("{} is the user name entered at sign-in. The filter must find exactly one entry."),
        parse=parse_template,
    )
    ldap_user_attribute = AnswerField(
        label=gettext_lazy("User name attribute"),
        help_text=gettext_lazy("The user's name in TMC-SM. Every user must have this attribute, with a unique value."),
        parse=_attribute,
    )
    ldap_group_base = AnswerField(
        label=gettext_lazy("Group base"),
        help_text=gettext_lazy("The DN below which both groups are."),
        example="OU=groups,DC=corp,DC=example",
        parse=parse_dn,
    )
    ldap_group_filter = AnswerField(
        label=gettext_lazy("Group filter"),
        help_text=gettext_lazy(
            "{} is the user's DN. For nested groups in Active Directory, use "
            "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:={}))."
        ),
        parse=parse_template,
    )
    ldap_test_user = AnswerField(
        label=gettext_lazy("Test user"),
        help_text=gettext_lazy(
            "A member of the administrators group, by the user name they sign in with. The checks "
            "search for it with the filters; it is not part of the installation."
        ),
        example="ada",
        parse=_line,
    )
    ldap_test_password = SecretField(
        label=gettext_lazy("Test user password"),
        help_text=gettext_lazy("Only needed to test the sign-in itself."),
    )
