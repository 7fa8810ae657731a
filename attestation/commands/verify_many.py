"""`python -m attestation verify` of an archive of many records: each judged again, and all of them counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attestation.appraisal import AttestationResult
from attestation.bulk import BulkArchive
from attestation.bundle import Bundle
from attestation.errors import MalformedError
from attestation.offline import Anchors, verify_bundle
from attestation.printing import Progress, printable
from attestation.report import SIMULATED
from attestation.verified import VerifiedCache

# Who asked, and how long it took, is no part of an archive: these are not known of any record.
OPEN = frozenset({"binding.nonce", "binding.key", "binding.origin", "binding.fresh"})
MOST_TOLD = 20


@dataclass(slots=True)
class Tally:
    """What was found of all records; `holds` where nothing that the history affirmed fails here."""

    records: int = 0
    faults: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    contradicted: list[str] = field(default_factory=list)
    not_logged: list[str] = field(default_factory=list)
    without_proof: int = 0
    simulated: int = 0

    @property
    def holds(self) -> bool:
        """Whether the archive is whole, and every record is what the history and the public log say of it."""
        return not self.faults and not self.contradicted and not self.not_logged


def verify_many(path: Path, anchors: Anchors) -> Tally:
    """Judge every record of an archive at its own time, with the lists that it brings.

    Raises:
        MalformedError: not an archive, or one that is damaged.
    """
    archive = BulkArchive.open(path, log_key=anchors.log_key)
    cache, progress, tally = VerifiedCache(), Progress("Judging records"), Tally()
    for bundle in archive.bundles():
        tally.records += 1
        _count(tally, bundle, anchors, cache)
        progress.show(tally.records, archive.summary["records"])
    progress.close()
    tally.faults = archive.faults
    return tally


def to_members(tally: Tally) -> dict[str, Any]:
    """Return what was found as members of a JSON object."""
    return {
        "holds": tally.holds,
        "records": tally.records,
        "simulated": tally.simulated,
        "failing": dict(tally.reasons.most_common()),
        "contradicted": tally.contradicted,
        "not_logged": tally.not_logged,
        "without_log_proof": tally.without_proof,
        "faults": tally.faults,
    }


def to_lines(tally: Tally) -> Iterable[str]:
    """Say what was found."""
    yield f"{tally.records} records were judged again, each as of its own time and with its own lists."
    if tally.simulated:
        yield f"{tally.simulated} of them are simulated. {SIMULATED}"
    yield from (f"    {number} fail {reason}" for reason, number in tally.reasons.most_common())
    yield from (f" ✗ {printable(fault)}" for fault in tally.faults)
    yield from _named(tally.contradicted, "the history says that it was affirmed, and it does not hold here.")
    yield from _named(tally.not_logged, "it is not what stands in the public log.")
    if tally.without_proof:
        yield f"{tally.without_proof} of them bring no proof of their place in the log that could be checked here."
    if tally.holds:
        yield " ✓ The archive is whole, and whatever the history says was affirmed holds here."
    yield f"Not known of any record, and not checked unless given: {', '.join(sorted(OPEN))}."


def _named(records: list[str], what: str) -> Iterable[str]:
    yield from (f" ✗ {printable(record)}: {what}" for record in records[:MOST_TOLD])
    if len(records) > MOST_TOLD:
        yield f" ✗ … and {len(records) - MOST_TOLD} more of them."


def _count(tally: Tally, bundle: Bundle, anchors: Anchors, cache: VerifiedCache) -> None:
    try:
        verification = verify_bundle(bundle, anchors=anchors, at=None, cache=cache)
    except MalformedError:
        tally.reasons["quote.parse (quote_malformed)"] += 1
        fails = True
    else:
        result, logged = verification.then, verification.logged.status
        if logged == "fail":
            tally.not_logged.append(bundle.record)
        tally.without_proof += logged == "unknown"
        tally.simulated += result.simulated
        fails = not _holds(result)
        if fails and result.reason is not None:
            tally.reasons[f"{result.reason.id} ({result.reason.code})"] += 1
    if fails and bundle.verdict.get("server_outcome") == "affirming":
        tally.contradicted.append(bundle.record)


def _holds(result: AttestationResult) -> bool:
    return all(check.status == "pass" or (check.status == "unknown" and check.id in OPEN) for check in result.checks)
