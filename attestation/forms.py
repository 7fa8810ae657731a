"""What people ask of the history, read from the address: a form by GET, so that a search can be kept and sent on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, cast

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from attestation.errors import AppraisalError, MalformedError
from attestation.log.checkpoint import MAX_NOTE_BYTES, Checkpoint
from attestation.log.comparing import read_checkpoint
from attestation.measured import Measured
from attestation.search import Wanted, known_values
from attestation.words import CHECK_WORDS, OUTCOME_WORDS

Choices = list[tuple[str, str]]

NOBODY = "00000000-0000-0000-0000-000000000000"
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(9998, 12, 31)


class SearchForm(forms.Form):
    """Which records a list shows."""

    outcome = forms.ChoiceField(label=gettext_lazy("Outcome"), required=False)
    check = forms.ChoiceField(label=gettext_lazy("Failing check"), required=False)
    measurement = forms.ChoiceField(label=gettext_lazy("Measurement"), required=False)
    release = forms.ChoiceField(label=gettext_lazy("Release"), required=False)
    model = forms.ChoiceField(label=gettext_lazy("Model"), required=False)
    verifier = forms.ChoiceField(label=gettext_lazy("Attestation service"), required=False)
    user = forms.CharField(label=gettext_lazy("User"), required=False, max_length=150)
    since = forms.DateField(label=gettext_lazy("From (UTC day)"), required=False)
    until = forms.DateField(label=gettext_lazy("Until (UTC day)"), required=False)

    def __init__(self, data: Any, *, measured: Sequence[Measured]) -> None:
        super().__init__(data)
        self.measured = {item.digest: item for item in measured}
        choices: dict[str, Choices] = {
            "outcome": [(value, _(word)) for value, word in OUTCOME_WORDS.items()],
            "check": [(check, f"{_(words.title)} · {check}") for check, words in CHECK_WORDS.items()],
            "measurement": [(item.digest, _describe(item)) for item in measured],
            "release": _same(known_values("release_version")),
            "model": _same(known_values("model_name")),
            "verifier": _same(known_values("verifier_kind")),
        }
        for name, values in choices.items():
            cast(forms.ChoiceField, self.fields[name]).choices = [("", _("all")), *values]
        for name in ("since", "until"):
            self.fields[name].widget = forms.DateInput(
                {"type": "date", "min": _FIRST_DAY, "max": _LAST_DAY}, format="%Y-%m-%d"
            )
        self.fields["user"].widget.attrs |= {"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}

    def clean_since(self) -> datetime | None:
        """Return the beginning of the day."""
        return _beginning(self.cleaned_data["since"])

    def clean_until(self) -> datetime | None:
        """Return the end of the day, which is the beginning of the next."""
        begins = _beginning(self.cleaned_data["until"])
        return None if begins is None else begins + timedelta(days=1)

    def wanted(self) -> Wanted:
        """Return what is looked for; the form must be valid."""
        values = self.cleaned_data
        measured = self.measured.get(values["measurement"])
        return Wanted(
            outcome=values["outcome"],
            check=values["check"],
            measurements=None if measured is None else measured.part,
            release=values["release"],
            model=values["model"],
            verifier=values["verifier"],
            user=_account(values["user"]),
            since=values["since"],
            until=values["until"],
        )


class CompareForm(forms.Form):
    """Which two records stand side by side; without a first one it is the one before the second."""

    first = forms.UUIDField(label=gettext_lazy("One record"), required=False)
    second = forms.UUIDField(label=gettext_lazy("Another record"))


class CheckpointsForm(forms.Form):
    """Which two checkpoints of the log are compared: each by its size, or as a signed note that somebody kept."""

    first = forms.CharField(label=gettext_lazy("One checkpoint"), max_length=MAX_NOTE_BYTES, widget=forms.Textarea)
    second = forms.CharField(label=gettext_lazy("Another checkpoint"), max_length=MAX_NOTE_BYTES, widget=forms.Textarea)

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        for field in self.fields.values():
            field.widget.attrs |= {"rows": 3, "spellcheck": "false", "placeholder": _("A size, or a signed note")}

    def clean_first(self) -> Checkpoint:
        """Return the checkpoint."""
        return _checkpoint(self.cleaned_data["first"])

    def clean_second(self) -> Checkpoint:
        """Return the checkpoint."""
        return _checkpoint(self.cleaned_data["second"])


def _checkpoint(text: str) -> Checkpoint:
    try:
        return read_checkpoint(text)
    except MalformedError as error:
        raise forms.ValidationError(_("This is neither a size nor a signed checkpoint.")) from error
    except AppraisalError as error:
        if error.code == "checkpoint_unknown":
            raise forms.ValidationError(_("No checkpoint of this size was signed.")) from error
        raise forms.ValidationError(_("This was not signed by this log's key.")) from error


def _describe(measured: Measured) -> str:
    release = ", ".join(measured.releases) or _("no known release")
    return f"{measured.name} · {release} · {measured.first_at:%Y-%m-%d}"


def _same(values: Iterable[str]) -> Choices:
    return [(value, value) for value in values]


def _account(name: str) -> str | None:
    """Return an account's id; of a name that nobody has, an id that nobody has."""
    if not name:
        return None
    found = get_user_model().objects.filter(username=name).values_list("pk", flat=True).first()
    return NOBODY if found is None else str(found)


def _beginning(day: date | None) -> datetime | None:
    if day is None:
        return None
    if not _FIRST_DAY <= day <= _LAST_DAY:
        raise forms.ValidationError(_("There is nothing that far away."))
    return datetime.combine(day, time.min, UTC)
