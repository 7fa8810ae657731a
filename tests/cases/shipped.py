"""What an expert says of each real quote under each policy that comes with the product: docs/policies.md says why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attestation.named_policies import load_policy
from attestation.policy_text import policy_members

# The checks of a quote and its lists that a policy decides on, and the codes that the table below abbreviates.
CODES = {
    "old lists": ("quote.collateral", "evaluation_number_low"),
    "outdated": ("tcb.status", "tcb_refused"),
    "unknown level": ("tcb.status", "tcb_not_supported"),
    "service": ("td.attributes", "service_td"),
    "debug": ("td.attributes", "td_debug"),
}
ACCEPTED = "accepted"
POLICIES = ("strict", "cloud", "alibaba", "development")
# quote, time of the appraisal: what each policy says, in the order of POLICIES; several reasons are joined by commas.
VERDICTS: dict[tuple[str, int], tuple[str, str, str, str]] = {
    ("v4-phala-b0c06f", 1751624191): ("old lists", "old lists", "old lists", "old lists"),
    ("v4-phala-b0c06f", 1787894484): ("outdated", ACCEPTED, ACCEPTED, "outdated"),
    ("v5ex-phala-b0c06f", 1787894484): (ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED),
    ("v5-google-90c06f", 1769529299): ("old lists", ACCEPTED, ACCEPTED, ACCEPTED),
    ("v5-google-90c06f", 1782215795): (ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED),
    ("v5-phala-outdated-90c06f", 1769529299): (
        "old lists, unknown level",
        "unknown level",
        "unknown level",
        "unknown level",
    ),
    ("v5-phala-outdated-90c06f", 1782215795): ("unknown level", "unknown level", "unknown level", "unknown level"),
    ("v4-gcp-cos113-00806f", 1740714290): ("old lists", "old lists", "old lists", "old lists"),
    ("v4-gcp-cos113-00806f", 1770801952): ("old lists, outdated", "outdated", "outdated", "outdated"),
    ("v4-gcp-cos113-00806f", 1784102583): ("outdated", "outdated", "outdated", "outdated"),
    ("v4-gcp-2026-00806f", 1784102583): (ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED),
    ("v5-alibaba-90c06f", 1750357898): (
        "old lists, service",
        "old lists, service",
        "old lists",
        "old lists, service",
    ),
    ("v5-alibaba-90c06f", 1769529299): (
        "old lists, outdated, service",
        "outdated, service",
        "outdated",
        "outdated, service",
    ),
    ("v5-alibaba-90c06f", 1782215795): ("outdated, service", "outdated, service", "outdated", "outdated, service"),
    ("v4-trustee-debug-50806f", 1687939438): (
        "old lists, debug",
        "old lists, debug",
        "old lists, debug",
        "old lists, debug",
    ),
    ("v4-trustee-debug-50806f", 1761057484): (
        "old lists, outdated, debug",
        "old lists, outdated, debug",
        "old lists, outdated, debug",
        "old lists, outdated, debug",
    ),
    ("v4-trustee6-00a06d", 1762257384): (
        "old lists, outdated",
        "old lists, outdated",
        "old lists, outdated",
        "old lists, outdated",
    ),
    ("v4-trustee6-00a06d", 1769530199): ("old lists, outdated", "outdated", "outdated", "outdated"),
    ("v4-dstack-20a06f", 1758093775): ("old lists", "old lists", "old lists", "old lists"),
    ("v4-near-b0c06f", 1787894484): (ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED),
    ("v4-nearai-90c06f", 1740683383): ("old lists", "old lists", "old lists", "old lists"),
    ("v4-nearai-90c06f", 1769529299): ("old lists, outdated", "outdated", "outdated", "outdated"),
    ("v4-nearai-90c06f", 1782215795): ("outdated", "outdated", "outdated", "outdated"),
}
MEMBERS = {name: policy_members(load_policy(name)) for name in POLICIES}


def shipped_cases(quote: str, at: int, *, base: str, expected: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a case for each policy, from what is expected where none decides; no public quote has an event log."""
    for name, verdict in zip(POLICIES, VERDICTS[quote, at], strict=True):
        accepts_unmeasured = MEMBERS[name]["workload"] == "accept-unmeasured"
        checks = [each for each in expected["checks"] if each[0] != "td.workload" or not accepts_unmeasured]
        yield {
            "name": f"{base}, {name}",
            "base": base,
            "set": {"policy": MEMBERS[name]},
            "expected": {**expected, "checks": [_decided(check, verdict) for check in checks]},
        }


def _decided(check: list[str], verdict: str) -> list[str]:
    decided = {identifier for identifier, _ in CODES.values()}
    if check[0] not in decided:
        return check
    codes = dict(CODES[reason] for reason in verdict.split(", ") if reason != ACCEPTED)
    return [check[0], "fail", codes[check[0]]] if check[0] in codes else [check[0], "pass", ""]
