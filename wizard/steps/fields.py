"""Form fields whose errors say value, cause and remedy, as the rest of the installer does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext

from installer_tasks.decoding import decoded
from installer_tasks.errors import InputError
from installer_tasks.models import Answer
from installer_tasks.systems import certificates
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


class Conflict(ValidationError):
    """Another has saved something else since the page was opened. `row` is that; None when the answer was removed."""

    def __init__(self, row: Answer | None) -> None:
        super().__init__(gettext("This was changed after you opened this page."), code="changed-meanwhile")
        self.row = row


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

    def read(self, content: bytes, name: str) -> str:
        """The answer in a file, as an upload or beside an answers file; InputError when it holds none."""
        return decoded(content, name=name)

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
        found = self._uploaded(value) if isinstance(value, UploadedFile) else super().to_python(value) or ""
        if len(found.encode("utf-8", "replace")) > LARGEST:
            raise Problem(_too_large(_size(len(found))))
        return found.replace("\r\n", "\n")

    def _uploaded(self, upload: UploadedFile[bytes]) -> str:
        size = upload.size or 0
        if size > LARGEST:
            raise Problem(_too_large(f"{upload.name}, {_size(size)}"))
        try:
            return self.read(bytes(upload.read()), str(upload.name))
        except InputError as error:
            raise Problem(error) from error


class CertificateField(DocumentField):
    """One or more certificates, written anew as PEM: what people have is in many forms, and has comments."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("accept", ".pem,.crt,.cer,.der,.p7b,.p7c,text/*")
        super().__init__(parse=pem, **options)

    def read(self, content: bytes, name: str) -> str:
        try:
            return pem(content)
        except InputError as error:
            error.value = error.value or name
            raise


class SecretDocumentField(DocumentField):
    kind = "secret-document"


def _too_large(value: str) -> InputError:
    return InputError(
        text(_("This is larger than %(limit)s; the expected size is a few kilobytes."), limit=_size(LARGEST)),
        value=value,
        remedy=Text(_("Choose the file described in the help next to this field.")),
        code="too-large",
    )


def _size(count: int) -> str:
    return f"{count / 1024 / 1024:.1f} MiB"


def pem(value: str | bytes) -> str:
    return certificates.to_pem(certificates.parse_bundle(value))


def one_of(*allowed: str) -> Parse:
    def parse(value: str) -> str:
        if value in allowed:
            return value
        remedy = text(_("Choose one of: %(known)s."), known=", ".join(allowed))
        raise InputError(Text(_("This is not one of the options.")), value=value[:200], remedy=remedy)

    return parse


def matching(pattern: str, cause: str, remedy: str) -> Parse:
    """Cause and remedy are marked templates."""
    wanted = re.compile(pattern)

    def parse(value: str) -> str:
        if wanted.fullmatch(value):
            return value
        raise InputError(Text(cause), value=value[:200], remedy=Text(remedy))

    return parse
