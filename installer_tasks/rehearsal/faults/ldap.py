"""Faults of the practice directory. Each with the answers of a customer whose people sign in with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.faults.base import Answering, Change, Fault, Variant
from installer_tasks.rehearsal.ldap_tree import PEOPLE, ROOT, group_dn, person_dn
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

NAMES = ("localhost", "127.0.0.1")
VALID = timedelta(days=365)
WRONG = "not-the-one"
ADA, ADMINS = "ada", "tmc:admin"
IN_CHAIN = "(&(objectClass=group)(member:1.2.840.113556.1.4.1941:={}))"


def _answers(test_user: str = ADA, **wrong: str) -> Answering:
    """Right for the directory, but for these."""
    changed = {f"identity.{key}": value for key, value in wrong.items()}
    return lambda estate: estate.directory_answers(test_user) | changed


def _plain(estate: Estate) -> Mapping[str, str]:
    return estate.directory_answers() | {"identity.ldap_host": estate.directory.plain_host}


def _another_ca(estate: Estate) -> Mapping[str, str]:
    another = PracticeCA.load_or_create(estate.folder / "another-ca")
    return estate.directory_answers() | {"identity.ldap_ca": another.ca_pem}


def _presenting(lifetime: timedelta = VALID, names: tuple[str, ...] = NAMES) -> Change:
    """The directory with another certificate."""

    def change(estate: Estate) -> Callable[[], None]:
        issued = estate.ca.issue_files(estate.folder / "tls", "directory-changed", names, lifetime=lifetime)
        estate.directory.present(*issued)
        return estate.directory.present

    return change


def _stopped(estate: Estate) -> Callable[[], None]:
    estate.directory.stop()

    def undo() -> None:
        estate.directory.start()

    return undo


def _second_ada(estate: Estate) -> Callable[[], None]:
    dn = f"CN=Ada Second,{PEOPLE}"
    estate.directory.tree.add(dn, objectClass=("top", "person", "user"), sAMAccountName=ADA)

    def undo() -> None:
        estate.directory.tree.remove(dn)

    return undo


def _group_outside(estate: Estate) -> Callable[[], None]:
    """The group of administrators in another part of the directory."""
    tree, outside = estate.directory.tree, f"CN={ADMINS},{ROOT}"
    tree.remove(group_dn(ADMINS))
    tree.add(outside, objectClass=("top", "group"), member=person_dn(ADA))

    def undo() -> None:
        tree.remove(outside)
        tree.add(group_dn(ADMINS), objectClass=("top", "group", "groupOfNames"), member=person_dn(ADA))

    return undo


RIGHT = _answers()

_REACHED = (
    Fault("ldap.stopped", _("The directory is not running"), "identity.ldap-connect", "refused the connection",
          change=_stopped, answers=RIGHT),
    Fault("ldap.plain-port", _("The LDAP port without TLS was entered"), "identity.ldap-tls", "without TLS",
          answers=_plain),
    Fault("ldap.another-authority", _("The certificate of the directory is signed by another CA "
                                      "than the one entered"),
          "identity.ldap-tls", "signed by an unknown CA", answers=_another_ca),
    Fault("ldap.certificate-name", _("The certificate of the directory is for another name"), "identity.ldap-tls",
          "does not cover this name", change=_presenting(names=("dc1.practice.example",)), answers=RIGHT),
    Fault("ldap.certificate-expired", _("The certificate of the directory has expired"), "identity.ldap-tls",
          "expired", change=_presenting(timedelta(days=-1)), answers=RIGHT),
    Fault("ldap.certificate-ends", _("The certificate of the directory expires in ten days"),
          "identity.ldap-certificate", "expires on", change=_presenting(timedelta(days=10)), answers=RIGHT),
)  # fmt: skip

_ACCOUNT = (
    Fault("ldap.bind-password", _("The service account password is wrong"), "identity.ldap-bind",
          "rejected the password", answers=_answers(ldap_password=WRONG)),
    Fault("ldap.bind-unknown", _("The service account does not exist"), "identity.ldap-bind", "has no account",
          answers=_answers(ldap_username=f"CN=svc-old,OU=services,{ROOT}")),
    Fault("ldap.account-locked", _("The service account is locked"), "identity.ldap-bind", "is locked",
          answers=RIGHT),
    Fault("ldap.busy", _("The directory is too busy"), "identity.ldap-bind", "did not complete the query", answers=RIGHT),
)  # fmt: skip

_PEOPLE = (
    Fault("ldap.user-base", _("The user base does not exist"), "identity.ldap-user-base", "OU=staff",
          answers=_answers(ldap_user_base=f"OU=staff,{ROOT}")),
    Fault("ldap.nobody-found", _("The user filter uses an attribute that contains another name"),
          "identity.ldap-user-found", "finds no user named ada",
          answers=_answers(ldap_user_filter="(&(objectClass=person)(mail={}))")),
    Fault("ldap.two-found", _("Two users in the directory have the same name"), "identity.ldap-user-found",
          "more than one", change=_second_ada, answers=RIGHT),
    Fault("ldap.no-user-name", _("Users lack the user name attribute"), "identity.ldap-user-name",
          "employeeNumber", answers=_answers(ldap_user_attribute="employeeNumber")),
    Fault("ldap.test-password", _("The test user cannot sign in"), "identity.ldap-sign-in", "rejected the password",
          answers=_answers(ldap_test_password=WRONG)),
)  # fmt: skip

_GROUPS = (
    Fault("ldap.group-base", _("The group base does not exist"), "identity.ldap-group-base", "OU=teams",
          answers=_answers(ldap_group_base=f"OU=teams,{ROOT}")),
    Fault("ldap.group-outside", _("The administrators group is outside the group base"),
          "identity.ldap-groups-found", "exists elsewhere", change=_group_outside, answers=RIGHT),
    Fault("ldap.group-case", _("The administrators group differs in case"),
          "identity.ldap-groups-found", "compares names exactly", answers=_answers(admin_group="TMC:Admin")),
    Fault("ldap.group-missing", _("The group does not exist in the directory"), "identity.ldap-groups-found",
          "tmc-admins", answers=_answers(admin_group="tmc-admins")),
    Fault("ldap.no-role", _("The test user is in neither group"), "identity.ldap-role", "neither tmc:admin",
          answers=_answers("nia")),
    Fault("ldap.nested-group", _("Users belong to their group only through another group"), "identity.ldap-role",
          "through another group", answers=_answers("mo")),
    Fault("ldap.group-filter", _("The group filter uses the wrong attribute"), "identity.ldap-role",
          "the filter uses another attribute",
          answers=_answers(ldap_group_filter="(&(objectClass=group)(uniqueMember={}))")),
)  # fmt: skip

FAULTS = (*_REACHED, *_ACCOUNT, *_PEOPLE, *_GROUPS)

VARIANTS = (
    Variant("healthy.ldap", _("Users sign in with Active Directory"), answers=RIGHT),
    Variant("healthy.ldap-nested", _("Nested groups, with a filter that searches them"),
            answers=_answers("mo", ldap_group_filter=IN_CHAIN)),
    Variant("healthy.openldap", _("Users sign in with a directory other than Active Directory"),
            answers=_answers(ldap_type="ldap", ldap_group_base=ROOT)),
)  # fmt: skip
