"""The newest good collateral of each platform, kept in memory and on disk, and fetched anew before it is old.

A set is kept only when its texts and CRLs are signed under a pinned root and no older than the set before it, so
that a failed, forged or rolled-back download never takes the place of a good one. Whether a set is still in date
and accepted by policy is the appraisal's to say.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from attestation.collateral import Collateral
from attestation.collateral_set import CollateralSet, CollateralStanding, PlatformKey, platform_of, verify_set
from attestation.encoding import parse_json
from attestation.errors import AppraisalError, AttestationError, ConfigurationError, MalformedError, UnavailableError
from attestation.members import Members
from attestation.pccs import MAX_BODY_BYTES, ProvisioningClient

# How long a set that could not be refreshed is used before the next try, where the allowed age is longer.
RETRY_S = 30.0
# How often the sets in use are looked through for one that is half as old as it may be.
KEEP_FRESH_S = 300.0
MAX_FILE_BYTES = 8 * MAX_BODY_BYTES
# The end of the year 9999, where datetime ends.
_MAX_TIME = 253_402_300_799

Monotonic = Callable[[], float]
Clock = Callable[[], datetime]

logger = logging.getLogger(__name__)


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
        source: ProvisioningClient,
        *,
        root_sha256: Collection[bytes],
        max_age_s: float,
        directory: Path | None = None,
        monotonic: Monotonic = time.monotonic,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> None:
        """Fetch nothing yet.

        `root_sha256` are the digests of the roots (DER) that may stand above collateral; without a `directory`
        nothing outlives the process.
        """
        self._source = source
        self._root_sha256 = frozenset(root_sha256)
        self._max_age_s = max_age_s
        self._directory = directory
        self._monotonic = monotonic
        self._clock = clock
        self._entries: dict[PlatformKey, _Entry] = {}
        self._fetches: dict[PlatformKey, asyncio.Task[CollateralSet]] = {}
        self._failing: set[PlatformKey] = set()

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

    async def keep_fresh(self, *, every_s: float = KEEP_FRESH_S) -> None:
        """Ask again for every platform in use before its set is old; for ever, beside whoever asks for collateral.

        A request for evidence waits for a fetch only where none succeeded for as long as a set may be used.
        """
        while True:
            await asyncio.sleep(every_s)
            for key, entry in [*self._entries.items()]:
                if self._monotonic() - entry.checked_at >= self._max_age_s / 2:
                    await self._refresh_quietly(key)

    def standing(self) -> CollateralStanding | None:
        """Return how old the oldest set in use is and when the first one ends; None where there is none yet."""
        sets = [entry.known for entry in self._entries.values()]
        if not sets:
            return None
        now = self._clock()
        return CollateralStanding(
            age_s=max((now - known.fetched_at).total_seconds() for known in sets),
            expires_at=min(known.expires_at for known in sets),
            now=now,
        )

    async def aclose(self) -> None:
        """Give up what is being fetched, and close connections."""
        for task in self._fetches.values():
            task.cancel()
        await asyncio.gather(*self._fetches.values(), return_exceptions=True)
        await self._source.aclose()

    async def _refresh_quietly(self, key: PlatformKey) -> None:
        """Fetch anew; what goes wrong is said once, and the set that is known stays."""
        try:
            await self._fetch_once(key)
        except (UnavailableError, ConfigurationError) as error:
            if key not in self._failing:
                logger.warning("collateral is not refreshed, the set at hand stays in use: %s", error)
            self._failing.add(key)
        else:
            if key in self._failing:
                logger.info("collateral is refreshed again")
            self._failing.discard(key)

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
        collateral = await self._source.fetch(key)
        entry = self._entries.get(key)
        if entry is not None and entry.known.collateral == collateral:
            known = replace(entry.known, fetched_at=fetched_at)
        else:
            known = await self._verify(key, collateral, fetched_at=fetched_at)
        self._entries[key] = _Entry(known, started, is_fresh=True)
        if self._directory is not None:
            await asyncio.to_thread(_write, self._path(self._directory, key), known)
        return known

    async def _verify(self, key: PlatformKey, collateral: Collateral, *, fetched_at: datetime) -> CollateralSet:
        """Return a set that may take the place of the one that is known."""
        try:
            known = await asyncio.to_thread(
                verify_set, collateral, key=key, root_sha256=self._root_sha256, fetched_at=fetched_at
            )
        except (MalformedError, AppraisalError) as error:
            raise UnavailableError(f"{self._source.url} gave collateral that cannot be used: {error}") from error
        entry = self._entries.get(key)
        if entry is not None and known.is_older_than(entry.known):
            raise UnavailableError(f"{self._source.url} gave collateral that is older than what is known already")
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
