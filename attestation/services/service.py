"""What the embedded attestation service does with a request: collateral of its own, an appraisal, a signed answer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from attestation.appraisal import AttestationResult, appraise
from attestation.checks.software import find_release
from attestation.collateral import Collateral
from attestation.errors import AppraisalError, MalformedError
from attestation.eventlog import parse_event_log
from attestation.evidence import Evidence
from attestation.issuer import LEEWAY_S, SHORT_LIFETIME_S, TokenIssuer
from attestation.policy import Expectation, Policy, Trust
from attestation.quote import TdReport
from attestation.reference_values import ReferenceRelease
from attestation.services.ear import build_claims
from attestation.services.request import DEFAULT_POLICY, AttestationRequest, parse_request
from attestation.services.token_key import key_id, public_jwk
from attestation.token import sign_token
from attestation.verified import VerifiedCache

ISSUER = "urn:confchat:attestation-service"
AUDIENCE = "urn:confchat:relying-party"
NAME = "embedded"
TOKEN_ID_BYTES = 16

# Without these a quote is nobody's word: the service signs nothing about it, as Trustee does not.
AUTHENTICITY = ("quote.parse", "quote.chain", "quote.qe", "quote.signature")


class CollateralSource(Protocol):
    """Where collateral comes from: the service's own choice, never the requester's."""

    async def collateral_for(self, quote: bytes) -> Collateral:
        """Return the collateral of a quote's platform."""


class AttestationService:
    """Appraises a quote as hardware and as a known release, and says in a signed token what it found."""

    def __init__(
        self,
        *,
        key: EllipticCurvePrivateKey,
        policy: Policy,
        trust: Trust,
        releases: Sequence[ReferenceRelease],
        collateral: CollateralSource,
        simulator_root: bytes | None,
        clock: Callable[[], datetime],
        others: Sequence[Policy] = (),
    ) -> None:
        """Judge by `policy` where nobody names one, and by it or one of the `others` where their id is named."""
        self.issuer = embedded_issuer(key)
        self.clock = clock
        self._key = key
        self._policies = {each.id: each for each in (policy, *others)} | {DEFAULT_POLICY: policy}
        self._trust = replace(trust, token_issuers=())
        self._releases = tuple(releases)
        self._collateral = collateral
        self._simulator_root = simulator_root
        self._verified = VerifiedCache()

    @property
    def jwks(self) -> dict[str, Any]:
        """The public keys that this service's tokens are signed with."""
        return {"keys": [dict(key) for key in self.issuer.keys]}

    @property
    def policy_ids(self) -> tuple[str, ...]:
        """The ids of policies that may be asked for."""
        return tuple(self._policies)

    async def attest(self, body: bytes) -> str:
        """Return a signed token about the quote in a request's body.

        Raises:
            MalformedError: the request or its quote cannot be read.
            AppraisalError: the quote is not authentic, or carries other report data; its code says which rule.
            UnavailableError: collateral cannot be had now.
        """
        request = parse_request(body)
        if len(request.policy_ids) != 1 or request.policy_ids[0] not in self._policies:
            raise MalformedError("exactly one policy that is known here can be asked for")
        collateral = await self._collateral.collateral_for(request.quote)
        # A first appraisal takes some milliseconds of signatures: not on the event loop.
        return await asyncio.to_thread(self._answer, request, collateral)

    def _answer(self, request: AttestationRequest, collateral: Collateral) -> str:
        now, policy = self.clock(), self._policies[request.policy_ids[0]]
        result = self._appraise(request, collateral, policy=policy, now=now)
        quote = result.quote
        for check in result.checks:
            if check.id in AUTHENTICITY and check.status != "pass":
                raise AppraisalError(check.code, check.detail)
        if quote is None or quote.report.report_data != request.report_data:
            raise AppraisalError("report_data_differs", "The quote carries other report data.")
        claims = build_claims(
            request,
            result,
            quote,
            is_known_release=self._is_known_release(quote.report, request, policy=policy, now=now),
            issuer=self.issuer,
            token_id=secrets.token_urlsafe(TOKEN_ID_BYTES),
            now=now,
        )
        return sign_token(claims, self._key, key_id(self._key))

    def _is_known_release(
        self, report: TdReport, request: AttestationRequest, *, policy: Policy, now: datetime
    ) -> bool:
        try:
            find_release(
                report,
                parse_event_log(request.ccel, request.aael),
                releases=self._releases,
                policy=policy,
                is_simulated=self._simulator_root is not None,
                now=now,
            )
        except (AppraisalError, MalformedError):
            return False
        return True

    def _appraise(
        self, request: AttestationRequest, collateral: Collateral, *, policy: Policy, now: datetime
    ) -> AttestationResult:
        """Appraise a quote of which no statement is known: what is bound to one stays `unknown`, and is not claimed."""
        evidence = Evidence(
            statement=b"",
            deployment_sig=b"",
            kem_key=b"",
            quote=request.quote,
            collateral=collateral,
            ccel=request.ccel,
            aael=request.aael,
            trust_anchor="intel" if self._simulator_root is None else "simulator",
            simulator_root=self._simulator_root,
        )
        return appraise(
            evidence,
            policy=policy,
            trust=self._trust,
            expectation=_expect_nothing(now, loopback=self._simulator_root is not None),
            releases=self._releases,
            answers=(),
            cache=self._verified,
        )


def embedded_issuer(key: EllipticCurvePrivateKey) -> TokenIssuer:
    """Return the embedded service's names and public key, as relying parties pin them."""
    return TokenIssuer(
        name=NAME,
        form="ear",
        issuer=ISSUER,
        audience=AUDIENCE,
        algorithm="ES256",
        keys=(public_jwk(key),),
        root_sha256=(),
        policies=(),
        max_lifetime_s=SHORT_LIFETIME_S,
        leeway_s=LEEWAY_S,
    )


def _expect_nothing(now: datetime, *, loopback: bool) -> Expectation:
    return Expectation(
        nonce=None,
        conversation=None,
        origin=None,
        suites=None,
        deployment_key=None,
        now=now,
        elapsed_s=None,
        loopback=loopback,
        log_view=None,
    )
