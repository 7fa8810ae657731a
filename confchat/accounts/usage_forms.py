"""Forms of the page of usage."""

from __future__ import annotations

from django import forms
from django.contrib.auth.models import Group
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

MOST_MESSAGES = 1_000_000
MOST_TOKENS = 1_000_000_000_000
_NUMBER = {"inputmode": "numeric", "autocomplete": "off"}


class LimitsForm(forms.Form):
    """How much may be used in a day; an empty field is without a limit, 0 allows nothing."""

    messages = forms.IntegerField(
        label=gettext_lazy("Messages a day"),
        min_value=0,
        max_value=MOST_MESSAGES,
        required=False,
        widget=forms.NumberInput(_NUMBER),
    )
    tokens = forms.IntegerField(
        label=gettext_lazy("Tokens a day"),
        min_value=0,
        max_value=MOST_TOKENS,
        required=False,
        widget=forms.NumberInput(_NUMBER),
    )


class GroupForm(forms.Form):
    """A group of people, who are put into it on their pages."""

    name = forms.CharField(label=gettext_lazy("Name of a new group"), max_length=Group.name.field.max_length)

    def clean_name(self) -> str:
        """Return a name that is free."""
        name: str = self.cleaned_data["name"]
        if Group.objects.filter(name__iexact=name).exists():
            raise forms.ValidationError(_("There is a group of that name already."))
        return name
