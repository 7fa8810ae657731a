"""Many records as one archive, written while it is sent: memory holds one page of records, however many there are."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import IO, Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db.models import Max, Min

from attestation.archive import new_entry
from attestation.bulk import (
    README,
    README_NAME,
    RECORDS,
    SIGNATURE,
    SUMMARY,
    VERSION,
    log_members,
    part_line,
    record_line,
    signed_summary,
)
from attestation.log.proof import LogProof
from attestation.log.store import read_log_proofs
from attestation.models import Attestation, LogCheckpoint, LogEntry, SharedPart
from attestation.program import program_files
from attestation.records import describe_verdict, each_page
from attestation.search import Wanted

_PARTS = ("quote_certificates", "collateral", "ccel", "aael", "simulator_root", "checks", "verifier", "release", "keys")
_OWN = ("statement", "deployment_sig", "kem_key", "quote_head")

Sign = Callable[[bytes], bytes]


async def stream_export(wanted: Wanted, *, sign: Sign, now: datetime) -> AsyncIterator[bytes]:
    """Yield the archive of all records that are wanted, piece by piece; the database is read off the event loop."""
    pieces = iter_export(wanted, sign=sign, now=now)
    following = sync_to_async(lambda: next(pieces, None))
    while (piece := await following()) is not None:
        yield piece


def iter_export(wanted: Wanted, *, sign: Sign, now: datetime) -> Iterator[bytes]:
    """Yield the archive of all records that are wanted, newest first; `sign` signs the summary with the log key."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {README_NAME: README.encode(), **program_files()}.items():
            _write(archive, name, content)
        writer = _Writer(LogCheckpoint.objects.order_by("-size").first())
        with archive.open(_deflated(RECORDS), "w", force_zip64=True) as file:
            for page in each_page(wanted):
                writer.write_page(file, page)
                yield sink.take()
        summary = json.dumps(writer.summary(wanted, now=now), ensure_ascii=False, indent=1).encode() + b"\n"
        _write(archive, SUMMARY, summary)
        _write(archive, SIGNATURE, sign(signed_summary(summary)))
    yield sink.take()


class _Writer:
    """What was written so far, in numbers."""

    def __init__(self, checkpoint: LogCheckpoint | None) -> None:
        """Begin; every record proves its place in the log of `checkpoint`, as far as that covers it."""
        self._checkpoint = checkpoint
        self._digest = hashlib.sha256()
        self._known: dict[int, str] = {}
        self._outcomes: Counter[str] = Counter()
        self._newest: Attestation | None = None
        self._oldest: Attestation | None = None
        self._log: tuple[int, int] | None = None

    def write_page(self, file: IO[bytes], page: list[Attestation]) -> None:
        for line in self._new_parts(page):
            self._write(file, line)
        proofs = read_log_proofs(page, self._checkpoint)
        for attestation in page:
            self._outcomes[attestation.outcome] += 1
            self._newest, self._oldest = self._newest or attestation, attestation
            own = {name: bytes(getattr(attestation, name)) for name in _OWN}
            self._write(file, record_line(self._outcomes.total(), self._members(attestation, proofs), own))
        span = LogEntry.objects.filter(record__in=page, kind="attestation").aggregate(Min("index"), Max("index"))
        if span["index__min"] is not None:
            first, last = self._log or (span["index__min"], span["index__max"])
            self._log = min(first, span["index__min"]), max(last, span["index__max"])

    def summary(self, wanted: Wanted, *, now: datetime) -> Mapping[str, Any]:
        """Return what the archive says of itself; `removed` counts log entries whose records are gone."""
        first, last = self._log or (0, -1)
        gone = LogEntry.objects.filter(index__range=(first, last), kind="attestation", record__isnull=True)
        asked = {name: value for name, value in _asked(wanted).items() if value not in (None, "")}
        return {
            "v": VERSION,
            "made_at": _time(now),
            "asked": asked,
            "records": self._outcomes.total(),
            "outcomes": dict(self._outcomes),
            "newest": None if self._newest is None else _time(self._newest.verdict_at),
            "oldest": None if self._oldest is None else _time(self._oldest.verdict_at),
            "checkpoint": None if self._checkpoint is None else self._checkpoint.note,
            "log": None if self._log is None else {"first": first, "last": last},
            "removed": gone.count(),
            "records_sha256": self._digest.hexdigest(),
        }

    def _new_parts(self, page: list[Attestation]) -> Iterator[bytes]:
        wanted = {key for item in page for name in _PARTS if (key := getattr(item, f"{name}_id")) is not None}
        for key, part in SharedPart.objects.in_bulk(wanted - self._known.keys()).items():
            self._known[key] = part.digest
            yield part_line(bytes(part.content))

    def _members(self, attestation: Attestation, proofs: Mapping[UUID, LogProof]) -> dict[str, Any]:
        keys = {name: getattr(attestation, f"{name}_id") for name in _PARTS}
        return {
            "record": str(attestation.pk),
            "trust_anchor": attestation.trust_anchor,
            "token": attestation.token or None,
            "gpu": attestation.gpu or None,
            "verdict": describe_verdict(attestation),
            "parts": {name: self._known[key] for name, key in keys.items() if key is not None},
            "log": log_members(proofs[attestation.pk]) if attestation.pk in proofs else None,
        }

    def _write(self, file: IO[bytes], line: bytes) -> None:
        self._digest.update(line)
        file.write(line)


class _Sink(io.RawIOBase):
    """What a zip archive is written to: it cannot go back, and what was written is taken away at once."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        taken, self._waiting = bytes(self._waiting), bytearray()
        return taken


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_deflated(name), content)


def _deflated(name: str) -> zipfile.ZipInfo:
    entry = new_entry(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _asked(wanted: Wanted) -> dict[str, Any]:
    """Return what was asked for; of an account only that it was one."""
    return {
        "one user": wanted.user is not None or None,
        "failing check": wanted.check,
        "outcome": wanted.outcome,
        "measurements": None if wanted.measurements is None else str(wanted.measurements),
        "release": wanted.release,
        "model": wanted.model,
        "attestation service": wanted.verifier,
        "since": None if wanted.since is None else _time(wanted.since),
        "until": None if wanted.until is None else _time(wanted.until),
    }


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
