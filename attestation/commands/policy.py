"""`python -m attestation policy`: what a policy's file says, whether it is one, and what another would change."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable

from attestation.named_policies import NAMES, load_policy
from attestation.policy import Policy
from attestation.policy_text import policy_digest, policy_members
from attestation.policy_words import compare, explain
from attestation.printing import printable

ACTIONS = ("show", "check", "explain", "compare")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may be given."""
    parser.add_argument(
        "action",
        choices=ACTIONS,
        help="show it as it is written, check that it is one, explain it in words, or compare it with another",
    )
    named = f"a file, or one of {', '.join(NAMES)}"
    parser.add_argument("policy", metavar="FILE|NAME", help=named)
    parser.add_argument("other", metavar="OTHER", nargs="?", help=f"what to compare it with: {named}")


def run(options: argparse.Namespace) -> bool:
    """Read the policies and say it."""
    other = None if options.other is None else load_policy(options.other)
    print("\n".join(printable(line) for line in say(options.action, load_policy(options.policy), other)))
    return True


def say(action: str, policy: Policy, other: Policy | None) -> Iterable[str]:
    """Return the lines of one action; without another policy, `compare` compares with `strict`."""
    if action == "show":
        return json.dumps(policy_members(policy), ensure_ascii=False, indent=2).splitlines()
    if action == "check":
        return [f"{policy.id} is a policy", policy_digest(policy)]
    if action == "explain":
        return explain(policy)
    changes = list(compare(other or load_policy("strict"), policy))
    return changes or ["They say the same."]
