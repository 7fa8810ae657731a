"""One handshake as its client sees it: a question, evidence and verdict, a judgement, an opening, and its proof.

Bytes, time and trust in, values out (docs/PROTOCOL.md sections 2 to 4); sockets are `session`'s.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from attestation.answers import read_answers
from attestation.appraisal import AttestationResult, appraise
from attestation.channel import ClientChannel, seal_opening
from attestation.client.errors import NotAttestedError
from attestation.encoding import b64decode, b64encode
from attestation.errors import AppraisalError, ConfigurationError, MalformedError
from attestation.log.merkle import HASH_SIZE, verify_consistency
from attestation.offline import Anchors, read_releases
from attestation.policy import LogView
from attestation.shown import Shown

SUITES = ("MLKEM768-X25519", "X25519")
MAX_PROOF = 64  # hashes: a tree of 2^64 leaves has no longer one


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: `anchors` carry its nonce, conversation, origin and suites, and the operator's key."""

    anchors: Anchors
    model: str | None
    seen: LogView | None

    def __post_init__(self) -> None:
        """Refuse what would leave a binding unchecked. Raises `ConfigurationError`."""
        anchors = self.anchors
        if None in (anchors.nonce, anchors.conversation, anchors.origin, anchors.suites, anchors.log_key):
            raise ConfigurationError("a question needs a nonce, a conversation, an origin, suites and the log key")

    def to_wire(self) -> dict[str, Any]:
        """Return `attest.request`."""
        anchors = self.anchors
        members = {
            "type": "attest.request",
            "nonce": b64encode(anchors.nonce or b""),
            "conversation": anchors.conversation,
            "suites": list(anchors.suites or ()),
        }
        return members if self.model is None else {**members, "model": self.model}


def judge(
    question: Question,
    shown: Shown,
    *,
    releases: Sequence[tuple[bytes, bytes]],
    now: datetime,
    elapsed_s: float,
) -> AttestationResult:
    """Make every check of the verifier; what the server says of itself counts only against it.

    Raises:
        NotAttestedError: anything but every check passed, or the server does not affirm itself.
    """
    anchors = question.anchors
    result = appraise(
        shown.evidence,
        policy=anchors.policy,
        trust=anchors.trust,
        expectation=anchors.expect(now=now, elapsed_s=elapsed_s, log_view=question.seen),
        releases=read_releases(releases, anchors),
        answers=read_answers(shown.verdict),
    )
    reason = result.reason
    if reason is not None:
        raise NotAttestedError(result, reason.code, f"{reason.id}: {reason.detail}")
    if result.outcome != "affirming" or shown.claimed != "affirming":
        raise NotAttestedError(result, "service_differs", "the server's own verifier does not affirm it")
    if question.model is not None and (result.statement is None or result.statement.model_name != question.model):
        raise NotAttestedError(result, "model_differs", "it was made for another model than the one asked for")
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A session about to open: what is sent, the keys that follow from it, and what must be proved then."""

    message: Mapping[str, Any]
    channel: ClientChannel
    expected: Mapping[str, Any]
    seen: LogView | None
    log: LogView

    def accept(self, ready: Mapping[str, Any]) -> str:
        """Compare `session.ready` with what was attested; return its resume value.

        Raises:
            AppraisalError: it is another session than the one opened, or its log did not only grow.
        """
        for name, value in self.expected.items():
            if ready.get(name) != value:
                raise AppraisalError("session_mismatch", f"the session that opened has another {name}")
        if self.seen is not None:
            _verify_growth(self.seen, self.log, ready.get("consistency"))
        resume = ready.get("resume")
        if not isinstance(resume, str):
            raise MalformedError("session.ready has no resume value")
        return resume


def build_opening(
    question: Question,
    shown: Shown,
    result: AttestationResult,
    *,
    account: str,
    history_key: bytes | None,
    secret: bytes,
) -> Opening:
    """Seal an opening to the key that was attested; `secret` is 32 random bytes, used once.

    Raises:
        NotAttestedError: the result is not affirming.
        MalformedError: the key cannot be sealed to.
    """
    statement = result.statement
    if result.outcome != "affirming" or statement is None:
        raise NotAttestedError(result, "not_attested", "nothing is sealed to a machine that is not attested")
    log = LogView(origin=statement.log_origin, size=statement.log_size, root=statement.log_root)
    seen = question.seen
    grown_from = seen if seen is not None and seen.origin == log.origin and seen.size < log.size else None
    opening = {
        "secret": b64encode(secret),
        "user": account,
        "history_key": None if history_key is None else b64encode(history_key),
        "enroll": False,
        "outcome": result.outcome,
        "accept_risk": False,
        "checkpoint": grown_from and {"size": grown_from.size, "root": b64encode(grown_from.root)},
    }
    data, suite = shown.evidence.statement, statement.kem_suite
    sealed = seal_opening(json.dumps(opening).encode(), suite=suite, kem_key=shown.evidence.kem_key, statement=data)
    return Opening(
        message={"type": "session.open", "record": shown.record, "suite": suite, "sealed": b64encode(sealed)},
        channel=ClientChannel(secret=secret, sealed=sealed, statement=data),
        expected={
            "type": "session.ready",
            "record": shown.record,
            "statement_sha256": hashlib.sha256(data).hexdigest(),
            "user": account,
            "conversation": question.anchors.conversation,
            "outcome": result.outcome,
        },
        seen=grown_from,
        log=log,
    )


def _verify_growth(seen: LogView, log: LogView, proof: object) -> None:
    if not isinstance(proof, list) or len(proof) > MAX_PROOF:
        raise AppraisalError("log_differs", "The server does not prove that its log only grew.")
    hashes = [b64decode(item, size=HASH_SIZE) for item in proof]
    verify_consistency(old_size=seen.size, old_root=seen.root, new_size=log.size, new_root=log.root, proof=hashes)
