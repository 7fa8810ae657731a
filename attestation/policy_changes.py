"""How two policies differ, in the words of people: member by member, what it was and what it would be."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from attestation.policy import Policy
from attestation.policy_text import policy_members

MEMBER_WORDS: dict[str, str] = {
    "id": gettext_noop("What records call it"),
    "description": gettext_noop("Its description"),
    "enforcement": gettext_noop("Whether a failure stops a conversation (require) or warns (warn)"),
    "accepted_tcb_statuses": gettext_noop("Accepted statuses of the processor"),
    "out_of_date_grace_days": gettext_noop("Days for which a platform may lack a repair"),
    "accepted_advisories": gettext_noop("The only advisories accepted"),
    "refused_advisories": gettext_noop("Advisories refused"),
    "advisory_grace_days": gettext_noop("Days for which a new advisory is accepted"),
    "min_tcb_evaluation_data_number": gettext_noop("Oldest evaluation number of Intel's lists"),
    "allowed_td_attributes": gettext_noop("Attributes that a machine may have"),
    "allowed_xfam": gettext_noop("Processor features that a machine may use"),
    "mr_seams": gettext_noop("The only TDX modules accepted"),
    "mr_signer_seams": gettext_noop("Who may have signed the TDX module"),
    "service_tds": gettext_noop("Service machines that may be bound to it"),
    "platform_ids": gettext_noop("The only platforms accepted"),
    "min_release_version": gettext_noop("Oldest release"),
    "release_platforms": gettext_noop("Kinds of machines whose releases count"),
    "release_measurements": gettext_noop("Measurements that must be those of the release"),
    "workload": gettext_noop("Whether the application must be measured"),
    "gpu": gettext_noop("What is asked of a GPU"),
    "verifiers": gettext_noop("Attestation services asked"),
    "quorum": gettext_noop("Whether one of them must agree, or all"),
    "max_lifetime_s": gettext_noop("Longest life of a report, in seconds"),
    "clock_skew_s": gettext_noop("How far clocks may differ, in seconds"),
}


# Lists that together have no more members are shown whole.
SHORT = 12


@dataclass(frozen=True, slots=True)
class Change:
    """One member that differs: what it is about, before and after; of lists, what goes and what comes."""

    title: str
    before: str
    after: str


def policy_changes(before: Policy, after: Policy) -> list[Change]:
    """Return every member in which two policies differ."""
    old, new = policy_members(before), policy_members(after)
    return [
        Change(_(MEMBER_WORDS.get(name, name)), _say(old[name], new[name]), _say(new[name], old[name]))
        for name in new
        if old[name] != new[name]
    ]


def _say(value: object, other: object) -> str:
    if value is None:
        return _("no limit")
    if not isinstance(value, list):
        return str(value)
    if not isinstance(other, list) or len(value) + len(other) <= SHORT:
        return ", ".join(map(str, value)) or _("none")
    own = [str(item) for item in value if item not in other]
    shared = len(value) - len(own)
    if not own:
        return _("only what is in both") if shared else _("none")
    return ", ".join(own) + (" " + _("and what is in both") if shared else "")
