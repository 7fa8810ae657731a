"""What a verifier answers, and who it is: values for the wire and the history, believed by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from attestation.answers import Answer
from attestation.errors import AttestationError
from attestation.evidence import Evidence
from attestation.issuer import TokenIssuer


class ServiceError(AttestationError):
    """The service gave no verdict that counts; `code` is one of those that `Verdict` names.

    `status` and `body` are what it answered where it refused: another dialect may be what it wants to hear.
    """

    def __init__(self, code: str, detail: str, *, status: int | None = None, body: bytes = b"") -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierInfo:
    """Who verified: `kind` is `embedded`, `trustee`, `alibaba` or `trust-authority`, `name` what its operator calls it.

    `jwks` holds the keys that its tokens are checked with, and certificates where a root is pinned.
    """

    kind: str
    name: str
    url: str
    issuer: str
    jwks: Mapping[str, Any]

    @classmethod
    def of(cls, issuer: TokenIssuer, *, kind: str, url: str) -> VerifierInfo:
        """Return who is asked at an address under a pinned issuer."""
        jwks = {"keys": [dict(key) for key in issuer.keys]}
        return cls(kind=kind, name=issuer.name, url=url, issuer=issuer.issuer or issuer.name, jwks=jwks)

    def to_wire(self) -> dict[str, Any]:
        """Return the member `verifier` of `attest.verdict`."""
        return {
            "kind": self.kind,
            "name": self.name,
            "url": self.url,
            "issuer": self.issuer,
            "jwks": dict(self.jwks),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A verifier's answer to one piece of evidence, and those of the others where several were asked.

    `token` is kept even where it was found to be false, so that the history shows what was sent. `error_code` is
    `service_refused`, `service_unavailable`, `service_timeout` or `service_lying`; without one, the token is the
    service's own and speaks of this quote: what it says of it is still to be read.
    """

    token: str | None
    error_code: str | None
    verifier: VerifierInfo
    others: tuple[Verdict, ...] = ()

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Every answer as it is judged, the first service's first."""
        return tuple(
            Answer(name=each.verifier.name, token=each.token, jwks=each.verifier.jwks) for each in (self, *self.others)
        )

    def to_wire(self) -> dict[str, Any]:
        """Return the members of `attest.verdict` that are the services' own; `others` only where several were asked."""
        own = self._own_members()
        return {**own, "others": self.others_to_wire()} if self.others else own

    def others_to_wire(self) -> list[dict[str, Any]]:
        """Return what the further services answered, as the wire and the history have it."""
        return [each._own_members() for each in self.others]

    def _own_members(self) -> dict[str, Any]:
        return {
            "verifier": self.verifier.to_wire(),
            "token": self.token,
            "error": None if self.error_code is None else {"code": self.error_code},
        }

    def with_others(self, others: tuple[Verdict, ...]) -> Verdict:
        """Return this verdict as the first of several."""
        return replace(self, others=others)


class Verifier(Protocol):
    """An attestation service: evidence in, verdict out. Its failures are verdicts too, never exceptions."""

    @property
    def info(self) -> VerifierInfo:
        """Who this is."""

    @property
    def issuers(self) -> tuple[TokenIssuer, ...]:
        """The pinned keys and names that its tokens must carry; several where several services are asked."""

    async def verify(self, evidence: Evidence, *, report_data: bytes) -> Verdict:
        """Have a quote judged that must carry `report_data` (64 bytes)."""

    async def aclose(self) -> None:
        """Give back connections."""
