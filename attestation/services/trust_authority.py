"""Intel Trust Authority, versions 1 and 2: a nonce of its own, and a quote of its own that carries the nonce.

Its rule is REPORTDATA = SHA-512(nonce value || nonce time || runtime data), each decoded from base64 once. Our quote
carries another hash, so a second one is made for it, over the first one's report data. Whoever has the evidence but
not the machine asks without a nonce: the rule then is SHA-512(runtime data), which our own report data obeys.
Source: Intel Trust Authority, REST API; intel/trustauthority-client-for-go and -for-python.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from attestation.answers import Answer
from attestation.encoding import b64decode, b64decode_standard, parse_json
from attestation.errors import MalformedError
from attestation.evidence import Evidence
from attestation.issuer import TokenIssuer
from attestation.services.caller import ServiceCaller
from attestation.services.remote import read_token
from attestation.services.verdict import ServiceError, VerifierInfo
from attestation.statement import report_data_input

Version = Literal["v1", "v2"]
QuoteSource = Callable[[bytes], Awaitable[bytes]]

KEYS_PATH = "/certs"
NONCE_MEMBERS = ("val", "iat", "signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How the service is asked: its API version, and the key that its customers have (never in a log or an error)."""

    version: Version
    api_key: str

    def headers(self) -> dict[str, str]:
        """Return the headers of every call to the API."""
        return {"x-api-key": self.api_key, "accept": "application/json"}


class TrustAuthorityDialect:
    """Asks the service; `keys` is the address of its signing certificates, `quote` makes quotes of this machine.

    `quote` None asks about the evidence's own quote, without a nonce.
    """

    def __init__(
        self,
        caller: ServiceCaller,
        *,
        keys: ServiceCaller | None,
        access: Access,
        issuer: TokenIssuer,
        policy_ids: Sequence[str],
        quote: QuoteSource | None,
    ) -> None:
        self._caller = caller
        self._keys = keys
        self._access = access
        self._algorithm = issuer.algorithm
        self._policy_ids = policy_ids
        self._name = issuer.name
        self._quote = quote
        self._pinned = VerifierInfo.of(issuer, kind="trust-authority", url=caller.url).jwks
        self._fetched: Mapping[str, Any] = {}

    async def ask(self, evidence: Evidence, *, report_data: bytes) -> Answer:
        """Return the service's answer; see `Dialect`."""
        token = await self._attest(await self._tdx_members(evidence, report_data))
        return Answer(name=self._name, token=token, jwks=await self._jwks_for(token))

    async def aclose(self) -> None:
        """Give back connections."""
        await self._caller.aclose()
        if self._keys is not None:
            await self._keys.aclose()

    async def _tdx_members(self, evidence: Evidence, report_data: bytes) -> dict[str, Any]:
        log = {} if evidence.ccel is None else {"event_log": _encode(evidence.ccel)}
        if self._quote is None:
            runtime_data = report_data_input(evidence.statement)
            return {"quote": _encode(evidence.quote), "runtime_data": _encode(runtime_data), **log}
        nonce = await self._nonce()
        value, time = (b64decode_standard(nonce[name]) for name in ("val", "iat"))
        quote = await self._quote(hashlib.sha512(value + time + report_data).digest())
        return {
            "quote": _encode(quote),
            "runtime_data": _encode(report_data),
            "verifier_nonce": nonce,
            **log,
        }

    async def _nonce(self) -> dict[str, str]:
        path = f"/appraisal/{self._access.version}/nonce"
        members = _read(await self._caller.get(path, headers=self._access.headers()))
        nonce = {name: members.get(name) for name in NONCE_MEMBERS}
        try:
            for text in nonce.values():
                b64decode_standard(text)
        except MalformedError as error:
            raise ServiceError("service_lying", "the attestation service's nonce is none") from error
        return {name: str(text) for name, text in nonce.items()}

    async def _attest(self, tdx: Mapping[str, Any]) -> str:
        policies = {"policy_ids": list(self._policy_ids), "policy_must_match": True} if self._policy_ids else {}
        asked = {"token_signing_alg": self._algorithm, **policies}
        body = {**asked, **tdx} if self._access.version == "v1" else {**asked, "tdx": tdx}
        path = f"/appraisal/{self._access.version}/attest"
        members = _read(await self._caller.post(path, json.dumps(body).encode(), headers=self._access.headers()))
        return read_token(str(members.get("token")).encode())

    async def _jwks_for(self, token: str) -> Mapping[str, Any]:
        """Return the pinned keys, and the certificates of the one that signed; they count only under a pinned root."""
        if self._keys is None:
            return self._pinned
        kid = _kid_of(token)
        found = _entries(self._fetched, kid)
        if not found:
            self._fetched = _read(await self._keys.get(KEYS_PATH))
            found = _entries(self._fetched, kid)
        return {"keys": [*self._pinned["keys"], *found]}


def _entries(jwks: Mapping[str, Any], kid: object) -> list[dict[str, Any]]:
    keys = jwks.get("keys")
    found = [key for key in keys if isinstance(key, dict)] if isinstance(keys, list) else []
    return [key for key in found if kid is not None and key.get("kid") == kid][:1]


def _kid_of(token: str) -> object:
    try:
        header = parse_json(b64decode(token.split(".", maxsplit=1)[0]))
    except MalformedError:
        return None
    return header.get("kid") if isinstance(header, dict) else None


def _read(body: bytes) -> dict[str, Any]:
    try:
        value = parse_json(body)
    except MalformedError as error:
        raise ServiceError("service_lying", "the attestation service's answer is not JSON") from error
    if not isinstance(value, dict):
        raise ServiceError("service_lying", "the attestation service's answer does not have the known form")
    return value


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
