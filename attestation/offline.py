"""Judging a bundle again, under anchors of one's own, at its own time or another. No Django, no network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from attestation.answers import read_answers
from attestation.appraisal import AttestationResult, appraise, decide
from attestation.bundle import Bundle
from attestation.collateral import Collateral
from attestation.errors import MalformedError
from attestation.evidence import Evidence
from attestation.issuer import TokenIssuer
from attestation.log.leaves import attestation_facts, signed_part, verdict_members
from attestation.log.proof import Logged, judge_log_proof
from attestation.pki import INTEL_ROOT_CA_SHA256
from attestation.policy import Expectation, LogView, Policy, Trust
from attestation.reference_values import ReferenceRelease, RefusedRelease, parse_releases
from attestation.statement import Statement, parse_statement
from attestation.verified import VerifiedCache

# What can be asked again later: the machine, its software and what was bound. Nobody's clock, question or token.
LASTING = frozenset(
    {
        *("quote.parse", "quote.chain", "quote.collateral", "quote.qe", "quote.signature", "tcb.status", "platform.id"),
        *("td.attributes", "td.measurements", "binding.report_data"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """What the person who judges knows and trusts; None and empty mean not known, and are never a pass."""

    nonce: bytes | None
    conversation: str | None
    origin: str | None
    suites: tuple[str, ...] | None
    log_key: bytes | None
    release_keys: tuple[bytes, ...]
    token_issuers: tuple[TokenIssuer, ...]
    simulator_root_sha256: bytes | None
    gpu_keys: tuple[Mapping[str, str], ...]
    policy: Policy

    @property
    def trust(self) -> Trust:
        """Whom an appraisal believes under these anchors."""
        return Trust(
            root_sha256=frozenset({INTEL_ROOT_CA_SHA256}),
            simulator_root_sha256=self.simulator_root_sha256,
            gpu_keys=self.gpu_keys,
            token_issuers=self.token_issuers,
        )

    def expect(
        self, *, now: datetime, elapsed_s: float | None, log_view: LogView | None, stated_origin: str = ""
    ) -> Expectation:
        """Return what is expected of one piece of evidence; `stated_origin` stands in where none is known."""
        return Expectation(
            nonce=self.nonce,
            conversation=self.conversation,
            origin=self.origin,
            suites=self.suites,
            deployment_key=self.log_key,
            now=now,
            elapsed_s=elapsed_s,
            loopback=is_loopback(self.origin or stated_origin),
            log_view=log_view,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A judgement of one record, two questions apart.

    `then` is judged at `judged_at` with the lists that the record brings: the evidence's own time where nobody gave
    one, and then freshness is not checked. `now` is `then`'s machine judged with today's lists, None where nobody
    gave any; it has the checks of `LASTING` alone, since an answer to a question is not given again.
    """

    bundle: Bundle
    anchors: Anchors
    then: AttestationResult
    judged_at: datetime
    time_was_given: bool
    now: AttestationResult | None
    logged: Logged

    @property
    def holds(self) -> bool:
        """Whether it was good then, is good now where that was asked, and nothing in the log speaks against it."""
        return self.logged.status != "fail" and all(
            result.outcome == "affirming" for result in (self.then, self.now) if result is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """Today's lists for a platform, and the time."""

    collateral: Collateral
    time: datetime


def verify_bundle(
    bundle: Bundle,
    *,
    anchors: Anchors,
    at: datetime | None,
    today: Today | None = None,
    cache: VerifiedCache | None = None,
) -> Verification:
    """Appraise a bundle's evidence; `at` None means the time at which the evidence says that it was made.

    Raises:
        MalformedError: no time was given, and the statement that would name one cannot be read.
        ConfigurationError: an anchor is not a key.
    """
    judged_at = at or _stated_time(bundle)
    releases = read_releases([] if bundle.release is None else [bundle.release], anchors)

    def judge(evidence: Evidence, time: datetime) -> AttestationResult:
        return appraise(
            evidence,
            policy=anchors.policy,
            trust=anchors.trust,
            # Nobody waits for an answer here: a given time alone decides on freshness, and without one it is unknown.
            expectation=anchors.expect(
                now=time,
                elapsed_s=None if at is None else 0.0,
                log_view=None,
                stated_origin=_stated_origin(bundle),
            ),
            releases=releases,
            answers=read_answers({**bundle.verdict, "token": bundle.token}),
            cache=cache,
        )

    return Verification(
        bundle=bundle,
        anchors=anchors,
        then=judge(bundle.evidence, judged_at),
        judged_at=judged_at,
        time_was_given=at is not None,
        now=None if today is None else _lasting(judge(with_todays_lists(bundle.evidence, today), today.time)),
        logged=_judge_log(bundle, anchors),
    )


def _judge_log(bundle: Bundle, anchors: Anchors) -> Logged:
    """Say whether this very record, with the verdict in the archive, stands in the operator's log."""
    statement = _statement(bundle)
    facts = attestation_facts(
        record=bundle.record,
        statement=bundle.evidence.statement,
        quote_signed=signed_part(bundle.evidence.quote),
        verdict=recorded_verdict(bundle),
    )
    origin = None if statement is None else statement.log_origin
    return judge_log_proof(bundle.log, facts=facts, origin=origin, log_key=anchors.log_key)


def recorded_verdict(bundle: Bundle) -> dict[str, Any]:
    """Return the verdict that an archive tells of, as its log entry has it (`verdict_members`)."""
    verdict = bundle.verdict
    error = verdict.get("error")
    return verdict_members(
        outcome=str(verdict.get("server_outcome")),
        checks=bundle.checks,
        token=bundle.token,
        verifier=verdict.get("verifier"),
        error=error.get("code") if isinstance(error, dict) else None,
        others=verdict.get("others"),
    )


def with_todays_lists(evidence: Evidence, today: Today) -> Evidence:
    """Return evidence beside other lists than its own."""
    return replace(evidence, collateral=today.collateral)


def is_loopback(origin: str) -> bool:
    """Say whether an origin's host is exactly localhost, 127.0.0.0/8 or [::1]."""
    try:
        host = urlsplit(origin).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _stated_time(bundle: Bundle) -> datetime:
    """Return when the evidence was sent, as the archive says and the statement's own times allow."""
    statement = parse_statement(bundle.evidence.statement)
    try:
        first, last = (datetime.fromtimestamp(at, UTC) for at in (statement.issued_at, statement.expires_at))
        sent = datetime.fromisoformat(str(bundle.verdict.get("evidence_at")))
        return min(max(sent, first), last)
    except (OverflowError, TypeError, ValueError, OSError) as error:
        raise MalformedError("the evidence names no time that exists; give one with --at") from error


def _stated_origin(bundle: Bundle) -> str:
    statement = _statement(bundle)
    return "" if statement is None else statement.origin


def _statement(bundle: Bundle) -> Statement | None:
    try:
        return parse_statement(bundle.evidence.statement)
    except MalformedError:
        return None


def read_releases(
    pairs: Iterable[tuple[bytes, bytes]], anchors: Anchors
) -> tuple[ReferenceRelease | RefusedRelease, ...]:
    """Read published releases (manifest and signature) under each known key: one good signature is enough."""
    return tuple(_read_release(pair, anchors.release_keys) for pair in pairs if anchors.release_keys)


def _read_release(pair: tuple[bytes, bytes], keys: Iterable[bytes]) -> ReferenceRelease | RefusedRelease:
    found = [item for key in keys for item in parse_releases([pair], release_key=key)]
    return next((item for item in found if isinstance(item, ReferenceRelease)), found[0])


def _lasting(result: AttestationResult) -> AttestationResult:
    """Return a result without what was only ever true for minutes."""
    checks = tuple(check for check in result.checks if check.id in LASTING)
    return replace(result, checks=checks, outcome=decide(checks))
