"""The DNS zone of all public names."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext, gettext_lazy

from installer_tasks import releases
from installer_tasks.systems.dns import resolver
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import AnswerField


def server(value: str) -> str:
    resolver.parse_server(value)
    return value.strip()


class DnsForm(StepForm):
    step = "dns"

    zone = AnswerField(
        label=gettext_lazy("DNS zone"),
        help_text=gettext_lazy(
            "The console uses this name; all other names are below it. Use a dedicated zone, not the company's domain."
        ),
        example="tmc.example.com",
        parse=resolver.parse_zone,
    )
    server = AnswerField(
        label=gettext_lazy("DNS server to query"),
        help_text=gettext_lazy(
            "Only needed if this machine does not query the correct server by default. Address or address:port."
        ),
        example="10.0.0.53",
        parse=server,
    )


def records(answers: Mapping[str, str]) -> str:
    """Every name to create, as the network team needs them."""
    zone = answers["dns.zone"] or "tmc.example.com"
    address = answers["services.load_balancer_ip"] or gettext("<load balancer address>")
    found = releases.chosen(answers).public_names(zone)
    width = max(map(len, found)) + 1
    return "\n".join(f"{name + '.':<{width}}  IN A  {address}" for name in found)


STEP = Step(
    slug="dns",
    title=gettext_lazy("DNS zone"),
    lead=gettext_lazy(
        "Users, clusters and the services find each other by names in one zone. All of them "
        "resolve to one load balancer address."
    ),
    owner=gettext_lazy("The network team that runs your DNS"),
    ask=(
        gettext_lazy("Which zone can Tanzu Mission Control use, and who can create records in it?"),
        gettext_lazy("Is the load balancer address fixed in advance, or are the records created once it is known?"),
        gettext_lazy("Do browsers, this machine and pods in the clusters all get the same response?"),
        gettext_lazy("If a wildcard is used: does it also resolve names below s3, such as console.s3?"),
    ),
    form=DnsForm,
    handout_title=gettext_lazy("Records to create"),
    handout=records,
)
