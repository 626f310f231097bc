"""Facts of the identity provider, or of the directory where people sign in with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from installer_tasks.preflight.shapes.base import Error, Fact


class Discovery(TypedDict):
    """What a provider says of itself: as `identity.Discovery` has it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    scopes: Sequence[str]
    response_types: Sequence[str]
    grant_types: Sequence[str]
    auth_methods: Sequence[str]
    claims: Sequence[str]
    signing_algorithms: Sequence[str]
    challenge_methods: Sequence[str]
    userinfo_endpoint: str
    listed: Sequence[str]
    sent_on_to: str
    ahead: int | None


class Way(TypedDict):
    """The proxy by which this machine reached the provider; "" for the direct way."""

    host: str
    proxy: str


class Host(TypedDict):
    """As `identity.Host` has it."""

    address: str
    endpoints: Sequence[str]
    error: Error | None
    expires: str
    days: int


class Keys(TypedDict):
    """As `identity.KeySet` has it."""

    url: str
    total: int
    usable: int
    algorithms: Sequence[str]


class Client(TypedDict):
    """As `identity.ClientVerdict` has it."""

    client_id: str
    accepted: bool
    answer: str
    error: str
    number: str


class Redirect(TypedDict):
    """As `identity.RedirectVerdict` has it."""

    uri: str
    accepted: bool
    answer: str


class Request(TypedDict):
    """As `identity.RequestVerdict` has it."""

    scopes: Sequence[str]
    status: int
    error: str
    description: str


class Reached(TypedDict):
    """The name resolves, and something listens."""

    place: str
    address: str


class Secured(TypedDict):
    """Its certificate is for this name, and trusted."""

    place: str
    protocol: str
    issuer: str
    expires: str
    days: int


class Bound(TypedDict):
    """The service account may sign in."""

    account: str


class Base(TypedDict):
    """This part of the directory is there, for the service account to read."""

    dn: str


class Sought(TypedDict):
    """What the filter found: `asked` is the name that was put in, "" for anybody."""

    base: str
    filter: str
    asked: str
    hits: Sequence[str]
    more: bool
    referrals: int
    attribute: str  #: that holds the user name
    name: str  #: as TMC-SM will know the person
    mail: str
    has: Sequence[str]  #: attributes, of those that can be a user name


class SignedIn(TypedDict):
    """The person themselves with their password; `tried` only where one was typed."""

    dn: str
    tried: bool
    error: Error | None


class Group(TypedDict):
    """One of the two groups by name: below the base, and elsewhere in the directory where it is not."""

    wanted: str
    found: Sequence[str]
    dns: Sequence[str]
    elsewhere: Sequence[str]
    exact: bool


class Membership(TypedDict):
    """A person's groups as Pinniped would give them, and others that hold them: as a member, or by nesting alone."""

    dn: str
    base: str
    filter: str
    groups: Sequence[str]
    more: bool
    by_member: Sequence[str]
    by_nesting: Sequence[str]


GROUPS = Fact[dict[str, str]]("identity", "groups")  #: by role
DISCOVERY = Fact[Discovery]("identity", "discovery")
WAY = Fact[Way]("identity", "way")
HOSTS = Fact[list[Host]]("identity", "hosts")
KEYS = Fact[Keys]("identity", "keys")
CLIENT = Fact[Client]("identity", "client")
REDIRECT = Fact[Redirect]("identity", "redirect")
REQUEST = Fact[Request]("identity", "request")
LDAP_CONNECT = Fact[Reached]("identity", "ldap_connect")
LDAP_TLS = Fact[Secured]("identity", "ldap_tls")
LDAP_BIND = Fact[Bound]("identity", "ldap_bind")
LDAP_USER_BASE = Fact[Base]("identity", "ldap_user_base")
LDAP_USER = Fact[Sought]("identity", "ldap_user")
LDAP_GROUP_BASE = Fact[Base]("identity", "ldap_group_base")
LDAP_GROUPS = Fact[dict[str, Group]]("identity", "ldap_groups")  #: by role
LDAP_MEMBERSHIP = Fact[Membership]("identity", "ldap_membership")
LDAP_SIGN_IN = Fact[SignedIn]("identity", "ldap_sign_in")
