"""What is written into the log, and when: each entry in the transaction of what it tells."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from attestation.log.leaves import (
    SALT_SIZE,
    Kind,
    attestation_facts,
    build_blinded_leaf,
    build_leaf,
    canonical_json,
    opening_facts,
    parse_entry,
    signed_part,
)
from attestation.log.store import append_leaf
from attestation.models import Attestation, LogEntry


def log_attestation(
    attestation: Attestation, *, quote: bytes, verdict: Mapping[str, Any], policy: Mapping[str, str]
) -> None:
    """Append the entry of a record that was just stored; `verdict` by `verdict_members`, `policy` by `name_policy`."""
    facts = attestation_facts(
        record=str(attestation.pk),
        statement=bytes(attestation.statement),
        quote_signed=signed_part(quote),
        verdict=verdict,
    )
    _append("attestation", {"outcome": attestation.server_outcome, "policy": dict(policy)}, facts, record=attestation)


def log_opening(attestation: Attestation, *, client_outcome: str, outcome: str, accepted_risk: bool) -> None:
    """Append that a record was tried to be opened, and whether a risk was accepted."""
    says = {"outcome": outcome, "accepted_risk": accepted_risk}
    facts = opening_facts(record=str(attestation.pk), client_outcome=client_outcome)
    _append("opening", says, facts, record=attestation)


def log_history_key(*, user: str) -> None:
    """Append that an account enrolled its history key."""
    _append("history key", {}, {"user": user})


def log_deletion(*, user: str, conversation: str) -> None:
    """Append that a user deleted a conversation."""
    _append("deletion", {}, {"user": user, "conversation": conversation})


def log_account_deletion(*, user: str) -> None:
    """Append that a user deleted his account."""
    _append("deletion", {}, {"user": user})


def log_approval(says: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Append that a change of policy or releases was approved; who proposed and who approved it are facts."""
    _append("approval", says, facts)


def log_policy(says: Mapping[str, Any]) -> bool:
    """Append policy, keys and releases if they are not those of the last such entry; return whether they differ."""
    leaf = build_leaf("policy", at=timezone.now(), says=says)
    with transaction.atomic():
        last = LogEntry.objects.filter(kind="policy").order_by("-index").first()
        if last is not None and _without_time(bytes(last.entry)) == _without_time(leaf.entry):
            return False
        append_leaf(leaf)
        return True


def _without_time(entry: bytes) -> bytes:
    return canonical_json({name: value for name, value in parse_entry(entry).items() if name != "at"})


def _append(
    kind: Kind, says: Mapping[str, Any], facts: Mapping[str, Any], *, record: Attestation | None = None
) -> None:
    salt = os.urandom(SALT_SIZE)
    append_leaf(build_blinded_leaf(kind, at=timezone.now(), says=says, facts=facts, salt=salt), record=record)
