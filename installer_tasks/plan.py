"""The plan: the frozen, complete, typed input of a run, and the `values.yaml` that follows from it. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema
import yaml

from installer_tasks import answer_keys, releases
from installer_tasks.errors import InputError
from installer_tasks.releases import settings
from installer_tasks.releases.values import written
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

MASK = "••••••••"
#: Beside the answers: nobody enters them. The SHA-256 of the vendor's program, when that pushes; of what the bundle
#: pushes; and of the download that the folder was compared with, if it was.
PROGRAM_SHA256, CONTENT_SHA256, DOWNLOAD_SHA256 = "program-sha256", "content-sha256", "download-sha256"


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
                text(_("%(label)s has no value."), label=key.label),
                field=key.name,
                remedy=text(_("Enter it on the page %(step)s."), step=key.step),
                code="answer-missing",
            )
        effective = answer_keys.with_defaults(answers)
        version = effective["bundle.release"]
        if not releases.is_supported(version, effective[answer_keys.DESCRIBED]):
            raise InputError(
                text(_("This installer does not support release %(version)s."), version=version),
                field="bundle.release",
                value=version,
                remedy=text(
                    _("Run the checks of its bundle folder, or choose one of: %(known)s."),
                    known=", ".join(releases.known()),
                ),
                code="release-unknown",
            )
        return cls(version, effective)

    def __getitem__(self, key: str) -> str:
        return self.answers[key]

    def pinning(self, **sha256: str) -> Plan:
        """The same plan, with what was checked: the `program` that may run, the `content` to push, the `download`."""
        names = {"program": PROGRAM_SHA256, "content": CONTENT_SHA256, "download": DOWNLOAD_SHA256}
        return Plan(self.release, {**self.answers, **{names[what]: digest for what, digest in sha256.items()}})

    @property
    def program_sha256(self) -> str:
        """Empty when no program is to run."""
        return self.answers.get(PROGRAM_SHA256, "")

    @property
    def content_sha256(self) -> str:
        """Of what may be pushed; empty in a plan of an earlier version of the installer."""
        return self.answers.get(CONTENT_SHA256, "")

    @property
    def download_sha256(self) -> str:
        """Of the file that the folder holds the content of; empty when none was compared."""
        return self.answers.get(DOWNLOAD_SHA256, "")

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
        return releases.named(self.release, self.answers.get(answer_keys.DESCRIBED, ""))

    @property
    def identity_kind(self) -> str:
        return answer_keys.kind_of(self.answers)

    @property
    def console_url(self) -> str:
        return f"https://{self.zone}"

    def secret_values(self) -> tuple[str, ...]:
        return tuple(answer_keys.secret_texts(self.answers))

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
        """The values of the TMC package, as the release's schema wants them."""
        asked = written(self.known.values_schema, self.known.sources, self._value)
        return settings.merged(asked, self.own_values, self.known.values_schema)

    @property
    def own_values(self) -> dict[str, Any]:
        """The values that were set on the page All settings; they win."""
        return settings.loaded(self.answers.get(answer_keys.SETTINGS, ""))

    def missing_values(self) -> tuple[settings.Path, ...]:
        """Places of required values that nobody has set yet."""
        return tuple(settings.missing(self.known.values_schema, self.values()))

    def _value(self, source: releases.Source) -> Any:
        """What the answers make of it; empty where it is not asked for."""
        if source.derived:
            return self._derived()[source.derived]()
        key = answer_keys.BY_NAME[source.answer]
        return self[key.name] if answer_keys.applies(key, self.answers) else ""

    def _derived(self) -> Mapping[str, Callable[[], Any]]:
        return {"trusted-authorities": self.trusted_cas, "issuer-url": self._issuer_url, "scopes": self._scopes}

    def _issuer_url(self) -> str:
        """The provider's; with a directory the sign-in service of TMC-SM in front of it is the issuer itself."""
        if self.identity_kind == answer_keys.LDAP:
            return self.known.issuer_url(self.zone)
        return self["identity.issuer_url"]

    def _scopes(self) -> list[str]:
        if self.identity_kind == answer_keys.LDAP:
            return []
        return [scope for scope in self["identity.scopes"].replace(",", " ").split() if scope != "openid"]

    def values_yaml(self, *, masked: bool) -> str:
        values = mask(self.values(), self.secret_values()) if masked else self.values()
        return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)

    def schema_errors(self) -> tuple[Text, ...]:
        """Where the values break the release's schema; empty when they are valid."""
        return self.errors_against(self.known.values_schema)

    def errors_against(self, schema: Mapping[str, Any]) -> tuple[Text, ...]:
        """Where the values break this schema of the package."""
        validator = jsonschema.Draft7Validator(schema)
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


#: As YAML readers in Go see one; PyYAML would write some of these plain.
_NUMBER = re.compile(r"[-+]?\.?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|0[oxb][0-9a-fA-F_]+")


class _Dumper(yaml.SafeDumper):
    """Writes PEMs as block scalars, as people expect to read them."""


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else "'" if _NUMBER.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _string)


def content_fingerprint(data: Any) -> str:
    """A plain digest of plain data, for things that are not secret."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()[:32]
