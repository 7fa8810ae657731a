"""Trustee's REST interface (restful-as), in both of its dialects: up to v0.13, and since v0.14.

The embedded service is asked like this too, through `httpx.ASGITransport`: one way through the code, whoever answers.
Source: confidential-containers/trustee, attestation-service/src/bin/restful/mod.rs, of both times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from attestation.answers import Answer
from attestation.encoding import b64encode
from attestation.evidence import Evidence
from attestation.issuer import TokenIssuer
from attestation.services.caller import ServiceCaller
from attestation.services.remote import read_token
from attestation.services.request import build_old_request, build_request
from attestation.services.verdict import ServiceError, VerifierInfo

Era = Literal["auto", "0.13", "0.14"]

# What the older service's JSON reader says of a newer request: it looks for this member at the top.
_OLD_COMPLAINT = b"missing field `tee`"


class TrusteeDialect:
    """Asks a restful-as; `auto` begins with the newer dialect, and remembers a service that wants the older one."""

    def __init__(self, caller: ServiceCaller, *, issuer: TokenIssuer, era: Era, policy_ids: Sequence[str]) -> None:
        self._caller = caller
        self._era = era
        self._policy_ids = policy_ids
        self._name = issuer.name
        self._jwks = VerifierInfo.of(issuer, kind="trustee", url=caller.url).jwks

    async def ask(self, evidence: Evidence, *, report_data: bytes) -> Answer:
        """Return the service's answer; see `Dialect`."""
        if self._era == "0.13":
            return await self._ask_old(evidence, report_data)
        body = build_request(evidence, report_data=report_data, policy_ids=self._policy_ids)
        try:
            return await self._post(body)
        except ServiceError as error:
            if self._era != "auto" or _OLD_COMPLAINT not in error.body:
                raise
        self._era = "0.13"
        return await self._ask_old(evidence, report_data)

    async def aclose(self) -> None:
        """Give back connections."""
        await self._caller.aclose()

    async def _ask_old(self, evidence: Evidence, report_data: bytes) -> Answer:
        raw = b64encode(report_data)
        return await self._post(build_old_request(evidence, runtime_data=raw, policy_ids=self._policy_ids))

    async def _post(self, body: bytes) -> Answer:
        token = read_token(await self._caller.post("/attestation", body))
        return Answer(name=self._name, token=token, jwks=self._jwks)
