"""The forms of signing in, and of giving roles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_lazy

from installer_tasks.models import Role, Workspace
from wizard.accounts.people import NOTHING

SHORTEST = 12


def free_name(name: str, others: QuerySet[User]) -> str:
    """The name itself. Raises ValidationError when one of the others has it."""
    if others.filter(username__iexact=name).exists():
        raise taken(name)
    return name


def taken(name: str) -> ValidationError:
    return ValidationError(gettext("%(name)s is taken. Choose another name.") % {"name": name})


class SignInForm(forms.Form):
    name = forms.CharField(max_length=150, label=gettext_lazy("Name"))
    password = forms.CharField(max_length=500, strip=False, label=gettext_lazy("Password"))


class WelcomeForm(forms.Form):
    """The name and password that replace one-time links."""

    name = forms.CharField(max_length=150, label=gettext_lazy("Name"), validators=[UnicodeUsernameValidator()])
    password = forms.CharField(max_length=500, strip=False, label=gettext_lazy("Password"))
    again = forms.CharField(max_length=500, strip=False, label=gettext_lazy("The same password again"))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_name(self) -> str:
        return free_name(str(self.cleaned_data["name"]), User.objects.exclude(pk=self.user.pk))

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if len(password) < SHORTEST:
            raise ValidationError(
                gettext("It has %(length)d characters; at least %(least)d are needed. A few words in a row are good.")
                % {"length": len(password), "least": SHORTEST}
            )
        if password.strip().lower() in {str(self.data.get("name", "")).lower(), self.user.username.lower()}:
            raise ValidationError(gettext("A password must not be the name."))
        return password

    def clean(self) -> None:
        again = self.cleaned_data.get("again")
        if again is not None and "password" in self.cleaned_data and again != self.cleaned_data["password"]:
            self.add_error("again", gettext("The two passwords differ. Type both again."))

    def save(self) -> User:
        self.user.username = self.cleaned_data["name"]
        self.user.set_password(self.cleaned_data["password"])
        self.user.save(update_fields=["username", "password"])
        return self.user


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
            raise ValidationError(gettext("Choose what this person may do; without a role there is nothing to see."))


def _field(place: Workspace) -> str:
    return f"role-{place.pk}"
