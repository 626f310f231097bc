"""Every answer there is: its key, the step that asks it, whether it is secret, and its default.

One line here and one form field make a new answer; plan, values, review, export and redaction follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from installer_tasks import releases
from installer_tasks.releases import settings
from installer_tasks.text import mark as _

STEPS = ("bundle", "cluster", "dns", "identity", "registry", "certificates", "services")


FEDERATED, LDAP = "federated", "ldap"
NATIVE, VENDOR = "native", "vendor"
ACTIVE_DIRECTORY = "activedirectory"
_USERS, _GROUPS = "(&(objectClass=person)(sAMAccountName={}))", "(&(objectClass=group)(member={}))"


@dataclass(frozen=True)
class Key:
    """One answer of the wizard; `name` is `<step>.<field>`."""

    name: str
    label: str
    default: str = ""
    secret: bool = False
    required: bool = True
    kind: str = ""  #: of identity, where only one of the two is asked for this
    other_default: str = ""  #: for a directory that is not Active Directory

    @property
    def step(self) -> str:
        return self.name.partition(".")[0]

    @property
    def field(self) -> str:
        return self.name.partition(".")[2]


# fmt: off
KEYS: tuple[Key, ...] = (
    Key("bundle.path", _("Bundle folder")),
    Key("bundle.archive", _("Downloaded file"), required=False),
    Key("bundle.checksum", _("SHA-256 of the download"), required=False),
    Key("bundle.release", _("Release")),
    Key("bundle.engine", _("Push engine"), default=NATIVE),
    Key("cluster.kubeconfig", _("Kubeconfig"), secret=True),
    Key("cluster.context", _("Context")),
    Key("dns.zone", _("DNS zone")),
    Key("dns.server", _("DNS server to query"), required=False),
    Key("identity.kind", _("Sign-in method"), default=FEDERATED),
    Key("identity.issuer_url", _("Issuer URL"), kind=FEDERATED),
    Key("identity.client_id", _("Client ID"), kind=FEDERATED),
    Key("identity.client_secret", _("Client secret"), secret=True, kind=FEDERATED),
    Key("identity.ca", _("CA certificate of the provider"), required=False, kind=FEDERATED),
    Key("identity.groups_claim", _("Groups claim"), default="groups", kind=FEDERATED),
    Key("identity.scopes", _("Scopes"), required=False, kind=FEDERATED),
    Key("identity.ldap_type", _("Directory type"), default=ACTIVE_DIRECTORY, kind=LDAP),
    Key("identity.ldap_host", _("Directory host"), kind=LDAP),
    Key("identity.ldap_ca", _("CA certificate of the directory"), required=False, kind=LDAP),
    Key("identity.ldap_username", _("Service account"), kind=LDAP),
    Key("identity.ldap_password", _("Service account password"), secret=True, kind=LDAP),
    Key("identity.ldap_domain", _("Domain"), kind=LDAP),
    Key("identity.ldap_user_base", _("User base"), kind=LDAP),
    Key("identity.ldap_user_filter", _("User filter"), default=_USERS, kind=LDAP,
        other_default="(&(objectClass=inetOrgPerson)(uid={}))"),
    Key("identity.ldap_user_attribute", _("User name attribute"), default="userPrincipalName", kind=LDAP,
        other_default="uid"),
    Key("identity.ldap_group_base", _("Group base"), kind=LDAP),
    Key("identity.ldap_group_filter", _("Group filter"), default=_GROUPS, kind=LDAP,
        other_default="(&(objectClass=groupOfNames)(member={}))"),
    Key("identity.ldap_test_user", _("Test user"), required=False, kind=LDAP),
    Key("identity.ldap_test_password", _("Test user password"), required=False, secret=True, kind=LDAP),
    Key("identity.admin_group", _("Administrators group"), default="tmc:admin"),
    Key("identity.member_group", _("Members group"), default="tmc:member"),
    Key("registry.project", _("Registry project")),
    Key("registry.username", _("Registry user")),
    Key("registry.password", _("Registry password"), secret=True),
    Key("registry.ca", _("CA certificate of the registry"), required=False),
    Key("certificates.cluster_issuer", _("ClusterIssuer")),
    Key("certificates.ca", _("CA certificate of the issuer")),
    Key("services.size", _("Size"), default="small"),
    Key("services.postgres_password", _("PostgreSQL password"), secret=True),
    Key("services.postgres_max_connections", _("PostgreSQL connections"), default="300"),
    Key("services.minio_username", _("MinIO user"), default="root"),
    Key("services.minio_password", _("MinIO password"), secret=True),
    Key("services.redis_password", _("Redis password"), secret=True),
    Key("services.service_type", _("Service type"), default="LoadBalancer"),
    Key("services.load_balancer_ip", _("Load balancer address"), required=False),
    Key("services.load_balancer_class", _("Load balancer class"), required=False),
    Key("services.telemetry", _("Send usage data to VMware"), default="false"),
)

# fmt: on
DESCRIBED, SETTINGS = releases.DESCRIBED, "services.settings"
#: Beside what the steps ask: what the download says of an unknown release, and values set on the page All settings.
CARRIED: tuple[Key, ...] = (
    Key(DESCRIBED, _("Values of the release"), required=False),
    Key(SETTINGS, _("All settings"), required=False, secret=True),
)
BY_NAME: Mapping[str, Key] = {key.name: key for key in (*KEYS, *CARRIED)}
SECRETS = frozenset(key.name for key in BY_NAME.values() if key.secret)


def of_step(step: str) -> tuple[Key, ...]:
    return tuple(key for key in KEYS if key.step == step)


def secret_texts(answers: Mapping[str, str]) -> Iterator[str]:
    """Every text in the answers that must not be shown."""
    yield from (answers[key] for key in sorted(SECRETS) if answers.get(key))
    yield from settings.secrets(settings.loaded(answers.get(SETTINGS, "")))


def applies(key: Key, answers: Mapping[str, str]) -> bool:
    """Whether this is asked at all: a directory has no issuer, a provider no bases, and not every release has both."""
    return key.kind in ("", kind_of(answers)) and releases.asks(releases.chosen(answers), key.name)


def kind_of(answers: Mapping[str, str]) -> str:
    """How people sign in; whatever is not one of the two is refused where it is typed."""
    if answers.get("identity.kind") != LDAP or not releases.asks(releases.chosen(answers), "identity.kind"):
        return FEDERATED
    return LDAP


def default(key: Key, answers: Mapping[str, str]) -> str:
    other = answers.get("identity.ldap_type") or ACTIVE_DIRECTORY
    return key.other_default if key.other_default and other != ACTIVE_DIRECTORY else key.default


def with_defaults(answers: Mapping[str, str]) -> dict[str, str]:
    """Every key with its answer, else its default; the default too where the release has no use for an answer."""
    release = releases.chosen(answers)
    asked = {
        key.name: (answers.get(key.name) if releases.asks(release, key.name) else "") or default(key, answers)
        for key in KEYS
    }
    return asked | {key.name: answers.get(key.name, "") for key in CARRIED}


def missing(answers: Mapping[str, str]) -> tuple[Key, ...]:
    """Required keys that have neither an answer nor a default."""
    effective = with_defaults(answers)
    return tuple(key for key in KEYS if key.required and applies(key, answers) and not effective[key.name])
