"""The DNS zone of all public names."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy

from installer_tasks import names, releases
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import AnswerField


def server(value: str) -> str:
    names.parse_server(value)
    return value.strip()


class DnsForm(StepForm):
    step = "dns"

    zone = AnswerField(
        label=gettext_lazy("DNS zone"),
        help_text=gettext_lazy(
            "The console answers at this name and all other names are below it. A zone of its own, not the domain of "
            "the company."
        ),
        example="tmc.example.com",
        parse=names.parse_zone,
    )
    server = AnswerField(
        label=gettext_lazy("DNS server to ask"),
        help_text=gettext_lazy("Only when this machine does not ask the right one by itself. Address or address:port."),
        example="10.0.0.53",
        parse=server,
    )


def records(answers: Mapping[str, str]) -> str:
    """Every name to create, as the network team needs them."""
    zone = answers["dns.zone"] or "tmc.example.com"
    address = answers["services.load_balancer_ip"] or "<load balancer address>"
    found = releases.chosen(answers).public_names(zone)
    width = max(map(len, found)) + 1
    return "\n".join(f"{name + '.':<{width}}  IN A  {address}" for name in found)


STEP = Step(
    slug="dns",
    title=gettext_lazy("DNS zone"),
    lead=gettext_lazy(
        "People, clusters and the services themselves find each other by names in one zone. They all lead to one load "
        "balancer address."
    ),
    owner=gettext_lazy("The network team that runs your DNS"),
    ask=(
        gettext_lazy("Which zone may Tanzu Mission Control have, and who may create records in it?"),
        gettext_lazy("Is the load balancer address fixed before, or are the records created once it is known?"),
        gettext_lazy("Do browsers, this machine and pods in the clusters all get the same answer?"),
        gettext_lazy("If a wildcard is used: does it also answer below s3, as console.s3?"),
    ),
    form=DnsForm,
    handout_title=gettext_lazy("Records to create"),
    handout=records,
)
