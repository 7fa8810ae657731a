"""Forms with which admins manage accounts."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from confchat.models import ADMINS, AUDITORS

_ROLES = [(ADMINS, gettext_lazy("Admin")), (AUDITORS, gettext_lazy("Auditor"))]


def _groups() -> list[tuple[str, str]]:
    """Return the roles, then the groups that admins made."""
    made = Group.objects.exclude(name__in=[ADMINS, AUDITORS]).order_by("name").values_list("name", flat=True)
    return [*((name, str(label)) for name, label in _ROLES), *((name, name) for name in made)]


class RolesForm(forms.Form):
    """Which roles an account has, and which groups it is in."""

    groups = forms.MultipleChoiceField(
        label=gettext_lazy("Roles and groups"), choices=_groups, required=False, widget=forms.CheckboxSelectMultiple
    )

    def chosen(self) -> list[Group]:
        """Return the groups; the form must be valid."""
        return list(Group.objects.filter(name__in=self.cleaned_data["groups"]))


class InvitationForm(RolesForm):
    """Whom to invite; without an address the link is shown instead of sent."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"), required=False)

    field_order = ("email", "groups")

    def clean_email(self) -> str:
        """Return the address, where this installation can send to it."""
        email: str = self.cleaned_data["email"]
        if email and not settings.CONFCHAT_SENDS_MAIL:
            raise forms.ValidationError(_("This installation sends no mail: leave it empty, and pass the link on."))
        return email


class NewAccountForm(RolesForm):
    """An account that an admin makes; its first password is made here and shown once."""

    username = forms.CharField(label=gettext_lazy("Username"), max_length=150)

    field_order = ("username", "groups")

    def clean_username(self) -> str:
        """Return a name that is allowed and free."""
        name: str = self.cleaned_data["username"]
        accounts = get_user_model()
        for validate in accounts._meta.get_field("username").validators:
            validate(name)
        if accounts.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError(_("There is an account of that name already."))
        return name
