"""Whether a platform's standing is accepted, and until when: statuses and advisories, each with its grace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from attestation.errors import AppraisalError
from attestation.policy import Policy
from attestation.tcb import (
    OUT_OF_DATE,
    OUT_OF_DATE_CONFIGURATION_NEEDED,
    RELAUNCH_ADVISED,
    RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
    REVOKED,
    UP_TO_DATE,
    TcbVerdict,
)

# Statuses that only say that a repair is missing, and what a policy must accept of the repaired platform.
_REPAIRED = {
    OUT_OF_DATE: UP_TO_DATE,
    RELAUNCH_ADVISED: UP_TO_DATE,
    OUT_OF_DATE_CONFIGURATION_NEEDED: "ConfigurationNeeded",
    RELAUNCH_ADVISED_CONFIGURATION_NEEDED: "ConfigurationNeeded",
}


def accept_tcb(verdict: TcbVerdict, policy: Policy, *, now: datetime) -> datetime | None:
    """Return until when Intel's word on a platform is accepted; None where no grace had to be given.

    Raises:
        AppraisalError: `tcb_refused`, the status is not accepted, or no more; `advisory_refused`, an advisory.
    """
    status_until = _accept_status(verdict, policy, now=now)
    refused, advisories_until = _judge_advisories(verdict, policy, now=now)
    if refused:
        raise AppraisalError("advisory_refused", f"open to {', '.join(sorted(refused))}")
    return min((end for end in (status_until, *advisories_until) if end is not None), default=None)


def _accept_status(verdict: TcbVerdict, policy: Policy, *, now: datetime) -> datetime | None:
    said = f"Intel's status is {verdict.status}, {', '.join(verdict.advisories) or 'no advisories'}"
    if verdict.status == REVOKED:
        raise AppraisalError("tcb_refused", said)
    if verdict.status in policy.accepted_tcb_statuses:
        return None
    since = verdict.outdated_since
    if since is None or _REPAIRED.get(verdict.status) not in policy.accepted_tcb_statuses:
        raise AppraisalError("tcb_refused", said)
    if not _is_within(since, policy.out_of_date_grace_days, now=now):
        raise AppraisalError(
            "tcb_refused",
            f"{said}; the repair is of {since:%Y-%m-%d}, and the grace is {policy.out_of_date_grace_days} days",
        )
    return since + timedelta(days=policy.out_of_date_grace_days)


def _judge_advisories(
    verdict: TcbVerdict, policy: Policy, *, now: datetime
) -> tuple[frozenset[str], tuple[datetime, ...]]:
    """Return the advisories that are refused, and when the grace of others ends."""
    refused = policy.refused_advisories.intersection(verdict.advisories)
    in_question = set(_not_accepted(verdict, policy)) - refused
    since = {advisory: verdict.repaired.get(advisory) for advisory in in_question}
    days = policy.advisory_grace_days
    spared = {name: at for name, at in since.items() if at is not None and _is_within(at, days, now=now)}
    ends = tuple(at + timedelta(days=days) for at in spared.values())
    return refused | (in_question - set(spared)), ends


def _not_accepted(verdict: TcbVerdict, policy: Policy) -> Iterator[str]:
    accepted = policy.accepted_advisories
    return (name for name in verdict.advisories if accepted is not None and name not in accepted)


def _is_within(since: datetime, days: int, *, now: datetime) -> bool:
    """Tell whether a grace still runs; none of zero days ever does."""
    return days > 0 and now <= since + timedelta(days=days)
