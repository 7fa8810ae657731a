"""The broker's attestation tokens: an EAR, or 0.1.0's simple claims, with the guest's key in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from attestation.errors import AppraisalError
from attestation.issuer import LEEWAY_S, SHORT_LIFETIME_S, TokenIssuer
from attestation.kbs.rcar import ProtocolVersion
from attestation.services.token_key import key_id, public_jwk
from attestation.token import sign_token, verify_token

NAME = "urn:confchat:development-key-broker"


class BrokerTokens:
    """Signs tokens with a key of its own, and reads them when guests show them again."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        """Make a key; it lasts as long as the broker."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._clock = clock
        self._issuer = TokenIssuer(
            name="development key broker",
            form="ear",
            issuer=NAME,
            audience=NAME,
            algorithm="ES256",
            keys=(public_jwk(self._key),),
            root_sha256=(),
            policies=(),
            max_lifetime_s=SHORT_LIFETIME_S,
            leeway_s=LEEWAY_S,
        )

    def issue(self, claims: Mapping[str, Any], *, version: ProtocolVersion, nonce: str, jwk: Mapping[str, Any]) -> str:
        """Return a token with an attestation service's claims about a guest, and the guest's key."""
        runtime = {"nonce": nonce, "tee-pubkey": dict(jwk)}
        named = {**claims, "iss": NAME, "aud": NAME, "customized_claims": {"runtime_data": None}}
        if version == "0.1.0":
            named["customized_claims"] = {"runtime_data": runtime}
        else:
            evidence = named["submods"]["cpu0"]["ear.veraison.annotated-evidence"]
            evidence["runtime_data_claims"] = runtime
        return sign_token(named, self._key, key_id(self._key))

    def verify(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token of this broker's. Raises `AppraisalError`."""
        return verify_token(token, self._issuer, now=self._clock())

    def read(self, token: str) -> tuple[ProtocolVersion, Mapping[str, Any]]:
        """Return protocol and guest's key of a token. Raises `AppraisalError`."""
        claims = self.verify(token)
        simple = claims["customized_claims"]["runtime_data"]
        if simple is not None:
            return "0.1.0", simple["tee-pubkey"]
        runtime = claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["runtime_data_claims"]
        if runtime is None:
            raise AppraisalError("token_malformed", "the token names no key")
        return "0.4.0", runtime["tee-pubkey"]
