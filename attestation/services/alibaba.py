"""Alibaba Cloud's remote attestation service: anonymous, in Trustee's older dialect, with OIDC tokens (RS256).

Its token holds for six hours and names no TCB status: how up to date the platform is, our own appraisal alone says.
Source: Alibaba Cloud, Elastic Compute Service, "Remote attestation service".
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from attestation.answers import Answer
from attestation.encoding import b64encode
from attestation.evidence import Evidence
from attestation.issuer import TokenIssuer
from attestation.services.caller import ServiceCaller
from attestation.services.remote import read_token
from attestation.services.request import build_old_request
from attestation.services.verdict import ServiceError, VerifierInfo

PATH = "/v1/attestation"


class AlibabaDialect:
    """Asks the service, which compares the report data itself.

    Its documentation writes runtime data in padded standard base64, the software that it is made of reads unpadded
    base64url: where the first is refused the other one is tried, and what was taken is remembered.
    """

    def __init__(self, caller: ServiceCaller, *, issuer: TokenIssuer, policy_ids: Sequence[str]) -> None:
        self._caller = caller
        self._policy_ids = policy_ids
        self._name = issuer.name
        self._jwks = VerifierInfo.of(issuer, kind="alibaba", url=caller.url).jwks
        self._is_urlsafe: bool | None = None

    async def ask(self, evidence: Evidence, *, report_data: bytes) -> Answer:
        """Return the service's answer; see `Dialect`."""
        if self._is_urlsafe is not None:
            return await self._post(evidence, report_data, is_urlsafe=self._is_urlsafe)
        try:
            answer = await self._post(evidence, report_data, is_urlsafe=False)
        except ServiceError as error:
            if error.code != "service_refused":
                raise
            answer = await self._post(evidence, report_data, is_urlsafe=True)
            self._is_urlsafe = True
        else:
            self._is_urlsafe = False
        return answer

    async def aclose(self) -> None:
        """Give back connections."""
        await self._caller.aclose()

    async def _post(self, evidence: Evidence, report_data: bytes, *, is_urlsafe: bool) -> Answer:
        raw = b64encode(report_data) if is_urlsafe else base64.b64encode(report_data).decode("ascii")
        body = build_old_request(evidence, runtime_data=raw, policy_ids=self._policy_ids)
        token = read_token(await self._caller.post(PATH, body))
        return Answer(name=self._name, token=token, jwks=self._jwks)
