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
from attestation.errors import MalformedError
from attestation.offline import Anchors
from attestation.policy import Policy
from attestation.reference_values import parse_version
from attestation.search import Wanted

MOST_DAYS = 366
# Intel's names; `Revoked` is refused whatever a policy says.
STATUSES = (
    *("UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded"),
    *("OutOfDate", "OutOfDateConfigurationNeeded"),
)

_ADVISORY = re.compile(r"[A-Za-z0-9-]{1,40}\Z")


class PolicyForm(forms.Form):
    """What a policy accepts, and how many days back it is tried."""

    tcb_statuses = forms.MultipleChoiceField(
        label=gettext_lazy("Accepted statuses of the processor"),
        choices=[(status, status) for status in STATUSES],
        widget=forms.SelectMultiple(attrs={"size": len(STATUSES)}),
    )
    advisories = forms.CharField(
        label=gettext_lazy("Refused advisories, separated by commas"), required=False, max_length=2000
    )
    min_evaluation = forms.IntegerField(
        label=gettext_lazy("Oldest evaluation number of Intel's lists"), min_value=0, max_value=10**6
    )
    min_release = forms.CharField(label=gettext_lazy("Oldest release"), max_length=64)
    days = forms.IntegerField(label=gettext_lazy("Days back"), min_value=1, max_value=MOST_DAYS)

    def clean_advisories(self) -> frozenset[str]:
        """Return the advisories as a set."""
        names = {name.strip() for name in self.cleaned_data["advisories"].split(",") if name.strip()}
        if not all(_ADVISORY.match(name) for name in names):
            raise forms.ValidationError(_("An advisory looks like INTEL-SA-01111."))
        return frozenset(names)

    def clean_min_release(self) -> str:
        """Return a version of the form that releases have."""
        version = str(self.cleaned_data["min_release"])
        try:
            parse_version(version)
        except MalformedError as error:
            raise forms.ValidationError(_("A release looks like 1.2.3.")) from error
        return version

    def changed(self, policy: Policy) -> Policy:
        """Return a policy with what this form says in place of its own; the form must be valid."""
        values = self.cleaned_data
        return replace(
            policy,
            accepted_tcb_statuses=frozenset(values["tcb_statuses"]),
            refused_advisories=values["advisories"],
            min_tcb_evaluation_data_number=values["min_evaluation"],
            min_release_version=values["min_release"],
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
    return {
        "tcb_statuses": sorted(policy.accepted_tcb_statuses),
        "advisories": ", ".join(sorted(policy.refused_advisories)),
        "min_evaluation": policy.min_tcb_evaluation_data_number,
        "min_release": policy.min_release_version,
        "days": 30,
    }
