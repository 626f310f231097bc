"""The release bundle: a folder on this machine."""

from __future__ import annotations

from pathlib import Path

from django.utils.translation import gettext, gettext_lazy

from installer_tasks import releases
from installer_tasks.answers import NATIVE, VENDOR
from installer_tasks.errors import InputError
from installer_tasks.text import mark as _
from installer_tasks.text import text
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import AnswerField, ChoiceField, Option, one_of


def folder(value: str) -> str:
    """A folder that is there; what is in it is looked at by the checks."""
    path = Path(value).expanduser()
    problem = ""
    try:
        if not path.is_absolute():
            problem = _("%(path)s does not begin at the root of this machine.")
        elif not path.exists():
            problem = _("There is no folder %(path)s on this machine.")
        elif not path.is_dir():
            problem = _("%(path)s is a file. Unpack it into an empty folder first.")
    except (OSError, ValueError, RuntimeError):
        problem = _("%(path)s cannot be looked at.")
    if problem:
        raise InputError(
            text(problem, path=value[:300]),
            value=value[:300],
            remedy=text(_("Give the full path of the folder into which the download was unpacked.")),
            code="bundle-folder",
        )
    return str(path)


class BundleForm(StepForm):
    step = "bundle"

    path = AnswerField(
        label=gettext_lazy("Bundle folder"),
        help_text=gettext_lazy(
            "The folder on this machine into which the download was unpacked. It holds agent-images, dependencies "
            "and packages."
        ),
        example="/srv/tmc-sm/1.4.1",
        parse=folder,
    )
    release = ChoiceField(
        label=gettext_lazy("Release"),
        help_text=gettext_lazy("The version that is installed. The checks read it from the bundle and compare."),
        parse=one_of(*releases.known()),
    )

    engine = ChoiceField(
        label=gettext_lazy("Push engine"),
        help_text=gettext_lazy(
            "What sends the images to the registry. Whatever does, all of them are proven by digest."
        ),
        parse=one_of(NATIVE, VENDOR),
    )

    @classmethod
    def fixed_options(cls) -> dict[str, list[Option]]:
        return {
            "engine": [
                Option(NATIVE, gettext("This installer"), gettext("resumes where it stood, and shows every byte")),
                Option(
                    VENDOR,
                    gettext("The vendor's program"),
                    gettext("what its support knows; begins again after a break"),
                ),
            ]
        }

    def options(self) -> dict[str, list[Option]]:
        found = (self.fact("contents") or {}).get("release", "")
        known = [Option(version, version, _note(version, found)) for version in releases.known()]
        return {**self.fixed_options(), "release": known}


def _note(version: str, found: str) -> str:
    return gettext("found in the bundle folder") if version == found else ""


STEP = Step(
    slug="bundle",
    title=gettext_lazy("Release bundle"),
    lead=gettext_lazy(
        "Everything that is installed comes from the download of the vendor, unpacked on this machine. "
        "Nothing is fetched from the internet."
    ),
    owner=gettext_lazy("You, or whoever has the Broadcom support account"),
    ask=(
        gettext_lazy("Which version of Tanzu Mission Control Self-Managed was bought and downloaded?"),
        gettext_lazy("Where is the .tar file, and has its checksum been compared?"),
        gettext_lazy("Is it unpacked into an empty folder of its own? Two versions in one folder do not work."),
    ),
    form=BundleForm,
    handout_title=gettext_lazy("Commands to unpack it"),
    handout=lambda _answers: "mkdir tmc-sm\ntar -xf tmc_self_managed_1.4.1.tar -C tmc-sm\nls tmc-sm",
)
