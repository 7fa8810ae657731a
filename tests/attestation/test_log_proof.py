"""Evidence that was taken away proves by itself that it stands in the log, and that nothing of it was changed since."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint, InclusionProof

from attestation.bundle import Bundle, build_bundle, parse_bundle
from attestation.encoding import b64encode
from attestation.errors import MalformedError
from attestation.log.leaves import parse_entry
from attestation.log.proof import Logged, build_proof, parse_proof
from attestation.log.signer import CheckpointSigner
from attestation.log.store import sign_log
from attestation.named_policies import load_policy
from attestation.offline import Anchors, verify_bundle
from attestation.records import find_attestation, read_bundle
from tests.attestation.log_scene import grow
from tests.attestation.scene import Scene, build_scene
from tests.attestation.test_history import record_one

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scene() -> Scene:
    return build_scene()


@pytest.fixture
async def bundle(scene: Scene, tmp_path: Path) -> Bundle:
    """Return a record's evidence from a log with entries before and after it."""
    await sync_to_async(grow)(300)
    record = await record_one(scene, scene.evidence())
    await sync_to_async(grow)(3, start=500)
    signer = CheckpointSigner(scene.log_key, tmp_path / "log.checkpoint")
    await sync_to_async(sign_log)(signer)
    await sync_to_async(grow)(10, start=600)
    await sync_to_async(sign_log)(signer)
    return await sync_to_async(lambda: read_bundle(find_attestation(record)))()


def judge(bundle: Bundle, scene: Scene, *, log_key: bytes | None = None) -> Logged:
    anchors = Anchors(
        gpu_keys=(),
        nonce=None,
        conversation=None,
        origin=None,
        suites=None,
        log_key=log_key or scene.log_key.public,
        release_keys=(),
        token_issuers=(),
        simulator_root_sha256=None,
        policy=load_policy("strict"),
    )
    return verify_bundle(bundle, anchors=anchors, at=scene.now).logged


async def test_a_record_proves_its_place_in_the_log(scene: Scene, bundle: Bundle) -> None:
    assert judge(parse_bundle(build_bundle(bundle)), scene) == Logged(
        status="pass", detail=f"It is entry 300 of the public log {scene.log_key.origin}."
    )


async def test_an_independent_implementation_accepts_the_proof(bundle: Bundle) -> None:
    assert bundle.log is not None
    checkpoint = Checkpoint.from_text(bundle.log.note)
    proof = InclusionProof(bundle.log.index, checkpoint.size, [*bundle.log.path])
    proof.check(leaf_hash(bundle.log.entry), checkpoint.root_hash)
    assert parse_entry(bundle.log.entry)["outcome"] == bundle.verdict["server_outcome"]


async def test_the_proof_of_a_record_stays_the_same_while_the_log_grows(bundle: Bundle) -> None:
    assert bundle.log is not None
    assert Checkpoint.from_text(bundle.log.note).size == 304


CHANGES: dict[str, Any] = {
    "outcome": lambda bundle: replace(bundle, verdict={**bundle.verdict, "server_outcome": "affirming"}),
    "check": lambda bundle: replace(
        bundle, checks=[*bundle.checks[:-1], {**bundle.checks[-1], "status": "pass", "code": ""}]
    ),
    "token": lambda bundle: replace(bundle, token="another"),
    "error": lambda bundle: replace(bundle, verdict={**bundle.verdict, "error": None}),
    "record": lambda bundle: replace(bundle, record="0b8c2d35-6d0f-4a70-9f53-5f4d7d9b3c55"),
    "statement": lambda bundle: replace(
        bundle, evidence=replace(bundle.evidence, statement=bundle.evidence.statement + b" ")
    ),
    "salt": lambda bundle: replace(bundle, log=replace(bundle.log, salt=bytes(32))),
    "entry": lambda bundle: replace(bundle, log=replace(bundle.log, entry=bundle.log.entry + b" ")),
    "index": lambda bundle: replace(bundle, log=replace(bundle.log, index=bundle.log.index + 1)),
    "path": lambda bundle: replace(bundle, log=replace(bundle.log, path=bundle.log.path[1:])),
    "checkpoint": lambda bundle: replace(bundle, log=replace(bundle.log, note=bundle.log.note.replace("304", "305"))),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_changed_since_is_not_in_the_log(scene: Scene, bundle: Bundle, change: str) -> None:
    assert judge(CHANGES[change](bundle), scene).status == "fail"


async def test_the_log_of_another_key_proves_nothing(scene: Scene, bundle: Bundle) -> None:
    assert judge(bundle, scene, log_key=bytes([1] * 32)).status == "fail"


async def test_without_a_proof_nothing_is_claimed(scene: Scene, bundle: Bundle) -> None:
    assert judge(parse_bundle(build_bundle(replace(bundle, log=None))), scene).status == "unknown"


async def test_a_record_that_is_not_signed_for_yet_has_no_proof(scene: Scene) -> None:
    record = await record_one(scene, scene.evidence())
    assert await sync_to_async(lambda: read_bundle(find_attestation(record)).log)() is None


async def test_proofs_have_the_form_of_the_specification(bundle: Bundle) -> None:
    assert bundle.log is not None
    text = build_proof(bundle.log)
    assert text.startswith(f"c2sp.org/tlog-proof@v1\nextra {text.split()[2]}\nindex 300\n")
    assert text.endswith(f"\n\n{bundle.log.note}")
    assert parse_proof(text, entry=bundle.log.entry) == bundle.log
    head = text[: text.index("\n\n")]
    for at in range(len(head)):
        with pytest.raises(MalformedError):
            parse_proof(text[:at], entry=b"")
    for wrong in (text.replace("@v1", "@v2"), text.replace("index 300", "index 0300"), text.replace("extra ", "extra")):
        with pytest.raises(MalformedError):
            parse_proof(wrong, entry=b"")


async def test_the_archive_tells_nobody_who_asked(bundle: Bundle) -> None:
    assert bundle.log is not None
    assert b64encode(bundle.log.salt).encode() not in bundle.log.entry
    assert bundle.record.encode() not in bundle.log.entry
