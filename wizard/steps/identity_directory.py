"""The fields for LDAP and Active Directory, in the words of the team that runs the directory."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from installer_tasks.directory import parse_dn, parse_place, parse_template
from installer_tasks.errors import InputError
from installer_tasks.names import parse_zone
from installer_tasks.text import Text
from installer_tasks.text import mark as _
from wizard.steps.base import StepForm
from wizard.steps.fields import AnswerField, ChoiceField, DocumentField, SecretField, matching, one_of, pem

TYPES = ("activedirectory", "ldap")

_attribute = matching(
    r"[A-Za-z][A-Za-z0-9;-]*", _("This is no name of an attribute."), _("For example userPrincipalName, uid or mail.")
)
_line = matching(r"[^\x00-\x1f\x7f]+", _("It holds control characters."), _("Type the name again."))


def host(value: str) -> str:
    """As it was typed: the package takes host and port in one."""
    parse_place(value)
    return value


def domain(value: str) -> str:
    try:
        return parse_zone(value, field="")
    except InputError as error:
        remedy = Text(_("Give the domain as DNS writes it, for example corp.example."))
        raise InputError(error.cause, value=error.value, remedy=remedy, code="domain-malformed") from error


class DirectoryForm(StepForm):
    """The part of the page that is asked where people sign in with a directory."""

    ldap_type = ChoiceField(
        label=gettext_lazy("Kind of directory"),
        help_text=gettext_lazy("OpenLDAP, 389 Directory Server and their kin are LDAP. The filters below follow."),
        parse=one_of(*TYPES),
    )
    ldap_host = AnswerField(
        label=gettext_lazy("Host of the directory"),
        help_text=gettext_lazy(
            "A domain controller or LDAP server, with the port of LDAPS when it is not 636; 3269 is the global "
            "catalogue. By the name that its certificate holds."
        ),
        example="dc1.corp.example:636",
        parse=host,
    )
    ldap_ca = DocumentField(
        label=gettext_lazy("Certificate authority of the directory"),
        help_text=gettext_lazy("PEM of the root CA that issued the LDAPS certificate; mostly the enterprise CA."),
        accept=".pem,.crt,.cer,text/*",
        parse=pem,
        rows=4,
    )
    ldap_username = AnswerField(
        label=gettext_lazy("Service account"),
        help_text=gettext_lazy("Bind DN. It needs to read people, groups and their members, nothing else."),
        example="CN=svc-tmc,OU=services,DC=corp,DC=example",
        parse=parse_dn,
    )
    ldap_password = SecretField(
        label=gettext_lazy("Password of the service account"),
        help_text=gettext_lazy("Of an account whose password does not expire: on that day nobody signs in any more."),
    )
    ldap_domain = AnswerField(label=gettext_lazy("Domain"), example="corp.example", parse=domain)
    ldap_user_base = AnswerField(
        label=gettext_lazy("Base of the people"),
        help_text=gettext_lazy("DN below which everybody lies who will sign in; looked through to the bottom."),
        example="OU=users,DC=corp,DC=example",
        parse=parse_dn,
    )
    ldap_user_filter = AnswerField(
        label=gettext_lazy("Filter of the people"),
        help_text=gettext_lazy("{} is what a person types as user name. It must find exactly one entry."),
        parse=parse_template,
    )
    ldap_user_attribute = AnswerField(
        label=gettext_lazy("Attribute of the user name"),
        help_text=gettext_lazy("What TMC-SM will call the person; it must be there for everybody, and unique."),
        parse=_attribute,
    )
    ldap_group_base = AnswerField(
        label=gettext_lazy("Base of the groups"),
        help_text=gettext_lazy("DN below which both groups lie."),
        example="OU=groups,DC=corp,DC=example",
        parse=parse_dn,
    )
    ldap_group_filter = AnswerField(
        label=gettext_lazy("Filter of the groups"),
        help_text=gettext_lazy(
            "{} is the DN of the person. For nested groups in Active Directory write "
            "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:={}))."
        ),
        parse=parse_template,
    )
    ldap_test_user = AnswerField(
        label=gettext_lazy("Test user"),
        help_text=gettext_lazy(
            "Somebody of the group of administrators, as they will type their name. The checks look them up with the "
            "filters; it is not part of the installation."
        ),
        example="ada",
        parse=_line,
    )
    ldap_test_password = SecretField(
        label=gettext_lazy("Password of the test user"),
        help_text=gettext_lazy("Only to have the sign-in itself tried."),
    )
