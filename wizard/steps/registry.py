"""The registry that the cluster pulls every image from."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy

from installer_tasks.registry import Reference
from installer_tasks.text import mark as _
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import AnswerField, DocumentField, SecretField, matching, pem


def project(value: str) -> str:
    return str(Reference.parse(value))


class RegistryForm(StepForm):
    step = "registry"

    project = AnswerField(
        label=gettext_lazy("Registry project"),
        help_text=gettext_lazy("Host and project, without https:// and without a slash at the end."),
        example="harbor.example.com/tmc",
        parse=project,
    )
    username = AnswerField(
        label=gettext_lazy("Registry user"),
        help_text=gettext_lazy("A user or robot account that may push into the project."),
        example="robot$tmc",
        parse=matching(
            r"[^\x00-\x20\x7f:]+", _("A user name holds no blanks and no colon."), _("Copy the name of the account.")
        ),
    )
    password = SecretField(label=gettext_lazy("Registry password"))
    ca = DocumentField(
        label=gettext_lazy("Certificate authority of the registry"),
        help_text=gettext_lazy("PEM. The nodes and kapp-controller of the cluster must trust it too."),
        accept=".pem,.crt,.cer,text/*",
        parse=pem,
        rows=4,
    )


def needed(answers: Mapping[str, str]) -> str:
    host, _slash, name = (answers["registry.project"] or "harbor.example.com/tmc").partition("/")
    return "\n".join(
        (
            f"Project:   {name.partition('/')[0]} on {host}, public (pods pull without a password)",
            "Quota:     25 GiB free or unlimited",
            "Account:   a robot account that may push and pull in this project",
            "Tags:      no immutability rule for this project during the installation",
        )
    )


STEP = Step(
    slug="registry",
    title=gettext_lazy("Registry"),
    lead=gettext_lazy(
        "All images are pushed into a project of your own registry, and the cluster pulls them from there and from "
        "nowhere else."
    ),
    owner=gettext_lazy("The team that runs your Harbor registry"),
    ask=(
        gettext_lazy("Will you create a public project for this, with room for the images?"),
        gettext_lazy("May I have an account that pushes into it?"),
        gettext_lazy("Which authority signed the certificate of the registry, and do the nodes trust it?"),
    ),
    form=RegistryForm,
    handout_title=gettext_lazy("What to ask for"),
    handout=needed,
)
