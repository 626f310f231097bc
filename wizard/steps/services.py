"""Sizes, passwords and the load balancer of what is installed."""

from __future__ import annotations

import ipaddress

from django.utils.translation import gettext, gettext_lazy

from installer_tasks.errors import InputError
from installer_tasks.text import Text
from installer_tasks.text import mark as _
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import AnswerField, ChoiceField, Option, SecretField, matching, one_of

SERVICE_TYPES = ("LoadBalancer", "NodePort", "ClusterIP")
CONNECTIONS = (100, 5000)


def address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        raise InputError(
            Text(_("This is not an IP address.")),
            value=value[:200],
            remedy=Text(_("Give an address such as 10.0.0.20, or leave it empty.")),
        ) from error


def connections(value: str) -> str:
    low, high = CONNECTIONS
    if value.isascii() and value.isdigit() and low <= int(value[:9]) <= high:
        return str(int(value))
    raise InputError(
        Text(_("This is not a whole number from 100 to 5000.")),
        value=value[:200],
        remedy=Text(_("300 suits a small installation.")),
    )


class ServicesForm(StepForm):
    step = "services"

    size = ChoiceField(
        label=gettext_lazy("Size"),
        help_text=gettext_lazy("Small is the only size that this release has been seen with."),
        parse=one_of("small"),
    )
    postgres_password = SecretField(
        label=gettext_lazy("PostgreSQL password"),
        help_text=gettext_lazy("At least nine characters, no blanks. Nobody types it later."),
        generated=True,
    )
    postgres_max_connections = AnswerField(
        label=gettext_lazy("PostgreSQL connections"), example="300", parse=connections
    )
    minio_username = AnswerField(
        label=gettext_lazy("MinIO user"),
        parse=matching(r"[!-~]{3,}", _("It has fewer than three characters, or blanks."), _("root is usual.")),
    )
    minio_password = SecretField(
        label=gettext_lazy("MinIO password"),
        help_text=gettext_lazy("At least nine characters, no blanks."),
        generated=True,
    )
    service_type = ChoiceField(
        label=gettext_lazy("Service type"),
        help_text=gettext_lazy("How the public names reach the cluster."),
        parse=one_of(*SERVICE_TYPES),
    )
    load_balancer_ip = AnswerField(
        label=gettext_lazy("Load balancer address"),
        help_text=gettext_lazy("To fix the address, so that the DNS records can be created before."),
        example="10.0.0.20",
        parse=address,
    )
    load_balancer_class = AnswerField(
        label=gettext_lazy("Load balancer class"),
        help_text=gettext_lazy("Only when the cluster has several load balancers."),
        example="ako.vmware.com/avi-lb",
        parse=matching(
            r"[A-Za-z0-9]([A-Za-z0-9./_-]*[A-Za-z0-9])?",
            _("It holds characters that a class has not."),
            _("Copy it from the documentation of your load balancer."),
        ),
    )
    telemetry = ChoiceField(
        label=gettext_lazy("Send usage data to VMware"),
        help_text=gettext_lazy("Needs a way to the internet."),
        parse=one_of("false", "true"),
    )

    @classmethod
    def fixed_options(cls) -> dict[str, list[Option]]:
        return {
            "size": [Option("small", gettext("Small"))],
            "service_type": [Option(kind, kind, _notes()[kind]) for kind in SERVICE_TYPES],
            "telemetry": [Option("false", gettext("No")), Option("true", gettext("Yes"))],
        }


def _notes() -> dict[str, str]:
    return {
        "LoadBalancer": gettext("the usual one"),
        "NodePort": gettext("the names must then lead to the nodes"),
        "ClusterIP": gettext("you bring a way in of your own"),
    }


STEP = Step(
    slug="services",
    title=gettext_lazy("Services"),
    lead=gettext_lazy(
        "How large, with which passwords, and through which load balancer the services are reached. The defaults suit "
        "most installations; generate the passwords."
    ),
    owner=gettext_lazy("You, with the network team for the load balancer"),
    ask=(
        gettext_lazy("Does the cluster give a Service of type LoadBalancer an address by itself?"),
        gettext_lazy("Is an address set aside for Tanzu Mission Control?"),
    ),
    form=ServicesForm,
)
