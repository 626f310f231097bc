"""What a step is: one page of the wizard with its form, and the words for whoever owns the system."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from django import forms
from django.utils.translation import gettext

from installer_tasks import answer_keys, saved_answers
from installer_tasks.answer_keys import Key
from installer_tasks.errors import InputError
from installer_tasks.models import Answer
from installer_tasks.preflight import findings
from installer_tasks.preflight.shapes.base import Fact
from installer_tasks.preflight.state import InstallationState
from wizard.steps import versions
from wizard.steps.fields import AnswerField, ChoiceField, Conflict, Option, Problem, SecretDocumentField, SecretField
from wizard.texts import render

T = TypeVar("T")
Words = Any  #: str or a lazy translation

SECRETS = (SecretField, SecretDocumentField)
#: Fields whose value decides which others are asked, or with what default.
CHOICES = ("kind", "ldap_type")


@dataclass(frozen=True)
class Given:
    """The answers that a form starts from, and what it makes of them."""

    state: InstallationState
    choices: Mapping[str, str]  #: by key: what decides which others are asked, as this form sends it
    found: set[str] = field(default_factory=set)  #: keys whose value the form found out by itself
    generated: set[str] = field(default_factory=set)  #: keys whose value the form made up

    def is_saved(self, key: str) -> bool:
        return key in self.state.answers

    def value(self, key: str) -> str:
        """As it is in force until this form is saved; "" for a secret."""
        return self.state.visible.get(key, "")

    @property
    def after(self) -> dict[str, str]:
        """What is in force once the choices of this form are: how people sign in decides what is required."""
        return {**self.state.visible, **self.choices}

    def asks(self, key: Key) -> bool:
        return answer_keys.applies(key, self.after)

    def default(self, name: str) -> str:
        """Of this key, where the choices of this form are in force."""
        return answer_keys.default(answer_keys.BY_NAME[name], self.after)

    def default_before(self, name: str) -> str:
        return answer_keys.default(answer_keys.BY_NAME[name], self.state.visible)

    @property
    def changed_choices(self) -> frozenset[str]:
        return frozenset(key for key, value in self.choices.items() if value != self.value(key))


class StepForm(forms.Form):
    """The answers of one step. `only` leaves the other fields alone: one field saved by itself.

    `fills` is for pages: what a person leaves empty there is found or made up where that is possible.
    """

    step: ClassVar[str]
    filled_in: ClassVar[tuple[str, ...]] = ()  #: fields that may be left empty on the page

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        state: InstallationState,
        only: Collection[str] | None = None,
        anywhere: bool = False,
        fills: bool = False,
    ) -> None:
        self.installation = state.installation
        #: An administrator fills this in, who may name any folder of this machine.
        self.anywhere = anywhere
        self._fills = fills
        self.given = Given(state, self._posted_choices(data))
        #: What each field was when the page with this form was made, as far as the page said so.
        self.seen = {name: given for name in self.base_fields if (given := versions.given(data, name))}
        #: Fields that hold something else than what is in force.
        self.unsaved: set[str] = set()
        self._whole = only is None
        #: By field, what is offered in it until something is saved, and why.
        self.suggested = {} if data else self.suggestions()
        saved = {name: self.given.value(self.key(name)) for name in self.base_fields}
        initial = saved | {name: value for name, (value, _why) in self.suggested.items()}
        super().__init__(data, files, initial=initial)
        for name, declared in list(self.fields.items()):
            self._adapt(name, declared)
            if only is not None and name not in only:
                del self.fields[name]
            elif only is not None:
                declared.required = False
        if only is None:
            self._leave_what_others_changed()

    def _leave_what_others_changed(self) -> None:
        """A page that was opened before another saved a field sends its old value: that is no wish to have it back."""
        for name, seen in self.seen.items():
            row, key = self.given.state.answers.get(self.key(name)), self.key(name)
            if seen.time != versions.time(row) and name in self.fields and self._is_as_seen(name, seen, key):
                del self.fields[name]

    def _is_as_seen(self, name: str, seen: versions.Seen, key: str) -> bool:
        field = self.fields[name]
        sent = field.widget.value_from_datadict(self.data, self.files, name)
        if key in answer_keys.SECRETS:
            return not sent
        return isinstance(sent, str | None) and versions.digest(self.installation, sent or "") == seen.digest

    def refuse_overwriting(self) -> None:
        """What another has saved since this page was opened stays; both values are named. Called where it is saved."""
        rows = versions.rows(self.installation)
        for name, seen in self.seen.items():
            row = rows.get(self.key(name))
            if name in self.cleaned_data and seen.time != versions.time(row) and self._differs(name, row):
                self.add_error(name, Conflict(row))

    def _differs(self, name: str, row: Answer | None) -> bool:
        value = str(self.cleaned_data[name])
        if not value and self.key(name) in answer_keys.SECRETS:
            return False
        box = self.installation.workspace.box
        return box.fingerprint(value) != (row.fingerprint if row else box.fingerprint(""))

    def restore(self, draft: Mapping[str, str]) -> None:
        """What was typed and could not be saved stands in the form again, and is called so."""
        self.initial.update(draft)
        self.unsaved.update(name for name, value in draft.items() if value != self.given.value(self.key(name)))

    def _adapt(self, name: str, field: forms.Field) -> None:
        key = answer_keys.BY_NAME[self.key(name)]
        saved = self.given.is_saved(key.name)
        kept_secret = isinstance(field, SECRETS) and saved
        left = self._fills and name in self.filled_in
        field.required = self.given.asks(key) and key.required and not key.default and not kept_secret and not left
        if saved:
            field.error_messages["required"] = gettext("This cannot be left empty. Enter another value to change it.")
        if again := saved_answers.needed_again(self.installation, key.name):
            field.error_messages["required"] = f"{render(again.cause)} {render(again.remedy)}"

    def ask_again(self) -> None:
        """A secret that was taken back by what this form has changed is missing in it. Called where it is saved."""
        for name, declared in self.fields.items() if self._whole else ():
            key = answer_keys.BY_NAME[self.key(name)]
            error = saved_answers.needed_again(self.installation, key.name)
            if error and key.required and isinstance(declared, SECRETS) and name not in self.errors:
                self.add_error(name, Problem(error))

    def _posted_choices(self, data: Any) -> dict[str, str]:
        """What other questions follow from, as far as it was sent."""
        names = [name for name in CHOICES if data and name in self.base_fields]
        return {self.key(name): data[name] for name in names if isinstance(data.get(name), str) and data[name]}

    def add_error(self, field: str | None, error: Any) -> None:
        """What is not asked for is not wrong either: what stands there in error is left as it was."""
        if field and not self.given.asks(answer_keys.BY_NAME[self.key(field)]):
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

    def suggestions(self) -> dict[str, tuple[str, str]]:
        """A value for fields that have none yet, each with why it is suggested."""
        return {}

    def fill_in(self) -> None:
        """What a person has left to the form. Called where a whole page is saved."""

    def options(self) -> dict[str, list[Option]]:
        """What can be chosen, by ChoiceField; where nothing is known it is typed."""
        return self.fixed_options()

    def fact(self, fact: Fact[T]) -> T | None:
        return findings.fact(self.given.state, fact)

    def refuse(self, error: InputError, field: str) -> None:
        """The error, at the field that it names when that is shown here, else at `field`."""
        named = error.field.partition(".")[2]
        self.add_error(named if named in self.fields else field, Problem(error))

    def answers(self, *, final: bool = False) -> dict[str, str]:  # noqa: ARG002 - for a step that finds something out
        """What is valid, by key; a secret that nobody typed is not among it.

        `final`: nobody sees what the form found out by itself and chooses otherwise.
        """
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
