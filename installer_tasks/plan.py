"""The plan: the frozen, complete, typed input of a run, and the `values.yaml` that follows from it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema
import yaml

from installer_tasks import answers as answer_keys
from installer_tasks import releases
from installer_tasks.errors import InputError
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

MASK = "••••••••"
#: Values of the block `ldap`, and what answers them.
_LDAP = {
    "type": "identity.ldap_type",
    "host": "identity.ldap_host",
    "username": "identity.ldap_username",
    "password": "identity.ldap_password",
    "domainName": "identity.ldap_domain",
    "userBaseDN": "identity.ldap_user_base",
    "userSearchFilter": "identity.ldap_user_filter",
    "userSearchAttributeUsername": "identity.ldap_user_attribute",
    "groupBaseDN": "identity.ldap_group_base",
    "groupSearchFilter": "identity.ldap_group_filter",
    "rootCA": "identity.ldap_ca",
}


@dataclass(frozen=True)
class Plan:
    """What one run carries out. Its answers include the secrets: never log it."""

    release: str
    answers: Mapping[str, str] = field(repr=False)

    @classmethod
    def from_answers(cls, answers: Mapping[str, str]) -> Plan:
        """Raises InputError when a required answer is missing or the release is not known."""
        for key in answer_keys.missing(answers):
            raise InputError(
                text(_("%(label)s has no answer."), label=key.label),
                field=key.name,
                remedy=text(_("Answer it on the page %(step)s."), step=key.step),
                code="answer-missing",
            )
        effective = answer_keys.with_defaults(answers)
        version = effective["bundle.release"]
        if version not in releases.known():
            raise InputError(
                text(_("Release %(version)s is not known to this installer."), version=version),
                field="bundle.release",
                value=version,
                remedy=text(_("Choose one of: %(known)s."), known=", ".join(releases.known())),
                code="release-unknown",
            )
        return cls(version, effective)

    def __getitem__(self, key: str) -> str:
        return self.answers[key]

    @property
    def zone(self) -> str:
        return self.answers["dns.zone"]

    @property
    def project(self) -> str:
        """Registry host and project, `harbor.example.com/tmc`."""
        return self.answers["registry.project"]

    @property
    def known(self) -> releases.Release:
        """What is known of the plan's release."""
        return releases.get(self.release)

    @property
    def identity_kind(self) -> str:
        return answer_keys.kind_of(self.answers)

    @property
    def console_url(self) -> str:
        return f"https://{self.zone}"

    def secret_values(self) -> tuple[str, ...]:
        return tuple(self.answers[key] for key in sorted(answer_keys.SECRETS) if self.answers[key])

    def trusted_cas(self) -> dict[str, str]:
        """The authorities TMC must trust: file name to PEM, each PEM once."""
        named = (
            ("tmc-ca.pem", self["certificates.ca"]),
            ("registry-ca.pem", self["registry.ca"]),
            ("identity-ca.pem", self["identity.ca"] if self.identity_kind == answer_keys.FEDERATED else ""),
        )
        found: dict[str, str] = {}
        for name, pem in named:
            if pem.strip() and pem.strip() not in (other.strip() for other in found.values()):
                found[name] = pem.strip() + "\n"
        return found

    def values(self) -> dict[str, Any]:
        """The values of the TMC package, as its schema wants them (facts: values that installed, 1.0 to 1.4.1)."""
        return {
            "harborProject": self.project,
            "dnsZone": self.zone,
            "clusterIssuer": self["certificates.cluster_issuer"],
            "size": self["services.size"],
            "authenticationType": self.identity_kind,
            "idpGroupRoles": {"admin": self["identity.admin_group"], "member": self["identity.member_group"]},
            **self._identity(),
            "postgres": {
                "userPassword": self["services.postgres_password"],
                "maxConnections": int(self["services.postgres_max_connections"]),
            },
            "minio": {"username": self["services.minio_username"], "password": self["services.minio_password"]},
            "contourEnvoy": self._ingress(),
            "trustedCAs": self.trusted_cas(),
            "telemetry": {"ceipOptIn": self["services.telemetry"] == "true", "ceipAgreement": False},
        }

    def _identity(self) -> dict[str, Any]:
        """The provider; or the directory, in front of which the sign-in service of TMC-SM is the issuer itself."""
        if self.identity_kind != answer_keys.LDAP:
            return {"oidc": self._oidc()}
        oidc = {"issuerType": "pinniped", "issuerURL": self.known.issuer_url(self.zone)}
        return {"oidc": oidc, "ldap": {name: self[key] for name, key in _LDAP.items() if self[key]}}

    def _oidc(self) -> dict[str, Any]:
        oidc: dict[str, Any] = {
            "issuerType": "pinniped",
            "issuerURL": self["identity.issuer_url"],
            "clientID": self["identity.client_id"],
            "clientSecret": self["identity.client_secret"],
            "claimGroups": self["identity.groups_claim"],
        }
        scopes = [scope for scope in self["identity.scopes"].replace(",", " ").split() if scope != "openid"]
        return {**oidc, "authorizationScopes": scopes} if scopes else oidc

    def _ingress(self) -> dict[str, Any]:
        optional = {
            "loadBalancerIP": self["services.load_balancer_ip"],
            "loadBalancerClass": self["services.load_balancer_class"],
        }
        return {"serviceType": self["services.service_type"], **{k: v for k, v in optional.items() if v}}

    def values_yaml(self, *, masked: bool) -> str:
        values = mask(self.values(), self.secret_values()) if masked else self.values()
        return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)

    def schema_errors(self) -> tuple[Text, ...]:
        """Where the values break the release's schema; empty when they are valid."""
        validator = jsonschema.Draft7Validator(self.known.values_schema)
        return tuple(
            text(
                _("%(where)s: %(problem)s"),
                where=".".join(map(str, error.absolute_path)) or "values.yaml",
                problem=_problem(error),
            )
            for error in validator.iter_errors(self.values())
        )

    def fingerprint(self, keys: Iterable[str], digest: Callable[[str], str]) -> str:
        """Tells whether any of these answers changed; `digest` is the workspace's keyed one."""
        return digest(json.dumps({key: self.answers.get(key, "") for key in sorted(keys)}))


def _problem(error: jsonschema.ValidationError) -> str:
    """The rule that is broken, without the value: it may be a secret."""
    return f"{error.validator} {json.dumps(error.validator_value)}"[:300]


def mask(data: Any, secrets: Iterable[str]) -> Any:
    """The same structure with every string that is one of the secrets replaced by dots."""
    hidden = frozenset(secrets)
    if isinstance(data, dict):
        return {key: mask(value, hidden) for key, value in data.items()}
    if isinstance(data, list):
        return [mask(value, hidden) for value in data]
    return MASK if isinstance(data, str) and data in hidden else data


class _Dumper(yaml.SafeDumper):
    """Writes PEMs as block scalars, as people expect to read them."""


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _string)


def content_fingerprint(data: Any) -> str:
    """A plain digest of plain data, for things that are not secret."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()[:32]
