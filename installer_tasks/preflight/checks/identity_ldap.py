"""Judging the directory: what each stage of facts/identity_ldap.py shows. A stage needs the one before it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from installer_tasks.answer_keys import LDAP
from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.shapes import identity as shapes
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

HOST = ("identity.ldap_host",)
SECURED = (*HOST, "identity.ldap_ca")
ACCOUNT = (*SECURED, "identity.ldap_username", "identity.ldap_password")
USER = (*ACCOUNT, "identity.ldap_type", "identity.ldap_user_base", "identity.ldap_user_filter",
        "identity.ldap_user_attribute", "identity.ldap_test_user")  # fmt: skip
NAMES = ("identity.admin_group", "identity.member_group")
GROUPS = (*ACCOUNT, "identity.ldap_group_base", *NAMES)
#: A certificate that ends sooner is renewed before the installation, not after.
DAYS_LEFT = 30
NOBODY_NAMED = _("Not checked: no test user is entered on this page.")


def _connect(facts: Facts) -> Verdict:
    found = facts(shapes.LDAP_CONNECT)
    return passed(_("%(place)s is reachable at %(address)s."), place=found["place"], address=found["address"],
                  evidence=found)  # fmt: skip


def _tls(facts: Facts) -> Verdict:
    found = facts(shapes.LDAP_TLS)
    return passed(_("%(place)s presents a trusted certificate for its name (%(protocol)s)."), place=found["place"],
                  protocol=found["protocol"], evidence=found)  # fmt: skip


def _certificate(facts: Facts) -> Verdict:
    found = facts(shapes.LDAP_TLS)
    return lasting(found["place"], found["expires"], found["days"], found)


def lasting(address: str, expires: str, days: int, evidence: Mapping[str, Any]) -> Verdict:
    """Whether the certificate of whoever signs people in outlasts the installation by far."""
    if days >= DAYS_LEFT:
        return passed(
            ngettext(
                "The certificate is valid for %(days)d more day.", "The certificate is valid for %(days)d more days."
            ),
            days=days,
            evidence=evidence,
        )
    return Verdict(
        Level.WARN,
        text(_("The certificate of %(address)s expires on %(date)s."), address=address, date=expires),
        value=expires,
        cause=text(
            ngettext(
                "It is valid for %(days)d more day; after that, users cannot sign in.",
                "It is valid for %(days)d more days; after that, users cannot sign in.",
            ),
            days=days,
        ),
        remedy=text(_("Renew it now. If another CA signs it, enter that CA certificate on this page.")),
        evidence=evidence,
    )


def _bind(facts: Facts) -> Verdict:
    account = facts(shapes.LDAP_BIND)["account"]
    return passed(_("The service account %(account)s can sign in."), account=account, evidence={"account": account})


def _user_base(facts: Facts) -> Verdict:
    found = facts(shapes.LDAP_USER_BASE)
    return passed(_("%(dn)s exists and is readable."), dn=found["dn"], evidence=found)


def _group_base(facts: Facts) -> Verdict:
    found = facts(shapes.LDAP_GROUP_BASE)
    return passed(_("%(dn)s exists and is readable."), dn=found["dn"], evidence=found)


def _user_found(facts: Facts) -> Verdict:
    found = facts(shapes.LDAP_USER)
    hits, asked = found["hits"], found["asked"]
    if hits and not asked:
        return passed(_("The filter finds users below %(base)s."), base=found["base"], evidence=found)
    if len(hits) == 1 and not found["more"]:
        return passed(_("%(asked)s matches exactly one user: %(dn)s."), asked=asked, dn=hits[0], evidence=found)
    return _several(facts, found) if hits else _nobody(facts, found)


def _nobody(facts: Facts, found: shapes.Sought) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("The filter finds no user named %(asked)s."), asked=found["asked"])
        if found["asked"]
        else text(_("The filter finds no users.")),
        value=found["filter"],
        cause=text(_("Nothing below %(base)s matches it."), base=found["base"]),
        remedy=text(_("Check the name, the base and the attribute in the filter: Active Directory uses sAMAccountName and userPrincipalName, most other directories use uid. Run the same query:")),
        command=_ldapsearch(facts, found["base"], found["filter"]),
        evidence=found,
    )  # fmt: skip


def _several(facts: Facts, found: shapes.Sought) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("The filter finds more than one user named %(asked)s."), asked=found["asked"]),
        value="; ".join(found["hits"]),
        cause=text(_("Pinniped signs a user in only if the filter finds exactly one.")),
        remedy=text(_("Use an attribute that is unique, or a base below which each name occurs once. Run the same query:")),
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
    found = facts(shapes.LDAP_USER)
    if not found["asked"]:
        return passed(NOBODY_NAMED)
    if found["name"]:
        return passed(_("The user name of %(asked)s will be %(name)s."), asked=found["asked"], name=found["name"],
                      evidence={"attribute": found["attribute"], "mail": found["mail"]})  # fmt: skip
    return Verdict(
        Level.FAIL,
        text(_("%(asked)s has no attribute %(attribute)s."), asked=found["asked"], attribute=found["attribute"]),
        value=found["attribute"],
        cause=text(_("Pinniped reads the user name from it, and rejects users without it.")),
        remedy=text(_("Enter an attribute that every user has; %(dn)s has: %(has)s."), dn=found["hits"][0],
                    has=", ".join(found["has"]) or "-"),
        evidence=found,
    )  # fmt: skip


def _sign_in(facts: Facts) -> Verdict:
    if not facts(shapes.LDAP_USER)["asked"]:
        return passed(NOBODY_NAMED)
    found = facts(shapes.LDAP_SIGN_IN)
    if not found["tried"]:
        return passed(_("Not checked: no password was entered for the test user."))
    if not found["error"]:
        return passed(_("%(dn)s can sign in with the password you entered."), dn=found["dn"])
    error = found["error"]
    return Verdict(
        Level.FAIL,
        text(_("The test user cannot sign in.")),
        value=found["dn"],
        cause=Text.from_json(error["cause"]),
        remedy=text(_("Enter the test user's password again, or use another test user.")),
        evidence={"code": error["code"], "detail": error["detail"]},
    )


def _groups(facts: Facts) -> Verdict:
    found = facts(shapes.LDAP_GROUPS)
    bad = [found[role] for role in ("admin", "member") if not found[role]["exact"]]
    if not bad:
        names = ", ".join(found[role]["wanted"] for role in ("admin", "member"))
        return passed(_("Both groups exist: %(names)s."), names=names, evidence=found)
    group = bad[0]
    if group["found"]:
        return _other_case(group, found)
    return Verdict(
        Level.FAIL,
        text(_("Group %(wanted)s does not exist below the group base."), wanted=group["wanted"]),
        value=", ".join(each["wanted"] for each in bad if not each["found"]),
        cause=text(_("It exists elsewhere: %(places)s."), places="; ".join(group["elsewhere"]))
        if group["elsewhere"]
        else text(_("No group that this account can read has this CN.")),
        remedy=text(
            _("Enter a base that contains both groups, or ask the directory administrator to move the group below it.")
        )
        if group["elsewhere"]
        else text(
            _("Ask the directory administrator to create the group, or enter the CNs of existing groups on this page.")
        ),
        evidence=found,
    )


def _other_case(group: shapes.Group, found: dict[str, shapes.Group]) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("The directory spells the group %(wanted)s differently."), wanted=group["wanted"]),
        value=", ".join(group["found"]),
        cause=text(_("The directory ignores case, but TMC-SM compares names exactly.")),
        remedy=text(_("Enter %(found)s on this page."), found=group["found"][0]),
        evidence=found,
    )


def _role(facts: Facts) -> Verdict:
    user = facts(shapes.LDAP_USER)
    if not user["asked"]:
        return _untried()
    found, groups = facts(shapes.LDAP_MEMBERSHIP), facts(shapes.GROUPS)
    for role, template in (("admin", _("%(asked)s would sign in as an administrator.")),
                           ("member", _("%(asked)s would sign in as a member."))):  # fmt: skip
        if groups[role] in found["groups"]:
            return passed(template, asked=user["asked"], evidence=found)
    for holding, told in ((found["by_member"], _filter_blind), (found["by_nesting"], _only_nested)):
        missed = [groups[role] for role in ("admin", "member") if groups[role] in holding]
        if missed:
            return told(user["asked"], missed[0], found)
    return Verdict(
        Level.FAIL,
        text(_("%(asked)s would get no role: none of their groups grants one."), asked=user["asked"]),
        value=", ".join(found["groups"]) or "-",
        cause=text(_("The group filter finds neither %(admin)s nor %(member)s for this user."), admin=groups["admin"],
                   member=groups["member"]),
        remedy=text(_("Add %(asked)s to one of the two groups, or test with a user who is a member. Run the same query:"), asked=user["asked"]),
        command=_ldapsearch(facts, found["base"], found["filter"]),
        evidence=found,
    )  # fmt: skip


def _filter_blind(asked: str, group: str, found: shapes.Membership) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("%(asked)s is in %(group)s, but the group filter does not find that group."), asked=asked, group=group),
        value=found["filter"],
        cause=text(_("The group lists its members in the attribute member; the filter uses another attribute.")),
        remedy=text(_("Use a filter on member, such as this one.")),
        command="(member={})",
        evidence=found,
    )


def _only_nested(asked: str, group: str, found: shapes.Membership) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("%(asked)s is in %(group)s only through another group."), asked=asked, group=group),
        value=", ".join(found["groups"]) or "-",
        cause=text(_("The group filter finds only direct members.")),
        remedy=text(_("Use this filter, which makes Active Directory search nested groups.")),
        command="(&(objectClass=group)(member:1.2.840.113556.1.4.1941:={}))",
        evidence=found,
    )


def _untried() -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("It is unknown whether users get their groups.")),
        value="-",
        cause=text(_("No test user is entered on this page.")),
        remedy=text(_("Enter a member of the administrators group as test user; no password is needed.")),
    )


def _check(name: str, title: str, reads: tuple[str, ...], judge: Any, *needs: str, strict: bool = False) -> Check:
    return Check(f"identity.ldap-{name}", title, Owner.IDENTITY, reads, judge, strict=strict, kind=LDAP,
                 needs=tuple(f"identity.ldap-{need}" for need in needs))  # fmt: skip


CHECKS = (
    _check("connect", _("The LDAP directory is reachable"), HOST, _connect, strict=True),
    _check("tls", _("The directory presents a trusted certificate"), SECURED, _tls, "connect", strict=True),
    _check("certificate", _("The directory's certificate does not expire soon"), SECURED, _certificate, "tls"),
    _check("bind", _("The service account can sign in"), ACCOUNT, _bind, "tls", strict=True),
    _check("user-base", _("The user base exists"), (*ACCOUNT, "identity.ldap_user_base"), _user_base, "bind"),
    _check("user-found", _("The filter finds exactly one user"), USER, _user_found, "user-base"),
    _check("user-name", _("The user has a user name"), USER, _user_name, "user-found"),
    _check("sign-in", _("The test user can sign in"), (*USER, "identity.ldap_test_password"), _sign_in, "user-found"),
    _check("group-base", _("The group base exists"), (*ACCOUNT, "identity.ldap_group_base"), _group_base,
           "bind"),
    _check("groups-found", _("Both groups exist, spelled as on this page"), GROUPS, _groups, "group-base"),
    _check("role", _("The test user gets a role"), (*USER, *GROUPS, "identity.ldap_group_filter"), _role, "user-found",
           "groups-found"),
)  # fmt: skip
