"""What a policy says, in words: for whoever sets one, approves one, or wants to know what a digest stands for."""

from __future__ import annotations

from collections.abc import Iterator

from attestation.policy import MEASUREMENTS, Policy
from attestation.policy_text import policy_digest, policy_members

_FAILURES = {
    "require": "Nothing opens where a check does not hold.",
    "warn": "Where a check of lesser weight does not hold, users may go on after reading what that means.",
}
_WORKLOADS = {
    "require": "What was started after the kernel must be measured: program, model server and model.",
    "accept-unmeasured": "What was started after the kernel need not be measured.",
}
_GPUS = {
    "ignore": "GPUs are not asked for.",
    "confidential-if-present": "Where there is a GPU, it must prove that it is a confidential one.",
    "require": "A GPU must prove that it is genuine.",
    "require-confidential": "A GPU must prove that it is genuine and confidential.",
}


def explain(policy: Policy) -> Iterator[str]:
    """Say what a policy accepts, a sentence a line."""
    yield f"{policy.id}: {policy.description}"
    yield f"Digest {policy_digest(policy)}"
    yield _FAILURES[policy.enforcement]
    yield from _explain_repairs(policy)
    yield from _explain_machine(policy)
    yield from _explain_releases(policy)
    yield _WORKLOADS[policy.workload]
    yield _GPUS[policy.gpu]
    services = " and ".join(sorted(policy.verifiers))
    if len(policy.verifiers) > 1:
        yield f"Attestation services {services}: {'one' if policy.quorum == 'any' else 'each'} of them must affirm."
    else:
        yield f"The attestation service {services} must affirm." if services else "No attestation service is asked."
    yield f"Evidence is fresh for {policy.max_lifetime_s} seconds; clocks may differ by {policy.clock_skew_s}."


def compare(first: Policy, second: Policy) -> Iterator[str]:
    """Say member by member what a second policy changes, nothing where they say the same."""
    before, after = policy_members(first), policy_members(second)
    for name, value in before.items():
        if after[name] != value:
            yield f"{name}: {_shown(value)} → {_shown(after[name])}"


def _explain_repairs(policy: Policy) -> Iterator[str]:
    yield f"Intel must say of the platform: {_either(policy.accepted_tcb_statuses) or 'nothing that exists'}."
    if policy.out_of_date_grace_days:
        yield f"A repair may be missing until {policy.out_of_date_grace_days} days after its date."
    if policy.accepted_advisories is None:
        yield "It may be open to any advisory that this status allows."
    elif policy.accepted_advisories:
        yield f"It may be open to no other advisories than {', '.join(sorted(policy.accepted_advisories))}."
    else:
        yield "It may be open to no advisory."
    if policy.advisory_grace_days:
        yield f"An advisory is put up with until {policy.advisory_grace_days} days after its repair's date."
    if policy.refused_advisories:
        yield f"Never open to {', '.join(sorted(policy.refused_advisories))}."
    yield f"Intel's lists must be of evaluation {policy.min_tcb_evaluation_data_number} or later."


def _explain_machine(policy: Policy) -> Iterator[str]:
    if policy.platform_ids is None:
        yield "Any genuine platform counts."
    else:
        yield f"Only these platforms count (PPID): {_hexes(policy.platform_ids)}."
    yield f"TD attributes that may be set: {policy.allowed_td_attributes.hex()}; features: {policy.allowed_xfam.hex()}."
    if policy.mr_seams is not None:
        yield f"Only these TDX modules count: {_hexes(policy.mr_seams)}."
    if policy.mr_signer_seams != {bytes(48)}:
        yield f"The TDX module may be signed by: {_hexes(policy.mr_signer_seams)} (zeros are Intel)."
    if policy.service_tds:
        yield f"These service machines may be bound to it: {_hexes(policy.service_tds)}."
    else:
        yield "No service machine may be bound to it."


def _explain_releases(policy: Policy) -> Iterator[str]:
    kinds = {"tdx": "hardware", "simulator": "simulators"}
    platforms = " and ".join(kinds[name] for name in sorted(policy.release_platforms))
    yield f"Releases {policy.min_release_version} and later count, for {platforms}."
    left_out = [name for name in MEASUREMENTS if name not in policy.release_measurements]
    compared = f"all but {', '.join(left_out)}" if left_out else "all"
    yield f"Compared with the release: {compared} of its measurements."


def _either(names: frozenset[str]) -> str:
    return " or ".join(sorted(names))


def _hexes(values: frozenset[bytes]) -> str:
    return ", ".join(sorted(value.hex() for value in values))


def _shown(value: object) -> str:
    if value is None:
        return "any"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return str(value)
