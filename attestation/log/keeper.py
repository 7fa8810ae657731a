"""Keeps a running server's log signed: one checkpoint for all that was written in a moment, in no handshake's way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from attestation.database import in_database, start_apart
from attestation.encoding import b64encode
from attestation.errors import ConfigurationError, UnavailableError
from attestation.log.checkpoint import Checkpoint
from attestation.log.entries import log_policy
from attestation.log.merkle import EMPTY_ROOT
from attestation.log.signer import CheckpointSigner, SignedCheckpoint
from attestation.log.store import read_tree, sign_log

GROUP_S = 0.25
RETRY_S = 5.0

logger = logging.getLogger(__name__)


class LogKeeper:
    """The newest checkpoint of one log, and the task that signs the next one."""

    def __init__(
        self,
        signer: CheckpointSigner,
        *,
        origin: str,
        policy: Mapping[str, Any],
        group_s: float = GROUP_S,
        tell: Callable[[SignedCheckpoint], None] = lambda signed: None,
    ) -> None:
        """Start where the last signed checkpoint stands; `policy` is what this start goes by, for the log to say.

        `tell` hears of each checkpoint that is signed.
        """
        last = signer.last()
        empty = Checkpoint(origin=origin, size=0, root=EMPTY_ROOT)
        self._signer, self._policy, self._group_s = signer, policy, group_s
        self._tell = tell
        self._beginning: asyncio.Task[None] | None = None
        self._newest = empty if last is None else last.checkpoint
        self._fault: ConfigurationError | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_due = False

    async def begin(self) -> None:
        """Have the log say by which policy, keys and releases this start goes, before anything else is attested.

        Raises:
            ConfigurationError: the log cannot be signed.
            UnavailableError: the database does not answer; the next call tries again.
        """
        if self._beginning is None or (self._beginning.done() and self._beginning.exception() is not None):
            self._beginning = start_apart(self._begin(), name="log policy")
        await asyncio.shield(self._beginning)

    async def say(self, policy: Mapping[str, Any]) -> None:
        """Have the log say by which policy, keys and releases it goes from now on.

        Raises:
            UnavailableError: the database does not answer.
        """
        self._policy = policy
        await in_database(log_policy)(policy)
        self.wake()

    def checkpoint(self) -> Checkpoint:
        """Return the newest checkpoint that was signed.

        Raises:
            ConfigurationError: the log can no longer be signed, so nothing may be attested any more.
        """
        if self._fault is not None:
            raise ConfigurationError(str(self._fault))
        return self._newest

    def wake(self) -> None:
        """Say that the log has grown: it is signed soon, together with what comes until then."""
        self._is_due = True
        if self._task is None or self._task.done():
            self._task = start_apart(self._sign(), name="log checkpoint")

    async def prove_consistency(self, old: tuple[int, bytes] | None, *, size: int) -> list[str] | None:
        """Return the proof from a client's checkpoint to `size`, None where it has none, or not an older one.

        Raises:
            ConfigurationError: the database lacks entries.
            UnavailableError: the database does not answer.
        """
        if old is None or old[0] >= size:
            return None
        proof = await in_database(lambda: read_tree(size).prove_consistency(old[0]))()
        return [b64encode(node) for node in proof]

    async def _begin(self) -> None:
        await in_database(log_policy)(self._policy)
        await self._advance()

    async def _advance(self) -> None:
        signed = await in_database(sign_log)(self._signer)
        self._newest = signed.checkpoint
        self._tell(signed)

    async def _sign(self) -> None:
        while self._is_due:
            await asyncio.sleep(self._group_s)
            self._is_due = False
            try:
                await self._advance()
            except ConfigurationError as error:
                self._fault = error
                logger.critical("the transparency log cannot be signed: %s", error)
                return
            except UnavailableError as error:
                logger.warning("the transparency log is signed later: %s", error)
                self._is_due = True
                await asyncio.sleep(RETRY_S)
