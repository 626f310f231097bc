"""The registry that the cluster pulls every image from."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext, gettext_lazy

from installer_tasks.systems.registry import Reference
from installer_tasks.text import mark as _
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import AnswerField, CertificateField, SecretField, matching
from wizard.steps.handouts import aligned


def project(value: str) -> str:
    return str(Reference.parse(value))


class RegistryForm(StepForm):
    step = "registry"

    project = AnswerField(
        label=gettext_lazy("Registry project"),
        help_text=gettext_lazy("Host and project, without https:// and without a trailing slash."),
        example="harbor.example.com/tmc",
        parse=project,
    )
    ca = CertificateField(
        label=gettext_lazy("CA certificate of the registry"),
        help_text=gettext_lazy("PEM format. The cluster's nodes and kapp-controller must trust it too."),
        rows=4,
    )
    username = AnswerField(
        label=gettext_lazy("Registry user"),
        help_text=gettext_lazy("A user or robot account that can push to the project."),
        example="robot$tmc",
        parse=matching(
            r"[^\x00-\x20\x7f:]+", _("A user name contains no spaces and no colon."), _("Copy the name of the account.")
        ),
    )
    password = SecretField(label=gettext_lazy("Registry password"))


def needed(answers: Mapping[str, str]) -> str:
    host, _slash, name = (answers["registry.project"] or "harbor.example.com/tmc").partition("/")
    place = {"project": name.partition("/")[0], "host": host}
    return aligned(
        (
            (gettext("Project"), gettext("%(project)s on %(host)s, public (pods pull without a password)") % place),
            (gettext("Quota"), gettext("25 GiB free or unlimited")),
            (gettext("Account"), gettext("a robot account that can push to this project and pull from it")),
            (gettext("Tags"), gettext("no immutability rule for this project during the installation")),
        )
    )


STEP = Step(
    slug="registry",
    title=gettext_lazy("Registry"),
    lead=gettext_lazy(
        "All images are pushed to a project in your own registry; the cluster pulls them only from there."
    ),
    owner=gettext_lazy("The team that runs your Harbor registry"),
    ask=(
        gettext_lazy("Will you create a public project for this, with space for the images?"),
        gettext_lazy("Can I get an account that can push to it?"),
        gettext_lazy("Which CA signed the registry's certificate, and do the nodes trust it?"),
    ),
    form=RegistryForm,
    handout_title=gettext_lazy("What to request"),
    handout=needed,
)
