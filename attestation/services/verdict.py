"""What a verifier answers, and who it is: values for the wire and the history, believed by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from attestation.evidence import Evidence
from attestation.token import TokenIssuer


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierInfo:
    """Who verified: `kind` is `embedded` or `trustee`; `jwks` holds the keys that its tokens are checked with."""

    kind: str
    url: str
    issuer: str
    jwks: Mapping[str, Any]

    def to_wire(self) -> dict[str, Any]:
        """Return the member `verifier` of `attest.verdict`."""
        return {"kind": self.kind, "url": self.url, "issuer": self.issuer, "jwks": dict(self.jwks)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A verifier's answer to one piece of evidence.

    `token` is kept even where it was found to be false, so that the history shows what was sent. `error_code` is
    `service_refused`, `service_unavailable`, `service_timeout` or `service_lying`; without one, the token is the
    service's own and speaks of this quote: what it says of it is still to be read.
    """

    token: str | None
    error_code: str | None
    verifier: VerifierInfo


class Verifier(Protocol):
    """An attestation service: evidence in, verdict out. Its failures are verdicts too, never exceptions."""

    @property
    def info(self) -> VerifierInfo:
        """Who this is."""

    @property
    def token_issuer(self) -> TokenIssuer:
        """The pinned key and names that its tokens must carry."""

    async def verify(self, evidence: Evidence, *, report_data: bytes) -> Verdict:
        """Have a quote judged that must carry `report_data` (64 bytes)."""

    async def aclose(self) -> None:
        """Give back connections."""
