"""Several verifiers asked at once, under one deadline: each one's answer is kept, whatever the others say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from attestation.errors import ConfigurationError
from attestation.evidence import Evidence
from attestation.issuer import TokenIssuer
from attestation.services.verdict import Verdict, Verifier, VerifierInfo

DEADLINE_S = 15.0


class Panel:
    """Asks every verifier; whether any or all must affirm is the policy's to say, not decided here."""

    def __init__(self, verifiers: Sequence[Verifier], *, deadline_s: float = DEADLINE_S) -> None:
        if not verifiers:
            raise ConfigurationError("there is no attestation service, neither embedded nor elsewhere")
        self._verifiers = tuple(verifiers)
        self._deadline_s = deadline_s

    @property
    def info(self) -> VerifierInfo:
        """The first one."""
        return self._verifiers[0].info

    @property
    def issuers(self) -> tuple[TokenIssuer, ...]:
        """Those of all, in their order."""
        return tuple(issuer for verifier in self._verifiers for issuer in verifier.issuers)

    async def verify(self, evidence: Evidence, *, report_data: bytes) -> Verdict:
        """Have a quote judged by all at once; whoever has not answered at the deadline did not answer in time."""
        asked = [asyncio.create_task(each.verify(evidence, report_data=report_data)) for each in self._verifiers]
        try:
            await asyncio.wait(asked, timeout=self._deadline_s)
        finally:
            for task in asked:
                task.cancel()
        first, *others = (_verdict(task, each) for task, each in zip(asked, self._verifiers, strict=True))
        return first.with_others(tuple(others))

    async def aclose(self) -> None:
        """Give back connections."""
        for verifier in self._verifiers:
            await verifier.aclose()


def _verdict(task: asyncio.Task[Verdict], verifier: Verifier) -> Verdict:
    if not task.done():
        return Verdict(token=None, error_code="service_timeout", verifier=verifier.info)
    return task.result()
