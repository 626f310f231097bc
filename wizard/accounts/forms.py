"""The forms of signing in, and of giving roles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_lazy

from installer_tasks.models import Role, Workspace
from wizard.accounts import names
from wizard.accounts.people import NOTHING


def free_name(name: str, others: QuerySet[User]) -> str:
    """The name as it is stored. Raises ValidationError when it can be taken for the name of one of the others."""
    if not names.alphabets_agree(name):
        raise ValidationError(gettext("Use the letters of one alphabet only."))
    name = names.normal(name)
    alike = names.looks_like(name, others.values_list("username", flat=True))
    if alike is None:
        return name
    raise taken(name) if alike.casefold() == name.casefold() else looks_taken(name, alike)


def looks_taken(name: str, alike: str) -> ValidationError:
    text = gettext("%(name)s looks like %(other)s, which is already in use. Choose another name.")
    return ValidationError(text % {"name": name, "other": alike})


def taken(name: str) -> ValidationError:
    return ValidationError(gettext("%(name)s is already in use. Choose another name.") % {"name": name})


class SignInForm(forms.Form):
    name = forms.CharField(max_length=150, label=gettext_lazy("Name"))
    password = forms.CharField(max_length=500, strip=False, label=gettext_lazy("Password"))

    def clean_name(self) -> str:
        return names.normal(str(self.cleaned_data["name"]))


class LinkForm(forms.Form):
    """The code of a one-time link; the whole link does as well."""

    code = forms.CharField(max_length=2000, label=gettext_lazy("Code of the link"))

    def clean_code(self) -> str:
        return str(self.cleaned_data["code"]).rpartition("#")[2].strip()


class WelcomeForm(forms.Form):
    """The name and password that replace one-time links."""

    name = forms.CharField(max_length=150, label=gettext_lazy("Name"), validators=[UnicodeUsernameValidator()])
    password = forms.CharField(max_length=500, strip=False, label=gettext_lazy("Password"))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.name_before = user.username

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        return name if name == self.name_before else free_name(name, User.objects.exclude(pk=self.user.pk))

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        for name in (self.name_before, str(self.data.get("name", ""))):
            validate_password(password, User(username=name))
        return password

    @property
    def renamed(self) -> bool:
        return bool(self.cleaned_data["name"] != self.name_before)

    @property
    def new_password(self) -> str:
        return str(self.cleaned_data["password"])

    def save(self) -> User:
        self.user.username = self.cleaned_data["name"]
        if self.new_password:
            self.user.set_password(self.new_password)
        self.user.save(update_fields=["username", "password"])
        return self.user


class ChangeForm(WelcomeForm):
    """Another name, another password, or both; whoever finds an open browser knows neither of the old ones."""

    old = forms.CharField(max_length=500, strip=False, label=gettext_lazy("Current password"))
    again = forms.CharField(max_length=500, strip=False, label=gettext_lazy("Repeat the password"))
    field_order = ("name", "old", "password", "again")

    def __init__(self, *args: Any, try_old: Callable[[str], str], **kwargs: Any) -> None:
        """`try_old` says what is wrong with the old password."""
        super().__init__(*args, **kwargs)
        self._try_old = try_old
        for name in ("password", "again"):
            self.fields[name].required = False
        self.fields["password"].label = gettext_lazy("New password")

    def clean_old(self) -> str:
        old = str(self.cleaned_data["old"])
        if problem := self._try_old(old):
            raise ValidationError(problem)
        return old

    def clean_password(self) -> str:
        return super().clean_password() if self.cleaned_data["password"] else ""

    def clean(self) -> None:
        again = self.cleaned_data.get("again")
        if again is not None and "password" in self.cleaned_data and again != self.cleaned_data["password"]:
            self.add_error("again", gettext("The two passwords differ. Enter both again."))


class RolesForm(forms.Form):
    """What one person may do: everything, or a role at each customer."""

    administrator = forms.BooleanField(required=False)

    def __init__(self, *args: Any, places: Sequence[Workspace], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = places
        for place in places:
            self.fields[_field(place)] = forms.ChoiceField(choices=[(role, role) for role in (*Role.values, NOTHING)])

    @property
    def everything(self) -> bool:
        return bool(self.cleaned_data.get("administrator"))

    @property
    def roles(self) -> dict[int, str]:
        return {place.pk: self.cleaned_data[_field(place)] for place in self.places}


class InviteForm(RolesForm):
    name = forms.CharField(max_length=150, label=gettext_lazy("Name"), validators=[UnicodeUsernameValidator()])

    def clean_name(self) -> str:
        return free_name(str(self.cleaned_data["name"]), User.objects.all())

    def clean(self) -> None:
        if not self.errors and not self.everything and set(self.roles.values()) <= {NOTHING}:
            raise ValidationError(gettext("Choose a role; without one, this person can see nothing."))


def _field(place: Workspace) -> str:
    return f"role-{place.pk}"
