"""How long an export takes and how much memory it needs, and how long judging it again takes.

usage: python -m benchmarks.export [records]     prints one JSON line; a hundred real records, copied
"""

# ruff: noqa: PLC0415  # Django's parts are imported when its settings know where the database is

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from tests.attestation.scene import Scene

MANY = 10_000
COPIED_AT_ONCE = 500


def main(records: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.environ.update(CONFCHAT_DATA_DIR=directory, CONFCHAT_DEVELOPMENT="1", CONFCHAT_SECRET_KEY="x" * 50)
        os.environ["DJANGO_SETTINGS_MODULE"] = "confchat.settings"
        import django

        django.setup()
        measure(records, Path(directory))


def measure(records: int, directory: Path) -> None:
    from django.core.management import call_command

    from attestation.commands.verify_many import verify_many
    from attestation.export import iter_export
    from attestation.offline import Anchors
    from attestation.search import Wanted
    from benchmarks.product import report
    from tests.attestation.scene import build_scene

    call_command("migrate", verbosity=0)
    scene = replace(build_scene(), now=datetime.now(UTC))
    scene = replace(scene, collateral=scene.platform.collateral(scene.now - timedelta(days=1)))
    asyncio.run(fill(scene, records))
    path = directory / "bulk.zip"
    before = most = resident_mb()
    started = time.perf_counter()
    with path.open("wb") as file:
        for piece in iter_export(Wanted(), sign=scene.log_private_key.sign, now=scene.now):
            file.write(piece)
            most = max(most, resident_mb())
    export_s = time.perf_counter() - started
    anchors = Anchors(
        gpu_keys=(),
        nonce=None,
        conversation=None,
        origin=None,
        suites=None,
        log_key=scene.log_key.public,
        release_keys=(scene.release_key.public_key().public_bytes_raw(),),
        token_issuers=(),
        simulator_root_sha256=scene.trust.simulator_root_sha256,
        policy=scene.policy,
    )
    started = time.perf_counter()
    tally = verify_many(path, anchors)
    assert (tally.records, tally.holds, tally.without_proof) == (records, True, 0), tally
    report(
        records=records,
        export_s=export_s,
        export_mb=path.stat().st_size / 1e6,
        export_memory_mb=most - before,
        verify_s=time.perf_counter() - started,
    )


async def fill(scene: Scene, records: int) -> None:
    """Store `records` attestations: a hundred real ones, and copies of them under ids and times of their own."""
    from asgiref.sync import sync_to_async

    from attestation.appraisal import appraise
    from attestation.history import record_attestation
    from attestation.models import Attestation
    from tests.attestation.scene import ask

    for _ in range(min(records, 100)):
        nonce = os.urandom(32)
        evidence = scene.evidence(nonce=nonce)
        verdict = await ask(scene, scene.service(), evidence)
        result = appraise(
            evidence,
            policy=scene.policy,
            trust=scene.trust,
            expectation=replace(scene.expectation, nonce=nonce),
            releases=(scene.release,),
            answers=verdict.answers,
        )
        await record_attestation(
            str(uuid4()),
            evidence=evidence,
            result=result,
            verdict=verdict,
            user=None,
            conversation=None,
            requested_at=scene.now,
            evidence_at=scene.now,
            releases=(scene.release,),
            keys=scene.keys,
        )
    originals = await sync_to_async(lambda: list(Attestation.objects.all()))()
    copies = []
    for number in range(records - len(originals)):
        copy = originals[number % len(originals)]
        copy.pk, copy.verdict_at = uuid4(), scene.now + timedelta(milliseconds=number + 1)
        copies.append(Attestation(**{field.attname: getattr(copy, field.attname) for field in copy._meta.fields}))
    await sync_to_async(Attestation.objects.bulk_create)(copies, batch_size=COPIED_AT_ONCE)
    await sync_to_async(write_log)(scene, copies)


def write_log(scene: Scene, copies: list[Any]) -> None:
    """Give every copy its entry in the log, and sign it."""
    from django.conf import settings
    from django.db import transaction

    from attestation.log.entries import log_attestation
    from attestation.log.signer import CheckpointSigner
    from attestation.log.store import sign_log
    from attestation.models import LogEntry
    from attestation.offline import recorded_verdict
    from attestation.policy_text import name_policy
    from attestation.records import find_attestation, read_bundle

    logged = LogEntry.objects.filter(kind="attestation").values_list("record", flat=True)
    bundles = {bundle.evidence.statement: bundle for bundle in (read_bundle(find_attestation(pk)) for pk in logged)}
    with transaction.atomic():
        for copy in copies:
            bundle = bundles[bytes(copy.statement)]
            verdict = recorded_verdict(bundle)
            log_attestation(copy, quote=bundle.evidence.quote, verdict=verdict, policy=name_policy(scene.policy))
    sign_log(CheckpointSigner(scene.log_key, Path(settings.CONFCHAT_DATA_DIR) / "log.checkpoint"))


def resident_mb() -> float:
    """Return how much memory this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MANY)
