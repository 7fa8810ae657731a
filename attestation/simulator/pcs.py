"""What Intel's provisioning service publishes, for the simulated platform: an ASGI application (PCS API v4).

    GET /tdx/certification/v4/tcb?fmspc=<12 hex>
    GET /tdx/certification/v4/qe/identity
    GET /sgx/certification/v4/pckcrl?ca=platform[&encoding=der|pem]
    GET /sgx/certification/v4/rootcacrl          as a PCCS has it: DER in hex

Issuer chains stand URL-encoded in the headers that Intel names.
"""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote

from attestation.collateral import Collateral
from attestation.errors import ConfigurationError
from attestation.simulator.installation import Installation, build_published, issue_time
from attestation.simulator.state import State

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `chain` is a header's name and PEM text."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"
    chain: tuple[str, str] | None = None

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as ASGI wants them."""
        pairs = [("content-type", self.content_type), ("content-length", str(len(self.body)))]
        if self.chain:
            pairs.append((self.chain[0], quote(self.chain[1])))
        return [(name.lower().encode(), value.encode()) for name, value in pairs]


class ProvisioningService:
    """The ASGI application."""

    def __init__(self, installation: Installation, *, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._installation = installation
        self._clock = clock
        self._signed: tuple[tuple[State, datetime], Collateral] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        answer = self._answer(scope) if scope["method"] == "GET" else Answer(405)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers()})
        await send({"type": "http.response.body", "body": answer.body})

    def _answer(self, scope: Scope) -> Answer:
        query = {name: values[-1] for name, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
        try:
            collateral = self._collateral()
        except ConfigurationError:
            return Answer(500, b"the simulator's state cannot be read")
        match scope["path"].rstrip("/"):
            case "/tdx/certification/v4/tcb":
                return self._tcb_info(collateral, query)
            case "/tdx/certification/v4/qe/identity":
                return _qe_identity(collateral)
            case "/sgx/certification/v4/pckcrl":
                return _pck_crl(collateral, query)
            case "/sgx/certification/v4/rootcacrl":
                return Answer(200, collateral.root_ca_crl.hex().encode(), "application/pkix-crl")
        return Answer(404)

    def _collateral(self) -> Collateral:
        """Return what is published now, signed anew only when the state or the date of issue is another."""
        state = self._installation.state_file.read()
        key = (state, issue_time(state, now=self._clock()))
        if self._signed is None or self._signed[0] != key:
            self._signed = (key, build_published(self._installation.platform, state, issued_at=key[1]))
        return self._signed[1]

    def _tcb_info(self, collateral: Collateral, query: dict[str, str]) -> Answer:
        fmspc = query.get("fmspc", "")
        if len(fmspc) != 12:
            return Answer(400, b"fmspc is not 12 hex digits")
        if fmspc.upper() != self._installation.platform.pck_values.fmspc.hex().upper():
            return Answer(404, b"no TCB information for this fmspc")
        body = _envelope("tcbInfo", collateral.tcb_info, collateral.tcb_info_signature)
        return Answer(200, body, "application/json", ("TCB-Info-Issuer-Chain", collateral.tcb_info_issuer_chain))


def _qe_identity(collateral: Collateral) -> Answer:
    body = _envelope("enclaveIdentity", collateral.qe_identity, collateral.qe_identity_signature)
    chain = ("SGX-Enclave-Identity-Issuer-Chain", collateral.qe_identity_issuer_chain)
    return Answer(200, body, "application/json", chain)


def _pck_crl(collateral: Collateral, query: dict[str, str]) -> Answer:
    if query.get("ca") != "platform":
        return Answer(400, b"ca is not platform")
    chain = ("SGX-PCK-CRL-Issuer-Chain", collateral.pck_crl_issuer_chain)
    if query.get("encoding") == "der":
        return Answer(200, collateral.pck_crl, "application/pkix-crl", chain)
    lines = "\n".join(textwrap.wrap(base64.b64encode(collateral.pck_crl).decode(), 64))
    pem = f"-----BEGIN X509 CRL-----\n{lines}\n-----END X509 CRL-----\n"
    return Answer(200, pem.encode(), "application/x-pem-file", chain)


def _envelope(name: str, text: str, signature: bytes) -> bytes:
    return f'{{"{name}":{text},"signature":"{signature.hex()}"}}'.encode()
