"""What a server shows of itself: evidence and verdict, read by form. Nothing of it is believed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attestation.errors import MalformedError
from attestation.evidence import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a server answered to a question for evidence: `claimed` and `token` are its own word."""

    record: str
    evidence: Evidence
    claimed: str
    token: str | None
    verdict: Mapping[str, Any]


def read_shown(evidence: object, verdict: object) -> Shown:
    """Read the members of `attest.evidence` and `attest.verdict`.

    Raises:
        MalformedError: a part is no object, is not evidence, or its token is not text.
    """
    if not isinstance(evidence, Mapping) or not isinstance(verdict, Mapping):
        raise MalformedError("the server's answer does not have the known form")
    token = verdict.get("token")
    if token is not None and not isinstance(token, str):
        raise MalformedError("the server's token is not text")
    return Shown(
        record=str(evidence.get("record")),
        evidence=Evidence.from_wire(evidence),
        claimed=str(verdict.get("outcome")),
        token=token,
        verdict=verdict,
    )
