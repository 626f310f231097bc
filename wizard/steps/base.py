"""What a step is: one page of the wizard with its form, and the words for whoever owns the system."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms

from installer_tasks import answers as answer_keys
from installer_tasks import findings, sessions
from installer_tasks.errors import InputError
from installer_tasks.models import Installation
from wizard.steps.fields import AnswerField, ChoiceField, Option, Problem, SecretDocumentField, SecretField

Words = Any  #: str or a lazy translation

SECRETS = (SecretField, SecretDocumentField)
#: Fields whose value decides which others are asked, or with what default.
FORKS = ("kind", "ldap_type")


class StepForm(forms.Form):
    """The answers of one step. `only` leaves the other fields alone: one field saved by itself."""

    step: ClassVar[str]

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        installation: Installation,
        only: Collection[str] | None = None,
    ) -> None:
        self.installation = installation
        self.known = sessions.visible_answers(installation)
        #: The same with how people sign in as this form says it: what is not asked for then is not required.
        self.chosen = self.known | self._posted_choices(data)
        self.kept = frozenset(installation.answers.values_list("key", flat=True))
        #: Fields whose value the form found out by itself.
        self.found: set[str] = set()
        initial = {name: self.known.get(self.key(name), "") for name in self.base_fields}
        super().__init__(data, files, initial=initial)
        for name, field in list(self.fields.items()):
            self._adapt(name, field)
            if only is not None and name not in only:
                del self.fields[name]
            elif only is not None:
                field.required = False

    def _adapt(self, name: str, field: forms.Field) -> None:
        key = answer_keys.BY_NAME[self.key(name)]
        kept_secret = isinstance(field, SECRETS) and key.name in self.kept
        asked = answer_keys.applies(key, self.chosen)
        field.required = asked and key.required and not key.default and not kept_secret

    def _posted_choices(self, data: Any) -> dict[str, str]:
        """What other questions follow from, as far as it was sent."""
        names = [name for name in FORKS if data and name in self.base_fields]
        return {self.key(name): data[name] for name in names if isinstance(data.get(name), str) and data[name]}

    def add_error(self, field: str | None, error: Any) -> None:
        """What is not asked for is not wrong either: what stands there in error is left as it was."""
        if field and not answer_keys.applies(answer_keys.BY_NAME[self.key(field)], self.chosen):
            self.cleaned_data.pop(field, None)
            return
        super().add_error(field, error)

    @classmethod
    def key(cls, name: str) -> str:
        return f"{cls.step}.{name}"

    @classmethod
    def fixed_options(cls) -> dict[str, list[Option]]:
        """What can be chosen whatever was found, by ChoiceField."""
        return {}

    def options(self) -> dict[str, list[Option]]:
        """What can be chosen, by ChoiceField; where nothing is known it is typed."""
        return self.fixed_options()

    def fact(self, name: str, system: str = "") -> Any:
        return findings.fact(self.installation, system or self.step, name)

    def refuse(self, error: InputError, field: str) -> None:
        """The error, at the field that it names when that is shown here, else at `field`."""
        named = error.field.partition(".")[2]
        self.add_error(named if named in self.fields else field, Problem(error))

    def answers(self) -> dict[str, str]:
        """What is valid, by key; a secret that nobody typed is not among it."""
        return {
            self.key(name): value
            for name, value in self.cleaned_data.items()
            if value or not isinstance(self.fields.get(name), SECRETS)
        }

    def field_options(self, name: str) -> list[Option]:
        """What can be chosen for this field, if it is one to choose for."""
        return self.options().get(name, []) if isinstance(self.base_fields[name], ChoiceField) else []


Handout = Callable[[Mapping[str, str]], str]


@dataclass(frozen=True)
class Step:
    """One page. `ask` are the questions to put to `owner`; `handout` is a text to send them."""

    slug: str
    title: Words
    lead: Words
    owner: Words
    ask: tuple[Words, ...]
    form: type[StepForm]
    handout_title: Words = ""
    handout: Handout | None = None
    #: Looked at before anything is answered here, to offer choices; the key whose answer makes that possible.
    looks_ahead: str = ""
    #: Help for products of a known kind, folded below the questions.
    presets: tuple[Any, ...] = ()

    @property
    def fields(self) -> tuple[tuple[str, AnswerField], ...]:
        """In the order in which the page asks."""
        declared = self.form.base_fields
        names = dict.fromkeys((*(self.form.field_order or ()), *declared))
        found = ((name, declared[name]) for name in names)
        return tuple((name, field) for name, field in found if isinstance(field, AnswerField))
