"""Has witnesses cosign the log of a running server, in the background: what they do or fail to do stops nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max
from django.utils import timezone

from attestation.database import in_database, start_apart
from attestation.errors import AppraisalError, AttestationError
from attestation.log.checkpoint import VerifierKey, split_note
from attestation.log.cosignature import Cosignature, find_cosignature
from attestation.log.signer import SignedCheckpoint
from attestation.log.store import read_tree
from attestation.log.witness import Witness, WitnessClient
from attestation.models import LogCheckpoint, LogCosignature, WitnessAnswer

# A round of questions is for all that was signed in so many seconds; after a failure the next waits longer.
ROUND_S = 10.0
RETRY_S = 60.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """What is known of one witness: its newest genuine cosignature, and the code of what went wrong last, if it did."""

    witness: Witness
    size: int | None
    at: datetime | None
    asked_at: datetime | None
    fault: str


class Witnessing:
    """Asks every witness about the newest checkpoint, round by round, while the log grows or one of them fails."""

    def __init__(
        self,
        witnesses: Sequence[Witness],
        *,
        client: WitnessClient,
        clock: Callable[[], datetime] = timezone.now,
        round_s: float = ROUND_S,
        retry_s: float = RETRY_S,
    ) -> None:
        self._witnesses, self._client, self._clock = witnesses, client, clock
        self._round_s, self._retry_s = round_s, retry_s
        self._newest: SignedCheckpoint | None = None
        self._task: asyncio.Task[None] | None = None

    def tell(self, signed: SignedCheckpoint) -> None:
        """Say that a checkpoint was signed; it, or one after it, is cosigned soon."""
        self._newest = signed
        if self._witnesses and signed.checkpoint.size > 0 and (self._task is None or self._task.done()):
            self._task = start_apart(self._go_on(), name="witnesses")

    async def _go_on(self) -> None:
        done: SignedCheckpoint | None = None
        failed = False
        while failed or self._newest is not done:
            await asyncio.sleep(self._retry_s if failed else self._round_s)
            done = self._newest
            if done is not None:
                failed = not all(await asyncio.gather(*(self._ask(witness, done) for witness in self._witnesses)))

    async def _ask(self, witness: Witness, signed: SignedCheckpoint) -> bool:
        """Ask one witness, write down what came of it, and say whether it cosigned."""

        async def prove(old_size: int) -> Sequence[bytes]:
            return await in_database(lambda: read_tree(signed.checkpoint.size).prove_consistency(old_size))()

        try:
            last = await in_database(_last_size)(witness.key.name)
            # What the database says is a guess: a witness that knows better says so.
            old_size = last if last <= signed.checkpoint.size else 0
            found = await self._client.cosign(witness, signed, old_size=old_size, prove=prove, now=self._clock)
            await in_database(_keep)(signed, found, now=self._clock())
        except AttestationError as error:
            code = error.code if isinstance(error, AppraisalError) else "witness_silent"
            logger.warning("a witness did not cosign: %s", error)
            await self._note_fault(witness, code)
            return False
        return True

    async def _note_fault(self, witness: Witness, code: str) -> None:
        try:
            await in_database(_note)(witness.key.name, code, now=self._clock())
        except AttestationError as error:
            logger.warning("what a witness answered could not be noted: %s", error)


def read_witnessed(witnesses: Sequence[Witness], *, now: datetime) -> list[Witnessed]:
    """Return what is known of each witness; what the database holds of their words is verified again."""
    answers = WitnessAnswer.objects.in_bulk([witness.key.name for witness in witnesses])
    found = []
    for witness in witnesses:
        answer = answers.get(witness.key.name)
        size = _last_size(witness.key.name)
        cosignature = _read_genuine(witness.key, size, now=now)
        found.append(
            Witnessed(
                witness=witness,
                size=None if cosignature is None else size,
                at=None if cosignature is None else cosignature.at,
                asked_at=None if answer is None else answer.asked_at,
                fault="" if answer is None else answer.fault,
            )
        )
    return found


def read_cosigned_note(*, name: str | None) -> str | None:
    """Return the newest checkpoint that a witness cosigned (any, where none is named) with all of its cosignatures."""
    rows = LogCosignature.objects.all() if name is None else LogCosignature.objects.filter(witness=name)
    size = rows.aggregate(newest=Max("size"))["newest"]
    kept = None if size is None else LogCheckpoint.objects.filter(size=size).first()
    return None if kept is None else with_cosignatures(SignedNote(kept.size, kept.note))


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A checkpoint's size and its signed note, as they are kept."""

    size: int
    note: str


def with_cosignatures(kept: SignedNote) -> str:
    """Return a checkpoint's note with what witnesses signed of it behind the log's own signature."""
    lines = LogCosignature.objects.filter(size=kept.size).order_by("witness").values_list("line", flat=True)
    return kept.note + "".join(f"{line}\n" for line in lines)


def _read_genuine(key: VerifierKey, size: int, *, now: datetime) -> Cosignature | None:
    kept = LogCheckpoint.objects.filter(size=size).first()
    if kept is None:
        return None
    try:
        text, marks = split_note(with_cosignatures(SignedNote(kept.size, kept.note)))
        return find_cosignature(text, marks, key, now=now)
    except AttestationError:
        return None


def _last_size(name: str) -> int:
    return LogCosignature.objects.filter(witness=name).aggregate(newest=Max("size"))["newest"] or 0


def _keep(signed: SignedCheckpoint, found: Cosignature, *, now: datetime) -> None:
    LogCosignature.objects.update_or_create(
        size=signed.checkpoint.size, witness=found.witness.name, defaults={"line": found.line, "at": found.at}
    )
    _note(found.witness.name, "", now=now)


def _note(name: str, fault: str, *, now: datetime) -> None:
    WitnessAnswer.objects.update_or_create(name=name, defaults={"asked_at": now, "fault": fault})
