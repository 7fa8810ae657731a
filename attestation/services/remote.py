"""A verifier that is asked over HTTP, whatever dialect it speaks: it is believed only under its pinned key."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from attestation.answers import Answer
from attestation.errors import AppraisalError, MalformedError, UnavailableError
from attestation.evidence import Evidence
from attestation.issuer import TokenIssuer
from attestation.quote import parse_quote
from attestation.services.verdict import ServiceError, Verdict, VerifierInfo
from attestation.token import verify_token
from attestation.token_claims import speaks_of

_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")


class Dialect(Protocol):
    """How one kind of service is asked."""

    async def ask(self, evidence: Evidence, *, report_data: bytes) -> Answer:
        """Return the service's answer, its token not verified.

        Raises:
            ServiceError: there is none.
            UnavailableError, ConfigurationError: this machine cannot give what the service needs.
        """

    async def aclose(self) -> None:
        """Give back connections."""


class RemoteVerifier:
    """Asks one service, and takes only what its pinned key signed about the very quote that was sent."""

    def __init__(
        self, dialect: Dialect, *, info: VerifierInfo, issuer: TokenIssuer, clock: Callable[[], datetime]
    ) -> None:
        self.info = info
        self.issuers = (issuer,)
        self._dialect = dialect
        self._clock = clock

    async def verify(self, evidence: Evidence, *, report_data: bytes) -> Verdict:
        """Have a quote judged that must carry `report_data` (64 bytes); every failure is a verdict with a code."""
        answer = Answer(name=self.info.name, token=None, jwks=self.info.jwks)
        try:
            answer = await self._dialect.ask(evidence, report_data=report_data)
            self._verify_answer(answer, evidence=evidence)
        except ServiceError as error:
            return self._verdict(answer, error.code)
        except UnavailableError:
            return self._verdict(answer, "service_unavailable")
        return self._verdict(answer, None)

    async def aclose(self) -> None:
        """Give back connections."""
        await self._dialect.aclose()

    def _verdict(self, answer: Answer, code: str | None) -> Verdict:
        return Verdict(token=answer.token, error_code=code, verifier=replace(self.info, jwks=answer.jwks))

    def _verify_answer(self, answer: Answer, *, evidence: Evidence) -> None:
        issuer = self.issuers[0]
        try:
            claims = verify_token(answer.token or "", issuer, now=self._clock(), jwks=answer.jwks)
            report = parse_quote(evidence.quote).report
        except (AppraisalError, MalformedError) as error:
            raise ServiceError("service_lying", "the attestation service's token does not hold") from error
        if not speaks_of(claims, issuer, report):
            raise ServiceError("service_lying", "the attestation service's token is about another quote")


def read_token(answer: bytes) -> str:
    """Return a body that must be one compact JWS and nothing else, not verified. Raises `ServiceError`."""
    token = answer.decode("ascii", "replace").strip()
    if not _COMPACT_JWS.match(token):
        raise ServiceError("service_lying", "the attestation service's answer is not a token")
    return token
