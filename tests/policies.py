"""Policies of a test's own: the one for development, with some members changed."""

from __future__ import annotations

import json
from pathlib import Path

from attestation.named_policies import load_policy
from attestation.policy_text import policy_members


def write_policy(path: Path, **changes: object) -> str:
    """Write a policy's file and return its path as text."""
    members = {**policy_members(load_policy("development")), "id": "of-a-test", **changes}
    path.write_text(json.dumps(members))
    return str(path)
