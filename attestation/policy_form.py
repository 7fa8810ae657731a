"""The form of a policy that is tried: what can be changed of it, with today's values to begin with."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from attestation import publication
from attestation.errors import ConfigurationError, MalformedError
from attestation.members import unhex
from attestation.named_policies import NAMES, load_policy
from attestation.offline import Anchors
from attestation.policy import MOST_GRACE_DAYS, Policy
from attestation.reference_values import parse_version
from attestation.search import Wanted

MOST_DAYS = 366
LONGEST_LIST = 4000
# Intel's names, and what a relaunch would cure; `Revoked` is refused whatever a policy says.
STATUSES = (
    *("UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded"),
    *("OutOfDate", "OutOfDateConfigurationNeeded", "TDRelaunchAdvised", "TDRelaunchAdvisedConfigurationNeeded"),
)
ANY = "any"

_ADVISORY = re.compile(r"[A-Za-z0-9-]{1,40}\Z")


class PolicyForm(forms.Form):
    """What a policy accepts, and how many days back it is tried."""

    named = forms.ChoiceField(
        label=gettext_lazy("A policy that comes with the product, instead of the values below"),
        choices=[("", "—"), *((name, name) for name in NAMES)],
        required=False,
    )
    tcb_statuses = forms.MultipleChoiceField(
        label=gettext_lazy("Accepted statuses of the processor"),
        choices=[(status, status) for status in STATUSES],
        widget=forms.SelectMultiple(attrs={"size": len(STATUSES)}),
    )
    grace_days = forms.IntegerField(
        label=gettext_lazy("Days for which a repair may be missing"), min_value=0, max_value=MOST_GRACE_DAYS
    )
    accepted_advisories = forms.CharField(
        label=gettext_lazy("Accepted advisories, separated by commas, or “any”"),
        required=False,
        max_length=LONGEST_LIST,
    )
    advisories = forms.CharField(
        label=gettext_lazy("Refused advisories, separated by commas"), required=False, max_length=LONGEST_LIST
    )
    advisory_days = forms.IntegerField(
        label=gettext_lazy("Days for which a repaired advisory is put up with"), min_value=0, max_value=MOST_GRACE_DAYS
    )
    min_evaluation = forms.IntegerField(
        label=gettext_lazy("Oldest evaluation number of Intel's lists"), min_value=0, max_value=10**6
    )
    min_release = forms.CharField(label=gettext_lazy("Oldest release"), max_length=64)
    service_tds = forms.CharField(
        label=gettext_lazy("Service machines (MRSERVICETD), separated by commas"),
        required=False,
        max_length=LONGEST_LIST,
    )
    platform_ids = forms.CharField(
        label=gettext_lazy("Platforms (PPID), separated by commas, or “any”"), max_length=LONGEST_LIST
    )
    days = forms.IntegerField(label=gettext_lazy("Days back"), min_value=1, max_value=MOST_DAYS)

    def clean_accepted_advisories(self) -> frozenset[str] | None:
        """Return the advisories as a set, None for any."""
        text = self.cleaned_data["accepted_advisories"]
        return None if text.strip() == ANY else _advisories(text)

    def clean_advisories(self) -> frozenset[str]:
        """Return the advisories as a set."""
        return _advisories(self.cleaned_data["advisories"])

    def clean_min_release(self) -> str:
        """Return a version of the form that releases have."""
        version = str(self.cleaned_data["min_release"])
        try:
            parse_version(version)
        except MalformedError as error:
            raise forms.ValidationError(_("A release looks like 1.2.3.")) from error
        return version

    def clean_service_tds(self) -> frozenset[bytes]:
        """Return the registers as bytes."""
        return _hexes(self.cleaned_data["service_tds"])

    def clean_platform_ids(self) -> frozenset[bytes] | None:
        """Return the platforms as bytes, None for any."""
        text = self.cleaned_data["platform_ids"]
        return None if text.strip() == ANY else _hexes(text)

    def clean(self) -> dict[str, Any]:
        """Refuse values that make no policy together."""
        values = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                self.changed(publication.policy())
            except ConfigurationError as error:
                raise forms.ValidationError(_("That is no policy: %(why)s."), params={"why": error}) from error
        return values

    def changed(self, policy: Policy) -> Policy:
        """Return the policy that was named, or one with this form's values in place of its own.

        Raises:
            ConfigurationError: the values make no policy; where the form is valid, they do.
        """
        values = self.cleaned_data
        if values["named"]:
            return load_policy(values["named"])
        return replace(
            policy,
            accepted_tcb_statuses=frozenset(values["tcb_statuses"]),
            out_of_date_grace_days=values["grace_days"],
            accepted_advisories=values["accepted_advisories"],
            refused_advisories=values["advisories"],
            advisory_grace_days=values["advisory_days"],
            min_tcb_evaluation_data_number=values["min_evaluation"],
            min_release_version=values["min_release"],
            service_tds=values["service_tds"],
            platform_ids=values["platform_ids"],
        )

    def change(self, anchors: Anchors) -> Anchors:
        """Return anchors with this policy in place of today's; the form must be valid."""
        return replace(anchors, policy=self.changed(anchors.policy))

    def wanted(self, *, now: datetime) -> Wanted:
        """Return which records it is tried on; the form must be valid."""
        return Wanted(since=now - timedelta(days=self.cleaned_data["days"]))


def todays_policy() -> dict[str, Any]:
    """Return the policy in force, as the form's first values."""
    policy = publication.policy()
    accepted, platforms = policy.accepted_advisories, policy.platform_ids
    return {
        "named": "",
        "tcb_statuses": sorted(policy.accepted_tcb_statuses),
        "grace_days": policy.out_of_date_grace_days,
        "accepted_advisories": ANY if accepted is None else ", ".join(sorted(accepted)),
        "advisories": ", ".join(sorted(policy.refused_advisories)),
        "advisory_days": policy.advisory_grace_days,
        "min_evaluation": policy.min_tcb_evaluation_data_number,
        "min_release": policy.min_release_version,
        "service_tds": ", ".join(sorted(value.hex() for value in policy.service_tds)),
        "platform_ids": ANY if platforms is None else ", ".join(sorted(value.hex() for value in platforms)),
        "days": 30,
    }


def _advisories(text: str) -> frozenset[str]:
    names = _parts(text)
    if not all(_ADVISORY.match(name) for name in names):
        raise forms.ValidationError(_("An advisory looks like INTEL-SA-01111."))
    return names


def _hexes(text: str) -> frozenset[bytes]:
    try:
        return frozenset(unhex(part) for part in _parts(text))
    except MalformedError as error:
        raise forms.ValidationError(_("Values are written in hex.")) from error


def _parts(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())
