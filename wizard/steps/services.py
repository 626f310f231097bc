"""Sizes, passwords and the load balancer of what is installed."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping

from django.utils.translation import gettext, gettext_lazy

from installer_tasks import answer_keys
from installer_tasks.errors import InputError
from installer_tasks.preflight import findings
from installer_tasks.preflight.shapes.dns import RECORDS, Record
from installer_tasks.systems.dns.addresses import unfit
from installer_tasks.text import Text
from installer_tasks.text import mark as _
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import AnswerField, ChoiceField, Option, SecretField, matching, one_of

SERVICE_TYPES = ("LoadBalancer", "NodePort", "ClusterIP")
CONNECTIONS = (100, 5000)


def address(value: str) -> str:
    """An address that a load balancer can have; the practice estate's is a loopback address."""
    try:
        given = str(ipaddress.ip_address(value))
    except ValueError as error:
        raise InputError(
            Text(_("This is not an IP address.")),
            value=value[:200],
            remedy=Text(_("Enter an address such as 10.0.0.20, or leave it empty.")),
        ) from error
    if reason := unfit(given, practice=True):
        raise InputError(
            Text(reason),
            value=given,
            remedy=Text(_("Enter an address such as 10.0.0.20, or leave it empty.")),
        )
    return given


def connections(value: str) -> str:
    low, high = CONNECTIONS
    if value.isascii() and value.isdigit() and low <= int(value[:9]) <= high:
        return str(int(value))
    raise InputError(
        Text(_("This is not a whole number from 100 to 5000.")),
        value=value[:200],
        remedy=Text(_("Use 300 for a small installation.")),
    )


class ServicesForm(StepForm):
    step = "services"

    size = ChoiceField(
        label=gettext_lazy("Size"),
        help_text=gettext_lazy("Small is the only size known to work with this release."),
        parse=one_of("small"),
    )
    postgres_password = SecretField(
        label=gettext_lazy("PostgreSQL password"),
        help_text=gettext_lazy("At least 12 characters, no spaces. You never have to type it."),
        generated=True,
    )
    postgres_max_connections = AnswerField(
        label=gettext_lazy("PostgreSQL connections"), example="300", parse=connections
    )
    minio_username = AnswerField(
        label=gettext_lazy("MinIO user"),
        parse=matching(
            r"[!-~]{3,}", _("It has fewer than three characters, or contains spaces."), _("The usual name is root.")
        ),
    )
    minio_password = SecretField(
        label=gettext_lazy("MinIO password"),
        help_text=gettext_lazy("At least 12 characters, no spaces."),
        generated=True,
    )
    redis_password = SecretField(
        label=gettext_lazy("Redis password"),
        help_text=gettext_lazy("At least 12 characters, no spaces."),
        generated=True,
    )
    service_type = ChoiceField(
        label=gettext_lazy("Service type"),
        help_text=gettext_lazy("How traffic to the public names reaches the cluster."),
        parse=one_of(*SERVICE_TYPES),
    )
    load_balancer_ip = AnswerField(
        label=gettext_lazy("Load balancer address"),
        help_text=gettext_lazy("Fixes the address, so that the DNS records can be created in advance."),
        example="10.0.0.20",
        parse=address,
    )
    load_balancer_class = AnswerField(
        label=gettext_lazy("Load balancer class"),
        help_text=gettext_lazy("Only needed if the cluster has several load balancers."),
        example="ako.vmware.com/avi-lb",
        parse=matching(
            r"[A-Za-z0-9]([A-Za-z0-9./_-]*[A-Za-z0-9])?",
            _("It contains characters that a load balancer class cannot have."),
            _("Copy it from your load balancer's documentation."),
        ),
    )
    telemetry = ChoiceField(
        label=gettext_lazy("Send usage data to VMware"),
        help_text=gettext_lazy("Requires internet access."),
        parse=one_of("false", "true"),
    )

    filled_in = ("postgres_password", "minio_password", "redis_password")

    def fill_in(self) -> None:
        """A password that nobody has to know is made up."""
        for name in self.filled_in:
            key = answer_keys.BY_NAME[self.key(name)]
            free = self.given.asks(key) and not self.given.is_saved(key.name)
            if free and name not in self.errors and not self.cleaned_data.get(name):
                self.cleaned_data[name] = new_password()
                self.given.generated.add(key.name)

    def suggestions(self) -> dict[str, tuple[str, str]]:
        """The address that the public names lead to, until this page is saved."""
        state = self.given.state
        open_yet = not state.answered(self.step) and not self.given.is_saved("services.load_balancer_ip")
        records = self.fact(RECORDS)
        address = _address_of_names(records) if open_yet and records else ""
        if not address or findings.step_state(state, "dns") not in ("proven", "warned"):
            return {}
        return {"load_balancer_ip": (address, gettext("found: all public names point to it. Saved with this page."))}

    @classmethod
    def fixed_options(cls) -> dict[str, list[Option]]:
        return {
            "size": [Option("small", gettext("Small"))],
            "service_type": [Option(kind, kind, _notes()[kind]) for kind in SERVICE_TYPES],
            "telemetry": [Option("false", gettext("No")), Option("true", gettext("Yes"))],
        }


def new_password() -> str:
    return secrets.token_hex(20)


def _address_of_names(records: Mapping[str, Record]) -> str:
    """The one address that all of them lead to; "" where there is none, or they are aliases."""
    found = {address for item in records.values() for address in item["addresses"]}
    aliases = any(item["cname"] for item in records.values())
    address = str(found.pop()) if len(found) == 1 and not aliases else ""
    return "" if not address or unfit(address, practice=True) else address


def _notes() -> dict[str, str]:
    return {
        "LoadBalancer": gettext("the usual choice"),
        "NodePort": gettext("the names must then resolve to the nodes"),
        "ClusterIP": gettext("you provide your own ingress"),
    }


STEP = Step(
    slug="services",
    title=gettext_lazy("Services"),
    lead=gettext_lazy(
        "The size, the passwords, and the load balancer for the services. The defaults suit most "
        "installations; generate the passwords."
    ),
    owner=gettext_lazy("You, with the network team for the load balancer"),
    ask=(
        gettext_lazy("Does the cluster assign an address to a Service of type LoadBalancer automatically?"),
        gettext_lazy("Is an address reserved for Tanzu Mission Control?"),
    ),
    form=ServicesForm,
)
