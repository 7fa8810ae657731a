"""One handshake: request → statement → quote → verdict → opening, and the gate that decides on it.

The steps of docs/PROTOCOL.md sections 2 to 4 in order; sockets and tasks are the consumer's.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from attestation.appraisal import AttestationResult, Expectation, Outcome, appraise, worse_outcome
from attestation.channel import KemKey, SealedChannel, choose_suite, generate_kem_key, open_opening
from attestation.errors import ChannelError
from attestation.evidence import Evidence
from attestation.history import record_attestation, record_opening
from attestation.policy import NO_CONVERSATION
from attestation.policy_text import name_policy
from attestation.statement import Statement, build_statement, report_data
from confchat import metrics
from confchat.checks import is_loopback
from confchat.deployment import Deployment
from confchat.errors import FrameError, RequestError
from confchat.frames import Opening, SessionOpen, parse_opening
from confchat.history_key import prove_history_key
from confchat.llm import ModelDescription

# Whatever the policy and the risk accepted, no session opens without these (docs/PROTOCOL.md section 4).
INDISPENSABLE = frozenset({"quote.chain", "quote.qe", "quote.signature", "td.attributes"})
# Faults of Intel's lists under which what `quote.qe` compares with would be anybody's word.
FORGED_LISTS = frozenset(
    {"collateral_malformed", "collateral_kind", "collateral_signer", "collateral_signature", "not_checked"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks for evidence: `user` is the account id, null for a stranger; a program's login is an access token."""

    user: str | None
    origin: str
    is_program: bool = False


@dataclass(slots=True, kw_only=True)
class Handshake:
    """Evidence given to one client; opened at most once, while it has its key."""

    record: str
    asker: Asker
    request_nonce: bytes
    conversation: str | None
    suites: tuple[str, ...]
    model: ModelDescription
    embedding: ModelDescription | None
    evidence: Evidence
    statement: Statement
    started: float
    requested_at: datetime
    evidence_at: datetime
    key: KemKey | None
    result: AttestationResult | None = None

    def evidence_message(self) -> dict[str, Any]:
        return {"type": "attest.evidence", "record": self.record, **self.evidence.to_wire()}


async def begin_handshake(
    deployment: Deployment,
    asker: Asker,
    *,
    nonce: bytes,
    conversation: str | None,
    suites: tuple[str, ...],
    model: str | None = None,
) -> Handshake:
    """Make a key, a statement and a quote over it, and fetch the collateral that goes with it.

    Raises:
        FrameError: no suite in common.
        UnavailableError, ModelError: no quote, no collateral or no model now.
    """
    started, requested_at = time.monotonic(), datetime.now(UTC)
    if (suite := choose_suite(suites)) is None:
        raise FrameError("bad_message", "no suite in common")
    key = generate_kem_key(suite)
    await deployment.log.begin()
    described = await deployment.describe_model(model)
    await deployment.settle_release()
    await deployment.workload.measure(described, deployment.release)
    embedding = await deployment.measured_embedding()
    gpu = await deployment.gpu.collect(nonce)
    stated = _state(deployment, asker, nonce=nonce, conversation=conversation, key=key, model=described)
    statement = replace(stated, gpu=gpu.stated)
    statement_bytes = build_statement(statement)
    proof = await deployment.workload.prove(statement_bytes, described, deployment.release)
    evidence = Evidence(
        statement=statement_bytes,
        deployment_sig=deployment.log_key.sign_statement(statement_bytes),
        kem_key=key.public,
        quote=proof.quote,
        collateral=await deployment.collateral.collateral_for(proof.quote),
        ccel=proof.ccel,
        aael=proof.aael,
        trust_anchor=deployment.attester.trust_anchor,
        simulator_root=deployment.simulator_root,
        gpu=gpu.text,
    )
    return Handshake(
        record=str(uuid.uuid4()),
        asker=asker,
        request_nonce=nonce,
        conversation=conversation,
        suites=suites,
        model=described,
        embedding=embedding,
        evidence=evidence,
        statement=statement,
        started=started,
        requested_at=requested_at,
        evidence_at=datetime.now(UTC),
        key=key,
    )


async def appraise_handshake(deployment: Deployment, handshake: Handshake) -> dict[str, Any]:
    """Ask the attestation service, appraise everything ourselves, record both; then return `attest.verdict`."""
    verdict = await deployment.verifier.verify(
        handshake.evidence, report_data=report_data(handshake.evidence.statement)
    )
    result = await asyncio.to_thread(
        appraise,
        handshake.evidence,
        policy=deployment.policy,
        trust=deployment.trust,
        expectation=_expectation(deployment, handshake),
        releases=deployment.releases,
        answers=verdict.answers,
        cache=deployment.verified,
    )
    await record_attestation(
        handshake.record,
        evidence=handshake.evidence,
        result=result,
        verdict=verdict,
        user=handshake.asker.user,
        conversation=handshake.conversation,
        requested_at=handshake.requested_at,
        evidence_at=handshake.evidence_at,
        releases=deployment.releases,
        keys=deployment.keys,
    )
    deployment.log.wake()
    handshake.result = result
    metrics.ATTESTATIONS.labels(result.outcome).inc()
    metrics.HANDSHAKE_SECONDS.observe(time.monotonic() - handshake.started)
    return {
        "type": "attest.verdict",
        "record": handshake.record,
        "outcome": result.outcome,
        "policy": name_policy(deployment.policy),
        "checks": result.to_wire_checks(),
        **verdict.to_wire(),
    }


async def open_session(
    deployment: Deployment, handshake: Handshake, message: SessionOpen
) -> tuple[SealedChannel, Opening, Outcome]:
    """Open what the client sealed and pass the gate; return the channel, the opening and the outcome.

    The key is gone after this, whatever comes of it.

    Raises:
        ChannelError, FrameError: not an opening for this handshake.
        RequestError: `record_unknown`, `record_expired`, `wrong_account`, `refused_by_policy`, `history_key_wrong`.
    """
    key, handshake.key = handshake.key, None
    if key is None or handshake.result is None:
        raise RequestError("record_unknown", retry=True)
    if time.monotonic() - handshake.started > deployment.policy.max_lifetime_s:
        raise RequestError("record_expired", retry=True)
    if message.suite != key.suite:
        raise ChannelError("opening_malformed")
    statement = handshake.evidence.statement
    opening = parse_opening(open_opening(key, sealed=message.sealed, statement=statement))
    if opening.user != handshake.asker.user:
        raise RequestError("wrong_account")
    outcome = worse_outcome(handshake.result.outcome, opening.outcome)
    accepted = may_open(deployment, handshake.result, opening, outcome)
    if accepted and opening.history_key is not None:
        key_of_history, user = opening.history_key, opening.user
        enroll = opening.enroll and not handshake.asker.is_program
        await deployment.writes.run(lambda: prove_history_key(key_of_history, user=user, enroll=enroll))
    await record_opening(
        handshake.record,
        client_outcome=opening.outcome,
        outcome=outcome,
        accepted_risk=opening.accept_risk and outcome != "affirming",
        opened=accepted,
    )
    deployment.log.wake()
    metrics.OPENINGS.labels("opened" if accepted else "refused_by_policy").inc()
    if not accepted:
        raise RequestError("refused_by_policy")
    channel = SealedChannel(secret=opening.secret, sealed=message.sealed, statement=statement)
    return channel, opening, outcome


def may_open(deployment: Deployment, result: AttestationResult, opening: Opening, outcome: Outcome) -> bool:
    """The gate: `affirming` alone, or a risk accepted where the policy lets users accept it."""
    if outcome == "affirming":
        return True
    if deployment.policy.enforcement != "warn" or not opening.accept_risk or opening.history_key is not None:
        return False
    return all(
        check.status == "pass"
        for check in result.checks
        if check.id in INDISPENSABLE
        or check.id.startswith("binding.")
        or (check.id == "quote.collateral" and check.code in FORGED_LISTS)
    )


async def prove_growth(deployment: Deployment, handshake: Handshake, opening: Opening) -> list[str] | None:
    """Return the proof that the log only grew from what the client last saw to what the statement names.

    None where the client saw nothing of it yet, or nothing older.

    Raises:
        AttestationError: the log cannot be read.
    """
    return await deployment.log.prove_consistency(opening.checkpoint, size=handshake.statement.log_size)


def ready_message(
    handshake: Handshake, opening: Opening, *, outcome: Outcome, resume: str, consistency: list[str] | None
) -> dict[str, Any]:
    """Build the first sealed message of a session."""
    return {
        "type": "session.ready",
        "record": handshake.record,
        "statement_sha256": hashlib.sha256(handshake.evidence.statement).hexdigest(),
        "user": opening.user,
        "conversation": handshake.conversation,
        "outcome": outcome,
        "resume": resume,
        "consistency": consistency,
    }


def _state(
    deployment: Deployment,
    asker: Asker,
    *,
    nonce: bytes,
    conversation: str | None,
    key: KemKey,
    model: ModelDescription,
) -> Statement:
    now, checkpoint = int(time.time()), deployment.checkpoint()
    return Statement(
        nonce=nonce,
        conversation=conversation,
        origin=asker.origin,
        issued_at=now,
        expires_at=now + deployment.policy.max_lifetime_s,
        instance=deployment.instance,
        kem_suite=key.suite,
        kem_key_sha256=key.public_sha256,
        model_name=model.name,
        model_digest=model.digest,
        model_backend=model.backend,
        release_version=deployment.release.version,
        release_digest=deployment.release.digest,
        policy=deployment.policy.enforcement,
        model_endpoint=deployment.model_endpoint,
        development=deployment.development,
        log_origin=checkpoint.origin,
        log_size=checkpoint.size,
        log_root=checkpoint.root,
    )


def _expectation(deployment: Deployment, handshake: Handshake) -> Expectation:
    return Expectation(
        nonce=handshake.request_nonce,
        conversation=NO_CONVERSATION if handshake.conversation is None else handshake.conversation,
        origin=handshake.asker.origin,
        suites=handshake.suites,
        deployment_key=deployment.log_key.public,
        now=datetime.now(UTC),
        elapsed_s=time.monotonic() - handshake.started,
        loopback=deployment.development and is_loopback(handshake.asker.origin),
        log_view=None,
    )
