"""Collateral from a PCCS or from Intel's PCS (API v4); the only network of this kind. Verifies nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import httpx

from attestation.collateral import Collateral
from attestation.collateral_set import PlatformKey, parse_crl_body, parse_envelope
from attestation.errors import MalformedError, UnavailableError

FETCH_TIMEOUT_S = 15.0
# The longest of real ones is some 60 KB.
MAX_BODY_BYTES = 1024 * 1024

INTEL_PCS_HOST = "api.trustedservices.intel.com"
INTEL_ROOT_CRL_URL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
# Compressed answers could grow without limit while they are unpacked.
_AS_IT_IS = {"accept-encoding": "identity"}
_SGX_PATH = "/sgx/certification/v4"
_TDX_PATH = "/tdx/certification/v4"


class ProvisioningClient:
    """A service that hands out collateral. Belongs to one event loop."""

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout_s: float = FETCH_TIMEOUT_S,
        verifies_tls: bool = True,
    ) -> None:
        """Connect to nothing yet.

        `url` is Intel's or a PCCS's, with or without `/sgx/certification/v4/`; `transport` None is httpx's own. What
        comes is signed whether or not TLS is verified; without, anybody on the way can keep newer lists away.
        """
        self.url = url.rstrip("/").removesuffix(_SGX_PATH)
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(transport=transport, timeout=timeout_s, verify=verifies_tls)

    async def fetch(self, key: PlatformKey) -> Collateral:
        """Return what the service hands out for a platform today.

        Raises:
            UnavailableError: it does not answer, not in time, or with something else.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._fetch(key)
        except TimeoutError as error:
            raise UnavailableError(f"{self.url} did not answer in {self._timeout_s:g} s") from error
        except MalformedError as error:
            raise UnavailableError(f"{self.url} gave something that is not collateral: {error}") from error

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _fetch(self, key: PlatformKey) -> Collateral:
        """Ask for the four parts at once; the first failure ends the others."""
        try:
            async with asyncio.TaskGroup() as group:
                parts = [
                    group.create_task(self._get(f"{_TDX_PATH}/tcb", fmspc=key.fmspc.hex().upper())),
                    group.create_task(self._get(f"{_TDX_PATH}/qe/identity")),
                    group.create_task(self._get(f"{_SGX_PATH}/pckcrl", ca=key.ca, encoding="der")),
                    group.create_task(self._get(self._root_crl_path())),
                ]
        except* UnavailableError as errors:
            failure = errors.exceptions[0]
        else:
            return _assemble(*(part.result() for part in parts))
        raise failure

    def _root_crl_path(self) -> str:
        """Intel's own service does not serve the root's CRL; the host that the certificates name does."""
        is_intel = urlsplit(self.url).hostname == INTEL_PCS_HOST
        return INTEL_ROOT_CRL_URL if is_intel else f"{_SGX_PATH}/rootcacrl"

    async def _get(self, path: str, **query: str) -> _Answer:
        url = path if "://" in path else self.url + path
        body = bytearray()
        try:
            async with self._client.stream("GET", url, params=query or None, headers=_AS_IT_IS) as response:
                response.raise_for_status()
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise UnavailableError(f"{url} answered in a coding that nobody asked for")
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > MAX_BODY_BYTES:
                        raise UnavailableError(f"{url} answered with more than any collateral has")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise UnavailableError(f"{url} cannot be read: {type(error).__name__}") from error
        return _Answer(bytes(body), response.headers)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The body and headers of an answer of status 200."""

    body: bytes
    headers: httpx.Headers

    def chain(self, name: str) -> str:
        """Return the PEM text in a header, which Intel URL-encodes."""
        try:
            return unquote(self.headers[name], errors="strict")
        except (LookupError, UnicodeDecodeError) as error:
            raise MalformedError(f"no header {name} of its form") from error


def _assemble(tcb_info: _Answer, qe_identity: _Answer, pck_crl: _Answer, root_ca_crl: _Answer) -> Collateral:
    """Put four answers together; MalformedError where one has another form than Intel's."""
    tcb_info_text, tcb_info_signature = parse_envelope(tcb_info.body, name="tcbInfo")
    qe_identity_text, qe_identity_signature = parse_envelope(qe_identity.body, name="enclaveIdentity")
    return Collateral(
        pck_crl_issuer_chain=pck_crl.chain("SGX-PCK-CRL-Issuer-Chain"),
        root_ca_crl=parse_crl_body(root_ca_crl.body),
        pck_crl=parse_crl_body(pck_crl.body),
        tcb_info_issuer_chain=tcb_info.chain("TCB-Info-Issuer-Chain"),
        tcb_info=tcb_info_text,
        tcb_info_signature=tcb_info_signature,
        qe_identity_issuer_chain=qe_identity.chain("SGX-Enclave-Identity-Issuer-Chain"),
        qe_identity=qe_identity_text,
        qe_identity_signature=qe_identity_signature,
    )
