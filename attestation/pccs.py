"""Collateral from a PCCS or from Intel's PCS (API v4), kept in memory and on disk; the only network of this kind.

A set is kept only when its texts and CRLs are signed under a pinned root and no older than the set before it, so
that a failed, forged or rolled-back download never takes the place of a good one. Whether a set is still in date
and accepted by policy is the appraisal's to say.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx

from attestation.collateral import Collateral
from attestation.collateral_set import (
    CollateralSet,
    PlatformKey,
    parse_crl_body,
    parse_envelope,
    platform_of,
    verify_set,
)
from attestation.encoding import parse_json
from attestation.errors import AppraisalError, AttestationError, ConfigurationError, MalformedError, UnavailableError
from attestation.members import Members

FETCH_TIMEOUT_S = 15.0
# How long a set that could not be refreshed is used before the next try, where the allowed age is longer.
RETRY_S = 30.0
# The longest of real ones is some 60 KB.
MAX_BODY_BYTES = 1024 * 1024

INTEL_PCS_HOST = "api.trustedservices.intel.com"
INTEL_ROOT_CRL_URL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
MAX_FILE_BYTES = 8 * MAX_BODY_BYTES
# Compressed answers could grow without limit while they are unpacked.
_AS_IT_IS = {"accept-encoding": "identity"}
# The end of the year 9999, where datetime ends.
_MAX_TIME = 253_402_300_799
_SGX_PATH = "/sgx/certification/v4"
_TDX_PATH = "/tdx/certification/v4"

Monotonic = Callable[[], float]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A good set, and when (monotonic seconds) somebody last asked whether there is a newer one."""

    known: CollateralSet
    checked_at: float
    is_fresh: bool


class CollateralCache:
    """The newest good collateral of each platform. Belongs to one event loop."""

    def __init__(
        self,
        base_url: str,
        *,
        root_sha256: Collection[bytes],
        max_age_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
        directory: Path | None = None,
        timeout_s: float = FETCH_TIMEOUT_S,
        monotonic: Monotonic = time.monotonic,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """Fetch nothing yet.

        `base_url` is Intel's or a PCCS's, with or without `/sgx/certification/v4/`; `root_sha256` are the digests of
        the roots (DER) that may stand above collateral; `transport` None is httpx's own; without a `directory`
        nothing outlives the process.
        """
        self._base_url = base_url.rstrip("/").removesuffix(_SGX_PATH)
        self._root_sha256 = frozenset(root_sha256)
        self._max_age_s = max_age_s
        self._directory = directory
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._clock = clock
        self._client = httpx.AsyncClient(transport=transport, timeout=timeout_s)
        self._entries: dict[PlatformKey, _Entry] = {}
        self._fetches: dict[PlatformKey, asyncio.Task[CollateralSet]] = {}

    async def collateral_for(self, quote: bytes) -> Collateral:
        """Return the collateral of the platform that a quote names; fetched anew where it is older than allowed.

        Raises:
            MalformedError: the quote or its PCK certificate cannot be read.
            UnavailableError: there is none, and none can be fetched now.
            ConfigurationError: there is one, and the directory for it cannot be written.
        """
        key = platform_of(quote)
        entry = self._entries.get(key) or await self._recall(key)
        if entry is not None and self._monotonic() - entry.checked_at < self._patience_s(entry):
            return entry.known.collateral
        try:
            return (await self._fetch_once(key)).collateral
        except UnavailableError:
            if entry is None:
                raise
            self._entries[key] = replace(entry, checked_at=self._monotonic(), is_fresh=False)
            return entry.known.collateral

    def oldest_age_s(self) -> float | None:
        """Return how long ago the oldest set in use was fetched; None where there is none yet."""
        now = self._clock()
        return max(((now - entry.known.fetched_at).total_seconds() for entry in self._entries.values()), default=None)

    async def aclose(self) -> None:
        """Give up what is being fetched, and close connections."""
        for task in self._fetches.values():
            task.cancel()
        await asyncio.gather(*self._fetches.values(), return_exceptions=True)
        await self._client.aclose()

    def _patience_s(self, entry: _Entry) -> float:
        return self._max_age_s if entry.is_fresh else min(self._max_age_s, RETRY_S)

    async def _fetch_once(self, key: PlatformKey) -> CollateralSet:
        """Join the fetch for this platform that is under way, or start one; who waits may go away."""
        task = self._fetches.get(key)
        if task is None:
            task = self._fetches[key] = asyncio.create_task(self._refresh(key))
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: PlatformKey, done: asyncio.Task[CollateralSet]) -> None:
        del self._fetches[key]
        # A failure that nobody waited for is looked at here, so that asyncio does not report it as lost.
        _ = done.cancelled() or done.exception()

    async def _refresh(self, key: PlatformKey) -> CollateralSet:
        # Age counts from before the request: what changed while it was under way is seen in time.
        started, fetched_at = self._monotonic(), self._clock()
        try:
            async with asyncio.timeout(self._timeout_s):
                collateral = await self._fetch(key)
        except TimeoutError as error:
            raise UnavailableError(f"{self._base_url} did not answer in {self._timeout_s:g} s") from error
        except MalformedError as error:
            raise UnavailableError(f"{self._base_url} gave something that is not collateral: {error}") from error
        entry = self._entries.get(key)
        if entry is not None and entry.known.collateral == collateral:
            known = replace(entry.known, fetched_at=fetched_at)
        else:
            known = await self._verify(key, collateral, fetched_at=fetched_at)
        self._entries[key] = _Entry(known, started, is_fresh=True)
        if self._directory is not None and (entry is None or entry.known.collateral != collateral):
            await asyncio.to_thread(_write, self._path(self._directory, key), known)
        return known

    async def _verify(self, key: PlatformKey, collateral: Collateral, *, fetched_at: datetime) -> CollateralSet:
        """Return a set that may take the place of the one that is known."""
        try:
            known = await asyncio.to_thread(
                verify_set, collateral, key=key, root_sha256=self._root_sha256, fetched_at=fetched_at
            )
        except (MalformedError, AppraisalError) as error:
            raise UnavailableError(f"{self._base_url} gave collateral that cannot be used: {error}") from error
        entry = self._entries.get(key)
        if entry is not None and known.is_older_than(entry.known):
            raise UnavailableError(f"{self._base_url} gave collateral that is older than what is known already")
        return known

    async def _recall(self, key: PlatformKey) -> _Entry | None:
        """Return what an earlier run left on disk, as old as it is; nothing where that is missing or not good."""
        if self._directory is None:
            return None
        try:
            known = await asyncio.to_thread(_read, self._path(self._directory, key), key, root_sha256=self._root_sha256)
        except AttestationError:
            return None
        age_s = (self._clock() - known.fetched_at).total_seconds()
        # A date in the future says nothing about age: ask at once.
        checked_at = self._monotonic() - (age_s if age_s >= 0 else self._max_age_s)
        return self._entries.setdefault(key, _Entry(known, checked_at, is_fresh=True))

    @staticmethod
    def _path(directory: Path, key: PlatformKey) -> Path:
        return directory / f"{key.fmspc.hex()}-{key.ca}.json"

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
        is_intel = urlsplit(self._base_url).hostname == INTEL_PCS_HOST
        return INTEL_ROOT_CRL_URL if is_intel else f"{_SGX_PATH}/rootcacrl"

    async def _get(self, path: str, **query: str) -> _Answer:
        url = path if "://" in path else self._base_url + path
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


def _write(path: Path, known: CollateralSet) -> None:
    """Keep a set for the next start, in a file that appears whole or not at all."""
    members = {"fetched_at": int(known.fetched_at.timestamp()), "collateral": known.collateral.to_wire()}
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(json.dumps(members).encode())
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


def _read(path: Path, key: PlatformKey, *, root_sha256: frozenset[bytes]) -> CollateralSet:
    """Read what `_write` wrote, and verify it as if it had just been fetched."""
    try:
        with path.open("rb") as file:
            members = parse_json(file.read(MAX_FILE_BYTES))
    except OSError as error:
        raise UnavailableError("no collateral on disk") from error
    fetched_at = datetime.fromtimestamp(Members(members).integer("fetched_at", limit=_MAX_TIME), UTC)
    collateral = Collateral.from_wire(members.get("collateral"))
    return verify_set(collateral, key=key, root_sha256=root_sha256, fetched_at=fetched_at)
