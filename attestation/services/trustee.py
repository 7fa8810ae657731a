"""A verifier behind Trustee's REST interface (restful-as since v0.14), spoken to over `httpx`.

The embedded service is this client on `httpx.ASGITransport`: one way through the code, whoever answers. What the
service says is believed only under the pinned key; its failures are told apart, since people act on them differently.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import datetime

import httpx

from attestation.errors import AppraisalError, AttestationError, ConfigurationError, MalformedError
from attestation.evidence import Evidence
from attestation.quote import parse_quote
from attestation.services.ear import speaks_of
from attestation.services.request import build_request
from attestation.services.verdict import Verdict, VerifierInfo
from attestation.token import TokenIssuer, verify_token

MAX_ANSWER_BYTES = 64 * 1024

# Overload, and proxies whose service is away. Trustee answers 500 where it does not accept evidence.
_UNAVAILABLE_STATUSES = frozenset({408, 425, 429, 502, 503, 504})
_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")


class ServiceError(AttestationError):
    """The service gave no verdict that counts; `code` is one of those that `Verdict` names."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class TrusteeVerifier:
    """Asks one service, and takes only what its pinned key signed about the very quote that was sent."""

    def __init__(
        self,
        url: str,
        *,
        kind: str,
        issuer: TokenIssuer,
        transport: httpx.AsyncBaseTransport,
        timeout_s: float,
        clock: Callable[[], datetime],
    ) -> None:
        if httpx.URL(url).scheme not in ("http", "https"):
            raise ConfigurationError(f"{url!r} is not the address of an attestation service")
        self.info = VerifierInfo(kind=kind, url=url, issuer=issuer.issuer, jwks={"keys": [dict(issuer.key)]})
        self.token_issuer = issuer
        self._timeout_s = timeout_s
        self._clock = clock
        self._client = httpx.AsyncClient(
            base_url=url, transport=transport, timeout=timeout_s, trust_env=False, follow_redirects=False
        )

    async def verify(self, evidence: Evidence, *, report_data: bytes) -> Verdict:
        """Have a quote judged that must carry `report_data` (64 bytes); every failure is a verdict with a code."""
        token = None
        try:
            token = await self._ask(build_request(evidence, report_data=report_data))
            self._verify_answer(token, evidence=evidence)
        except ServiceError as error:
            return Verdict(token=token, error_code=error.code, verifier=self.info)
        return Verdict(token=token, error_code=None, verifier=self.info)

    async def aclose(self) -> None:
        """Give back connections."""
        await self._client.aclose()

    async def _ask(self, body: bytes) -> str:
        """Return the service's token, not verified."""
        try:
            # httpx limits each step; this limits them all together.
            async with asyncio.timeout(self._timeout_s):
                status, answer = await self._post(body)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ServiceError("service_timeout", "the attestation service did not answer in time") from error
        except httpx.TransportError as error:
            raise ServiceError("service_unavailable", "the attestation service cannot be reached") from error
        if status != 200:
            raise _refusal(status, answer)
        token = answer.decode("ascii", "replace").strip()
        if not _COMPACT_JWS.match(token):
            raise ServiceError("service_lying", "the attestation service's answer is not a token")
        return token

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        headers = {"content-type": "application/json", "accept": "*/*", "accept-encoding": "identity"}
        answer = b""
        async with self._client.stream("POST", "/attestation", content=body, headers=headers) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise ServiceError("service_lying", "the attestation service packed an answer that must not be packed")
            async for piece in response.aiter_bytes():
                answer += piece
                if len(answer) > MAX_ANSWER_BYTES:
                    raise ServiceError("service_lying", "the attestation service's answer is too long")
        return response.status_code, answer

    def _verify_answer(self, token: str, *, evidence: Evidence) -> None:
        try:
            claims = verify_token(token, self.token_issuer, now=self._clock())
            quote = parse_quote(evidence.quote)
        except (AppraisalError, MalformedError) as error:
            raise ServiceError("service_lying", "the attestation service's token does not hold") from error
        if not speaks_of(claims, quote):
            raise ServiceError("service_lying", "the attestation service's token is about another quote")


def _refusal(status: int, answer: bytes) -> ServiceError:
    if status in _UNAVAILABLE_STATUSES or _is_retryable(answer):
        return ServiceError("service_unavailable", f"the attestation service is busy or away ({status})")
    if status >= 400:
        return ServiceError("service_refused", f"the attestation service refused the evidence ({status})")
    return ServiceError("service_lying", f"the attestation service answered outside its protocol ({status})")


def _is_retryable(answer: bytes) -> bool:
    """Read `retryable` of a problem document (RFC 9457), as newer services send it."""
    try:
        problem = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    return isinstance(problem, dict) and problem.get("retryable") is True
