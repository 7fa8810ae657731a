"""Asking a witness to cosign a checkpoint (C2SP tlog-witness, `add-checkpoint`); nothing of its answer is believed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from attestation.errors import AppraisalError, MalformedError, UnavailableError
from attestation.log.checkpoint import SIGNATURE_MARK, VerifierKey, encode, split_note
from attestation.log.cosignature import Cosignature, find_cosignature
from attestation.log.signer import SignedCheckpoint

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 16 * 1024

_SIZE = re.compile(rb"(0|[1-9][0-9]{0,15})\n\Z")

# The size of an older tree -> the proof that leads from it to the checkpoint's.
Prove = Callable[[int], Awaitable[Sequence[bytes]]]


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness: its submission prefix, and the key that its word is verified with."""

    url: str
    key: VerifierKey


class WitnessClient:
    """Asks witnesses, each within a time limit; no redirect is followed."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(timeout=timeout_s, follow_redirects=False, transport=transport)

    async def cosign(
        self, witness: Witness, signed: SignedCheckpoint, *, old_size: int, prove: Prove, now: Callable[[], datetime]
    ) -> Cosignature:
        """Return a witness's genuine cosignature of a checkpoint.

        Args:
            witness: who is asked.
            signed: the checkpoint, signed by its log.
            old_size: the size that the witness is believed to have cosigned last, 0 for none.
            prove: makes consistency proofs to the checkpoint.
            now: the clock.

        Raises:
            UnavailableError: no answer in time, or a refusal; the next time may be better.
            AppraisalError: it has cosigned a larger tree of this log than this one (`witness_ahead`), or its answer is
                not its own word about this checkpoint (`not_cosigned`).
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._cosign(witness, signed, old_size=old_size, prove=prove, now=now)
        except TimeoutError as error:
            raise UnavailableError(f"{witness.key.name} did not answer in time") from error

    async def _cosign(
        self, witness: Witness, signed: SignedCheckpoint, *, old_size: int, prove: Prove, now: Callable[[], datetime]
    ) -> Cosignature:
        status, answer = await self._submit(witness, signed, old_size=old_size, prove=prove)
        if status == httpx.codes.CONFLICT:
            known = _parse_size(answer)
            if known > signed.checkpoint.size:
                raise AppraisalError(
                    "witness_ahead",
                    f"{witness.key.name} has cosigned {known} entries of this log, "
                    f"of which this server knows {signed.checkpoint.size}.",
                )
            status, answer = await self._submit(witness, signed, old_size=known, prove=prove)
        if status != httpx.codes.OK:
            raise UnavailableError(f"{witness.key.name} answers with status {status}")
        return _read_cosignature(answer, witness.key, signed, now=now())

    async def _submit(
        self, witness: Witness, signed: SignedCheckpoint, *, old_size: int, prove: Prove
    ) -> tuple[int, bytes]:
        # tlog-witness: no proof from an empty tree, and none where the size is the same.
        proof = await prove(old_size) if 0 < old_size < signed.checkpoint.size else []
        lines = [f"old {old_size}", *(encode(node) for node in proof), "", signed.note]
        body = bytearray()
        try:
            url = f"{witness.url.rstrip('/')}/add-checkpoint"
            async with self._client.stream("POST", url, content="\n".join(lines).encode()) as response:
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        raise UnavailableError(f"{witness.key.name} answers at too great length")
        except httpx.HTTPError as error:
            raise UnavailableError(f"{witness.key.name} cannot be reached") from error
        return response.status_code, bytes(body)


def _parse_size(answer: bytes) -> int:
    match = _SIZE.match(answer)
    if match is None:
        raise AppraisalError("not_cosigned", "The witness knows another tree of this size, or does not say which.")
    return int(match[1])


def _read_cosignature(answer: bytes, witness: VerifierKey, signed: SignedCheckpoint, *, now: datetime) -> Cosignature:
    try:
        text, _ = split_note(signed.note)
        lines = answer.decode().splitlines()
    except (UnicodeDecodeError, MalformedError) as error:
        raise AppraisalError("not_cosigned", f"The answer of {witness.name} is no cosignature.") from error
    marks = [line.removeprefix(SIGNATURE_MARK) for line in lines if line.startswith(SIGNATURE_MARK)]
    found = find_cosignature(text, marks, witness, now=now)
    if found is None:
        raise AppraisalError("not_cosigned", f"The answer is not signed by {witness.name}.")
    return found
