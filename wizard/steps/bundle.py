"""The release bundle: a folder on this machine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import PurePath

from django.utils.translation import gettext, gettext_lazy

from installer_tasks import releases
from installer_tasks.answer_keys import NATIVE, VENDOR
from installer_tasks.errors import InputError
from installer_tasks.preflight import bundle_access
from installer_tasks.preflight.shapes.bundle import CONTENTS
from installer_tasks.releases import described, words
from installer_tasks.systems.bundle import checksum
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import AnswerField, ChoiceField, DocumentField, Option, Problem, one_of


def known_or_found(value: str) -> str:
    """Also a version that is not known: its download is read and says whether it can be installed."""
    return value if described.VERSION.fullmatch(value) else one_of(*releases.known())(value)


class BundleForm(StepForm):
    step = "bundle"

    path = AnswerField(
        label=gettext_lazy("Bundle folder"),
        help_text=gettext_lazy(
            "The folder on this machine into which the download was unpacked. It contains "
            "agent-images, dependencies and packages."
        ),
        example="/srv/tmc-sm/1.4.1",
    )
    archive = AnswerField(
        label=gettext_lazy("Downloaded file"),
        help_text=gettext_lazy(
            "The .tar from the vendor, if it is still on this machine. The checks read it once and compare the folder "
            "with it, byte by byte."
        ),
        example="/srv/tmc-sm/tmc_self_managed_1.4.1.tar",
    )
    checksum = DocumentField(
        label=gettext_lazy("SHA-256 of the download"),
        help_text=gettext_lazy(
            "From the vendor's download page: 64 digits, or the checksum file. The checks compare it with the "
            "downloaded file."
        ),
        rows=2,
        accept=".sha256,.sha256sum,.txt,text/*",
    )
    release = ChoiceField(
        label=gettext_lazy("Release"),
        help_text=gettext_lazy("The version to install. Without a choice, it is the one in the bundle folder."),
        parse=known_or_found,
    )

    engine = ChoiceField(
        label=gettext_lazy("Push engine"),
        help_text=gettext_lazy(
            "The program that pushes the images to the registry. With either one, all images are verified by digest."
        ),
        parse=one_of(NATIVE, VENDOR),
    )

    filled_in = ("release",)

    def clean_path(self) -> str:
        return self._place("path", bundle_access.readable_folder)

    def clean_archive(self) -> str:
        return self._place("archive", bundle_access.readable_file)

    def _place(self, name: str, readable: Callable[..., str]) -> str:
        """What stands there already may stay, whoever has named it."""
        value = str(self.cleaned_data[name])
        if not value or value == self.given.value(self.key(name)):
            return value
        try:
            return readable(value, anywhere=self.anywhere)
        except InputError as error:
            raise Problem(error) from error

    def clean(self) -> None:
        """Of a checksum file the line of this download, as far as its name is known from the file or the release."""
        value = str(self.cleaned_data.get("checksum", "")).strip()
        if not value or value == self.given.value("bundle.checksum"):
            return
        archive = str(self.cleaned_data.get("archive", self.given.value("bundle.archive")))
        release = releases.named(self.cleaned_data.get("release") or self.given.value("bundle.release"))
        try:
            self.cleaned_data["checksum"] = _line(value, [PurePath(archive).name] if archive else [], release.downloads)
        except InputError as error:
            self.add_error("checksum", Problem(error))

    @classmethod
    def fixed_options(cls) -> dict[str, list[Option]]:
        return {
            "engine": [
                Option(NATIVE, gettext("This installer"), gettext("resumes where it stopped, and shows every byte")),
                Option(
                    VENDOR,
                    gettext("The vendor's program"),
                    gettext("known to the vendor's support; starts over after an interruption"),
                ),
            ]
        }

    def options(self) -> dict[str, list[Option]]:
        contents = self.fact(CONTENTS)
        found = contents["release"] if contents else ""
        chosen = self.given.value("bundle.release")
        versions = dict.fromkeys((*releases.known(), *filter(None, (found, chosen))))
        return {**self.fixed_options(), "release": [Option(each, each, _note(each, found)) for each in versions]}


def _line(value: str, names: Collection[str], usual: Collection[str]) -> str:
    """The names that a release usually has are no more than a hint."""
    with suppress(InputError):
        return checksum.parse(value, names or usual)
    return checksum.parse(value, names)


def _note(version: str, found: str) -> str:
    """Where it was found, and what no source says of it."""
    if version not in releases.known():
        unknown = gettext("not known to this installer")
        return f"{gettext('found in the bundle folder')}; {unknown}" if version == found else unknown
    thin = [gettext(words.THIN[code]) for code in releases.get(version).thin]
    unknown = gettext("not known: %(what)s") % {"what": ", ".join(thin)} if thin else ""
    return "; ".join(filter(None, (gettext("found in the bundle folder") if version == found else "", unknown)))


def unpacking(answers: Mapping[str, str]) -> str:
    release = releases.chosen(answers)
    name = release.downloads[0] if release.downloads else f"tmc_self_managed_{release.version}.tar"
    return f"mkdir tmc-sm\ntar -xf {name} -C tmc-sm\nls tmc-sm"


STEP = Step(
    slug="bundle",
    title=gettext_lazy("Release bundle"),
    lead=gettext_lazy(
        "Everything that is installed comes from the vendor's download, unpacked on this machine. "
        "Nothing is downloaded from the internet."
    ),
    owner=gettext_lazy("You, or the person with the Broadcom support account"),
    ask=(
        gettext_lazy("Which version of Tanzu Mission Control Self-Managed was purchased and downloaded?"),
        gettext_lazy("Where is the .tar file, and what SHA-256 does the vendor's download page show for it?"),
        gettext_lazy("Is it unpacked into an empty folder of its own? Two versions in one folder do not work."),
    ),
    form=BundleForm,
    handout_title=gettext_lazy("Commands to unpack it"),
    handout=unpacking,
)
