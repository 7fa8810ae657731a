"""The attestation history: what was shown and found is written down before anybody is told.

Nothing here holds, or could hold, the content of a conversation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from attestation.appraisal import AttestationResult, Outcome
from attestation.database import in_database
from attestation.encoding import b64encode
from attestation.errors import AppraisalError
from attestation.evidence import Evidence
from attestation.log.entries import log_attestation, log_opening
from attestation.log.leaves import verdict_members
from attestation.models import Attestation, SharedPart
from attestation.policy_text import name_policy
from attestation.public_keys import PublicKeys
from attestation.reference_values import ReferenceRelease
from attestation.registers import registers_of
from attestation.services.verdict import Verdict

_CERTIFICATES_START = b"-----BEGIN CERTIFICATE-----"


async def record_attestation(
    record: str,
    *,
    evidence: Evidence,
    result: AttestationResult,
    verdict: Verdict,
    user: str | None,
    conversation: str | None,
    requested_at: datetime,
    evidence_at: datetime,
    releases: Sequence[ReferenceRelease],
    keys: PublicKeys,
) -> None:
    """Store one attestation; when this returns it is durable, and its verdict may be sent.

    Args:
        record: the record's id, a UUID, new.
        user: the account id, None for a stranger.
        releases: the reference releases that the appraisal had; the one that the statement names is kept.
        keys: the deployment's public keys of this hour, for whoever takes the evidence away later.

    Raises:
        UnavailableError: the database did not take it: the verdict must not be sent.
    """
    attestation = Attestation(
        id=UUID(record),
        user_id=user,
        conversation=conversation,
        server_outcome=result.outcome,
        outcome=result.outcome,
        requested_at=requested_at,
        evidence_at=evidence_at,
        verdict_at=result.evaluated_at,
        valid_until=result.valid_until,
        tcb_status=result.tcb_status or "",
        **_evidence_columns(evidence),
        **_verdict_columns(result, verdict),
        **_statement_columns(result),
    )
    release = next((item for item in releases if item.digest.hex() == attestation.release_digest), None)
    head, certificates = split_quote(evidence.quote)
    attestation.quote_head = head
    checks = [{**check, "code": code} for check, code in _checks_with_codes(result)]
    found = verdict_members(
        outcome=result.outcome,
        checks=checks,
        token=verdict.token or None,
        verifier=verdict.verifier.to_wire(),
        error=verdict.error_code,
        others=verdict.others_to_wire(),
    )
    parts = {
        "quote_certificates": certificates,
        "collateral": _to_json(evidence.collateral.to_wire()),
        "ccel": evidence.ccel,
        "aael": None if evidence.aael is None else evidence.aael.encode(),
        "simulator_root": evidence.simulator_root,
        "checks": _to_json(checks),
        "verifier": _to_json(verdict.verifier.to_wire()),
        "other_verifiers": _to_json([each.verifier.to_wire() for each in verdict.others]) if verdict.others else None,
        "release": None if release is None else _to_json(release_to_wire(release)),
        "keys": _to_json(keys.to_wire()),
        "measurements": None if result.quote is None else _to_json(registers_of(result.quote)),
    }
    await in_database(_store)(
        attestation, parts, quote=evidence.quote, verdict=found, policy=name_policy(result.policy)
    )


async def record_opening(
    record: str, *, client_outcome: Outcome, outcome: Outcome, accepted_risk: bool, opened: bool
) -> None:
    """Write down what the client found, the worse of both outcomes, and whether its session was opened.

    A record takes one opening: a second one is refused, whatever came of the first.

    Raises:
        AppraisalError: `record_unknown`, there is no such record that waits for its opening.
        UnavailableError: the database did not take it: the session must not open.
    """
    changed = await in_database(_update_opening)(
        UUID(record),
        client_outcome=client_outcome,
        outcome=outcome,
        accepted_risk=accepted_risk,
        opened_at=timezone.now() if opened else None,
    )
    if changed != 1:
        raise AppraisalError("record_unknown", "No such record waits for its opening.")


def split_quote(quote: bytes) -> tuple[bytes, bytes]:
    """Cut a quote before its certificates, which every quote of a platform repeats; joined, both are the quote."""
    position = quote.find(_CERTIFICATES_START)
    return (quote, b"") if position < 0 else (quote[:position], quote[position:])


def release_to_wire(release: ReferenceRelease) -> dict[str, str]:
    """Return one member of `GET /attestation/releases`."""
    return {"manifest": b64encode(release.manifest), "signature": b64encode(release.signature)}


def _evidence_columns(evidence: Evidence) -> dict[str, Any]:
    return {
        "statement": evidence.statement,
        "deployment_sig": evidence.deployment_sig,
        "kem_key": evidence.kem_key,
        "trust_anchor": evidence.trust_anchor,
        "gpu": evidence.gpu or "",
    }


def _verdict_columns(result: AttestationResult, verdict: Verdict) -> dict[str, Any]:
    reason = result.reason
    return {
        "failing_check": "" if reason is None else reason.id,
        "failing_code": "" if reason is None else reason.code,
        "verifier_kind": verdict.verifier.kind,
        "token": verdict.token or "",
        "error_code": verdict.error_code or "",
        "other_answers": [{"token": each.token, "error": each.error_code} for each in verdict.others],
    }


def _statement_columns(result: AttestationResult) -> dict[str, Any]:
    statement, quote = result.statement, result.quote
    return {
        "release_version": "" if statement is None else statement.release_version,
        "release_digest": "" if statement is None else statement.release_digest.hex(),
        "model_name": "" if statement is None else statement.model_name,
        "mr_td": "" if quote is None else quote.report.mr_td.hex(),
    }


def _checks_with_codes(result: AttestationResult) -> Iterable[tuple[dict[str, str], str]]:
    return zip(result.to_wire_checks(), (check.code for check in result.checks), strict=True)


def _to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _store(
    attestation: Attestation,
    parts: dict[str, bytes | None],
    *,
    quote: bytes,
    verdict: dict[str, Any],
    policy: dict[str, str],
) -> None:
    contents = {name: content for name, content in parts.items() if content is not None}
    with transaction.atomic():
        ids = _keep_shared(contents.values())
        for name, content in contents.items():
            setattr(attestation, f"{name}_id", ids[content])
        attestation.save(force_insert=True)
        log_attestation(attestation, quote=quote, verdict=verdict, policy=policy)


def _keep_shared(contents: Iterable[bytes]) -> dict[bytes, int]:
    """Return the row of each content, making those that are new."""
    by_digest = {hashlib.sha256(content).hexdigest(): content for content in contents}
    rows = dict(SharedPart.objects.filter(digest__in=by_digest).values_list("digest", "pk"))
    missing = [SharedPart(digest=digest, content=by_digest[digest]) for digest in by_digest.keys() - rows.keys()]
    if missing:
        # Another process may store the same part at this moment: then its row is the one.
        SharedPart.objects.bulk_create(missing, ignore_conflicts=True)
        rows = dict(SharedPart.objects.filter(digest__in=by_digest).values_list("digest", "pk"))
    return {content: rows[digest] for digest, content in by_digest.items()}


def _update_opening(record: UUID, *, opened_at: datetime | None, **found: Any) -> int:
    with transaction.atomic():
        changed = Attestation.objects.filter(pk=record, client_outcome="").update(opened_at=opened_at, **found)
        if changed == 1:
            log_opening(Attestation(pk=record), **found)
        return changed
