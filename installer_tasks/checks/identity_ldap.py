"""Judging the directory: what each stage of facts/identity_ldap.py shows. A stage needs the one before it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from installer_tasks.answers import LDAP
from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

HOST = ("identity.ldap_host",)
SECURED = (*HOST, "identity.ldap_ca")
ACCOUNT = (*SECURED, "identity.ldap_username", "identity.ldap_password")
USER = (*ACCOUNT, "identity.ldap_type", "identity.ldap_user_base", "identity.ldap_user_filter",
        "identity.ldap_user_attribute", "identity.ldap_test_user")  # fmt: skip
NAMES = ("identity.admin_group", "identity.member_group")
GROUPS = (*ACCOUNT, "identity.ldap_group_base", *NAMES)
#: A certificate that ends sooner is renewed before the installation, not after.
DAYS_LEFT = 30
NOBODY_NAMED = _("Not tried: no test user is named on this page.")


def _connect(facts: Facts) -> Verdict:
    found = facts("identity", "ldap_connect")
    return passed(_("%(place)s answers at %(address)s."), place=found["place"], address=found["address"],
                  evidence=found)  # fmt: skip


def _tls(facts: Facts) -> Verdict:
    found = facts("identity", "ldap_tls")
    return passed(_("%(place)s presents a trusted certificate for its name (%(protocol)s)."), place=found["place"],
                  protocol=found["protocol"], evidence=found)  # fmt: skip


def _certificate(facts: Facts) -> Verdict:
    found = facts("identity", "ldap_tls")
    return lasting(found["place"], found["expires"], found["days"], found)


def lasting(address: str, expires: str, days: int, evidence: Mapping[str, Any]) -> Verdict:
    """Whether the certificate of whoever signs people in outlasts the installation by far."""
    if days >= DAYS_LEFT:
        return passed(_("The certificate is valid for %(days)d more days."), days=days, evidence=evidence)
    return Verdict(
        Level.WARN,
        text(_("The certificate of %(address)s ends on %(date)s."), address=address, date=expires),
        value=expires,
        cause=text(_("It is valid for %(days)d more days; from then on nobody can sign in."), days=days),
        remedy=text(_("Renew it now. Should another authority sign it, name that one on this page.")),
        evidence=evidence,
    )


def _bind(facts: Facts) -> Verdict:
    account = facts("identity", "ldap_bind")["account"]
    return passed(_("The service account %(account)s may sign in."), account=account, evidence={"account": account})


def _user_base(facts: Facts) -> Verdict:
    found = facts("identity", "ldap_user_base")
    return passed(_("%(dn)s is there to read."), dn=found["dn"], evidence=found)


def _group_base(facts: Facts) -> Verdict:
    found = facts("identity", "ldap_group_base")
    return passed(_("%(dn)s is there to read."), dn=found["dn"], evidence=found)


def _user_found(facts: Facts) -> Verdict:
    found = facts("identity", "ldap_user")
    hits, asked = found["hits"], found["asked"]
    if hits and not asked:
        return passed(_("The filter finds people below %(base)s."), base=found["base"], evidence=found)
    if len(hits) == 1 and not found["more"]:
        return passed(_("%(asked)s is %(dn)s, and nobody else."), asked=asked, dn=hits[0], evidence=found)
    return _several(facts, found) if hits else _nobody(facts, found)


def _nobody(facts: Facts, found: Mapping[str, Any]) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("The filter finds nobody called %(asked)s."), asked=found["asked"])
        if found["asked"]
        else text(_("The filter finds nobody at all.")),
        value=found["filter"],
        cause=text(_("Below %(base)s nothing matches it."), base=found["base"]),
        remedy=text(_("Check the name, the base and the attribute that the filter compares: Active Directory has "
                      "sAMAccountName and userPrincipalName, other directories mostly uid. This asks the same:")),
        command=_ldapsearch(facts, found["base"], found["filter"]),
        evidence=found,
    )  # fmt: skip


def _several(facts: Facts, found: Mapping[str, Any]) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("The filter finds more than one person called %(asked)s."), asked=found["asked"]),
        value="; ".join(found["hits"]),
        cause=text(_("Pinniped lets a person in only when the filter finds exactly one.")),
        remedy=text(_("Compare an attribute that is unique, or name a base below which each name occurs once. This "
                      "asks the same:")),
        command=_ldapsearch(facts, found["base"], found["filter"]),
        evidence=found,
    )  # fmt: skip


def _ldapsearch(facts: Facts, base: str, wanted: str) -> str:
    """The same question for the owner of the directory; -W asks them for the password."""
    answers = facts.answers
    place = answers["identity.ldap_host"]
    parts = ("ldapsearch", "-x", "-H", f"ldaps://{place}", "-D", answers["identity.ldap_username"], "-W", "-b", base,
             wanted)  # fmt: skip
    return " ".join(map(shlex.quote, parts))


def _user_name(facts: Facts) -> Verdict:
    found = facts("identity", "ldap_user")
    if not found["asked"]:
        return passed(NOBODY_NAMED)
    if found["name"]:
        return passed(_("%(asked)s will be known as %(name)s."), asked=found["asked"], name=found["name"],
                      evidence={"attribute": found["attribute"], "mail": found["mail"]})  # fmt: skip
    return Verdict(
        Level.FAIL,
        text(_("%(asked)s has no attribute %(attribute)s."), asked=found["asked"], attribute=found["attribute"]),
        value=found["attribute"],
        cause=text(_("Pinniped takes the user name from it, and lets nobody in without one.")),
        remedy=text(_("Name an attribute that everybody has; %(dn)s has: %(has)s."), dn=found["hits"][0],
                    has=", ".join(found["has"]) or "-"),
        evidence=found,
    )  # fmt: skip


def _sign_in(facts: Facts) -> Verdict:
    if not facts("identity", "ldap_user")["asked"]:
        return passed(NOBODY_NAMED)
    found = facts("identity", "ldap_sign_in")
    if not found["tried"]:
        return passed(_("Not tried: no password of the test user was typed."))
    if not found["error"]:
        return passed(_("%(dn)s may sign in with the password that was typed."), dn=found["dn"])
    error = found["error"]
    return Verdict(
        Level.FAIL,
        text(_("The test user cannot sign in.")),
        value=found["dn"],
        cause=Text.from_json(error["cause"]),
        remedy=text(_("Type the password of the test user again, or test with somebody else.")),
        evidence={"code": error["code"], "detail": error["detail"]},
    )


def _groups(facts: Facts) -> Verdict:
    found = facts("identity", "ldap_groups")
    bad = [found[role] for role in ("admin", "member") if not found[role]["exact"]]
    if not bad:
        names = ", ".join(found[role]["wanted"] for role in ("admin", "member"))
        return passed(_("Both groups are there: %(names)s."), names=names, evidence=found)
    group = bad[0]
    if group["found"]:
        return _other_case(group, found)
    return Verdict(
        Level.FAIL,
        text(_("There is no group %(wanted)s below the base of the groups."), wanted=group["wanted"]),
        value=", ".join(each["wanted"] for each in bad if not each["found"]),
        cause=text(_("It lies elsewhere: %(places)s."), places="; ".join(group["elsewhere"]))
        if group["elsewhere"]
        else text(_("No group of the directory that this account may read has this CN.")),
        remedy=text(_("Name a base that holds both groups, or have the group moved below it."))
        if group["elsewhere"]
        else text(_("Have the group made, or name on this page the groups that there are, by their CN.")),
        evidence=found,
    )


def _other_case(group: Mapping[str, Any], found: Mapping[str, Any]) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("The directory writes the group %(wanted)s in another way."), wanted=group["wanted"]),
        value=", ".join(group["found"]),
        cause=text(_("A directory does not tell upper and lower case apart; TMC-SM compares to the letter.")),
        remedy=text(_("Write %(found)s on this page."), found=group["found"][0]),
        evidence=found,
    )


def _role(facts: Facts) -> Verdict:
    user = facts("identity", "ldap_user")
    if not user["asked"]:
        return _untried()
    found, groups = facts("identity", "ldap_membership"), facts("identity", "groups")
    for role, template in (("admin", _("%(asked)s would enter as an administrator.")),
                           ("member", _("%(asked)s would enter as a member."))):  # fmt: skip
        if groups[role] in found["groups"]:
            return passed(template, asked=user["asked"], evidence=found)
    for how, told in (("by_member", _filter_blind), ("by_nesting", _only_nested)):
        missed = [groups[role] for role in ("admin", "member") if groups[role] in found[how]]
        if missed:
            return told(user["asked"], missed[0], found)
    return Verdict(
        Level.FAIL,
        text(_("%(asked)s would enter as nobody: no group of theirs gives a role."), asked=user["asked"]),
        value=", ".join(found["groups"]) or "-",
        cause=text(_("The filter of the groups gives them neither %(admin)s nor %(member)s."), admin=groups["admin"],
                   member=groups["member"]),
        remedy=text(_("Have %(asked)s put into one of the two groups, or test with somebody who is. This asks the "
                      "same:"), asked=user["asked"]),
        command=_ldapsearch(facts, found["base"], found["filter"]),
        evidence=found,
    )  # fmt: skip


def _filter_blind(asked: str, group: str, found: Mapping[str, Any]) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("%(asked)s is in %(group)s, but the filter of the groups does not find it."), asked=asked, group=group),
        value=found["filter"],
        cause=text(_("The group names its people in the attribute member; the filter compares something else.")),
        remedy=text(_("Use a filter that compares member, such as this one.")),
        command="(member={})",
        evidence=found,
    )


def _only_nested(asked: str, group: str, found: Mapping[str, Any]) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("%(asked)s is in %(group)s only through another group."), asked=asked, group=group),
        value=", ".join(found["groups"]) or "-",
        cause=text(_("The filter of the groups finds direct members alone.")),
        remedy=text(_("Use this filter, with which Active Directory looks through nested groups too.")),
        command="(&(objectClass=group)(member:1.2.840.113556.1.4.1941:={}))",
        evidence=found,
    )


def _untried() -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("Nobody knows yet whether people get their groups.")),
        value="-",
        cause=text(_("No test user is named on this page.")),
        remedy=text(_("Name somebody of the group of administrators as test user; no password is needed.")),
    )


def _check(name: str, title: str, reads: tuple[str, ...], judge: Any, *needs: str, strict: bool = False) -> Check:
    return Check(f"identity.ldap-{name}", title, Owner.IDENTITY, reads, judge, strict=strict, kind=LDAP,
                 needs=tuple(f"identity.ldap-{need}" for need in needs))  # fmt: skip


CHECKS = (
    _check("connect", _("The directory can be reached"), HOST, _connect, strict=True),
    _check("tls", _("The directory presents a trusted certificate"), SECURED, _tls, "connect", strict=True),
    _check("certificate", _("The certificate of the directory is valid for a while"), SECURED, _certificate, "tls"),
    _check("bind", _("The service account may sign in"), ACCOUNT, _bind, "tls", strict=True),
    _check("user-base", _("The base of the people is there"), (*ACCOUNT, "identity.ldap_user_base"), _user_base, "bind"),
    _check("user-found", _("The filter finds one person"), USER, _user_found, "user-base"),
    _check("user-name", _("A person has a user name"), USER, _user_name, "user-found"),
    _check("sign-in", _("The test user may sign in"), (*USER, "identity.ldap_test_password"), _sign_in, "user-found"),
    _check("group-base", _("The base of the groups is there"), (*ACCOUNT, "identity.ldap_group_base"), _group_base,
           "bind"),
    _check("groups-found", _("Both groups are there, written as on this page"), GROUPS, _groups, "group-base"),
    _check("role", _("The test user gets a role"), (*USER, *GROUPS, "identity.ldap_group_filter"), _role, "user-found",
           "groups-found"),
)  # fmt: skip
