"""Form fields whose errors say value, cause and remedy, as the rest of the installer does."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from installer_tasks import certificates
from installer_tasks.errors import InputError
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from wizard.texts import render
from wizard.uploads import LARGEST

OTHER = "__other__"
LONGEST_LINE = 2000

Parse = Callable[[str], str]


class Problem(ValidationError):
    """A field's error that names the value, the cause and what to do."""

    def __init__(self, error: InputError) -> None:
        super().__init__(render(error.cause), code=error.code)
        self.error = error

    @property
    def value(self) -> str:
        return self.error.value

    @property
    def remedy(self) -> str:
        return render(self.error.remedy)


@dataclass(frozen=True)
class Option:
    """Something to choose, found on a system or known of the release."""

    value: str
    label: str
    note: str = ""
    good: bool = True


class OptionInput(forms.TextInput):
    """A choice among what was found, or another value typed beside it."""

    def value_from_datadict(self, data: Mapping[str, Any], _files: Any, name: str) -> Any:
        chosen = data.get(name)
        return data.get(f"{name}_other", "") if chosen == OTHER else chosen


class DocumentInput(forms.Textarea):
    """A text that is pasted, or a file in its place."""

    needs_multipart_form = True

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        return files.get(f"{name}_file") or data.get(name)


class AnswerField(forms.CharField):
    """One answer. `parse` returns it as it is kept, or raises InputError."""

    kind = "text"

    def __init__(self, *, parse: Parse | None = None, example: str = "", help_text: Any = "", **options: Any) -> None:
        options.setdefault("max_length", LONGEST_LINE)
        super().__init__(help_text=help_text, **options)
        self.parse = parse
        self.example = example

    def clean(self, value: Any) -> str:
        answer = str(super().clean(value))
        if not answer or self.parse is None:
            return answer
        try:
            return self.parse(answer)
        except InputError as error:
            raise Problem(error) from error


class SecretField(AnswerField):
    """Write-only: rendered empty always; empty keeps what is there. `generated` offers to make one."""

    kind = "secret"

    def __init__(self, *, generated: bool = False, **options: Any) -> None:
        super().__init__(strip=False, **options)
        self.generated = generated


class ChoiceField(AnswerField):
    """One of the form's options; with `open` also anything else that `parse` accepts."""

    kind = "choice"
    widget = OptionInput

    def __init__(self, *, open: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.open = open


class DocumentField(AnswerField):
    """A text of several lines, pasted or uploaded: read as data, never more than a megabyte."""

    kind = "document"
    widget = DocumentInput

    def __init__(self, *, rows: int = 6, accept: str = "", **options: Any) -> None:
        super().__init__(max_length=None, **options)
        self.rows = rows
        self.accept = accept

    def to_python(self, value: Any) -> str:
        found = read_upload(value) if isinstance(value, UploadedFile) else super().to_python(value) or ""
        if len(found.encode("utf-8", "replace")) > LARGEST:
            raise Problem(_too_large(_size(len(found))))
        return found.replace("\r\n", "\n")


class SecretDocumentField(DocumentField):
    kind = "secret-document"


def read_upload(upload: UploadedFile[bytes]) -> str:
    """The file's text; PowerShell writes UTF-16 when it redirects, so its byte order marks are read too."""
    size = upload.size or 0
    if size > LARGEST:
        raise Problem(_too_large(f"{upload.name}, {_size(size)}"))
    content = bytes(upload.read())
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        cause = Text(_("This file is not text."))
        remedy = Text(_("Upload the text file itself, not an archive, a picture or a key store."))
        raise Problem(InputError(cause, value=str(upload.name), remedy=remedy, code="not-text")) from error


def _too_large(value: str) -> InputError:
    return InputError(
        text(_("This is larger than %(limit)s; what is asked for here has a few kilobytes."), limit=_size(LARGEST)),
        value=value,
        remedy=Text(_("Choose the file that the help beside this field describes.")),
        code="too-large",
    )


def _size(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MiB"


def pem(value: str) -> str:
    """One or more certificates, written anew: what people paste has comments and odd line ends."""
    return certificates.to_pem(certificates.parse_bundle(value))


def one_of(*allowed: str) -> Parse:
    def parse(value: str) -> str:
        if value in allowed:
            return value
        remedy = text(_("Choose one of: %(known)s."), known=", ".join(allowed))
        raise InputError(Text(_("This is not one of the choices.")), value=value[:200], remedy=remedy)

    return parse


def matching(pattern: str, cause: str, remedy: str) -> Parse:
    """Cause and remedy are marked templates."""
    wanted = re.compile(pattern)

    def parse(value: str) -> str:
        if wanted.fullmatch(value):
            return value
        raise InputError(Text(cause), value=value[:200], remedy=Text(remedy))

    return parse
