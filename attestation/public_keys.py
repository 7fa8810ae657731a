"""The public keys of a deployment, as it publishes them; whoever relies on them pins them from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from attestation.encoding import b64encode
from attestation.issuer import TokenIssuer
from attestation.log.checkpoint import build_vkey


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeys:
    """Log key and release key are raw Ed25519 keys of 32 bytes; a key that is not configured is None."""

    log_origin: str
    log_key: bytes
    release_key: bytes | None
    token_issuers: tuple[TokenIssuer, ...]

    def to_wire(self) -> dict[str, Any]:
        """Return the body of `GET /attestation/keys`."""
        return {
            "log": {
                "origin": self.log_origin,
                "key": b64encode(self.log_key),
                "vkey": build_vkey(self.log_origin, self.log_key),
            },
            "release": None if self.release_key is None else {"key": b64encode(self.release_key)},
            "tokens": [issuer.to_members() for issuer in self.token_issuers],
        }
