"""Witnesses cosign what they saw grow; whoever of them lies, or is slow, is shown and stops nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest
from asgiref.sync import sync_to_async
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from django.test import Client
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint as IndependentCheckpoint

from attestation import publication
from attestation.__main__ import GREEN, NOT_GREEN, main
from attestation.errors import AppraisalError, ConfigurationError, UnavailableError
from attestation.key_files import write_private_key
from attestation.log.cosignature import build_witness_vkey
from attestation.log.keeper import LogKeeper
from attestation.log.signer import SignedCheckpoint
from attestation.log.store import sign_log
from attestation.log.witness import WitnessClient
from attestation.log.witnessing import Witnessing, read_witnessed
from attestation.models import LogCheckpoint, LogCosignature, LogEntry, LogHead
from tests.attestation import witness_stand_in as stand_in
from tests.attestation.log_scene import ORIGIN, build_key, build_signer, grow
from tests.attestation.test_log_keeper import append, until
from tests.attestation.witness_stand_in import NOW, StandIn

pytestmark = pytest.mark.django_db(transaction=True)

Lie = Callable[[StandIn, httpx.Request], httpx.Response]


async def no_proof(_size: int) -> Sequence[bytes]:
    return []


async def ask(witness: StandIn, signed: SignedCheckpoint, *, old_size: int = 0) -> object:
    client = WitnessClient(timeout_s=0.2, transport=witness.transport)
    return await client.cosign(witness.witness, signed, old_size=old_size, prove=no_proof, now=lambda: NOW)


def signed_log(directory: Path, count: int = 3) -> SignedCheckpoint:
    grow(count)
    return sign_log(build_signer(directory))


def witnessing(witness: StandIn) -> Witnessing:
    client = WitnessClient(transport=witness.transport)
    return Witnessing([witness.witness], client=client, clock=lambda: NOW, round_s=0.05, retry_s=0.05)


def build_keeper(directory: Path, witness: StandIn) -> LogKeeper:
    tell = witnessing(witness).tell
    return LogKeeper(build_signer(directory), origin=ORIGIN, policy={}, group_s=0.02, tell=tell)


async def test_a_growing_log_is_cosigned_step_by_step(tmp_path: Path) -> None:
    witness = StandIn()
    keeper = build_keeper(tmp_path, witness)
    for start, size in ((0, 1), (1, 2), (2, 3)):
        await append(keeper, start=start)
        await until(lambda size=size: witness.last is not None and witness.last.size == size)
    await until(lambda: len(witness.asked) == 3)
    assert [content.split(b"\n")[0] for content in witness.asked] == [b"old 0", b"old 1", b"old 2"]


async def test_a_witness_that_knows_an_older_tree_than_we_think_is_asked_again(tmp_path: Path) -> None:
    signed = await sync_to_async(signed_log)(tmp_path)
    witness = StandIn()
    await ask(witness, signed, old_size=2)
    assert [content.split(b"\n")[0] for content in witness.asked] == [b"old 2", b"old 0"]


@pytest.mark.parametrize(
    ("lie", "error", "code"),
    [
        (stand_in.wrong_size, UnavailableError, None),
        (stand_in.no_size, AppraisalError, "not_cosigned"),
        (stand_in.ahead, AppraisalError, "witness_ahead"),
        (stand_in.wrong_root, AppraisalError, "not_cosigned"),
        (stand_in.wrong_key, AppraisalError, "not_cosigned"),
        (stand_in.forged, AppraisalError, "not_cosigned"),
        (stand_in.from_tomorrow, AppraisalError, "not_cosigned"),
        (stand_in.endless, UnavailableError, None),
        (stand_in.gone, UnavailableError, None),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_a_lying_witness_is_not_believed(
    tmp_path: Path, lie: Lie, error: type[Exception], code: str | None
) -> None:
    signed = await sync_to_async(signed_log)(tmp_path)
    with pytest.raises(error) as refused:
        await ask(StandIn(answer=lie), signed)
    assert getattr(refused.value, "code", None) == code or code is None


async def test_a_slow_witness_is_not_waited_for(tmp_path: Path) -> None:
    signed = await sync_to_async(signed_log)(tmp_path)
    client = WitnessClient(timeout_s=0.1, transport=stand_in.Slow())
    with pytest.raises(UnavailableError, match="in time"):
        await client.cosign(StandIn().witness, signed, old_size=0, prove=no_proof, now=lambda: NOW)


async def test_a_failing_witness_stops_nothing_is_shown_and_is_asked_again(tmp_path: Path) -> None:
    witness = StandIn(answer=stand_in.ahead)
    keeper = build_keeper(tmp_path, witness)
    await append(keeper, start=0)
    await until(lambda: len(witness.asked) >= 2)
    assert keeper.checkpoint().size == 1
    shown = (await sync_to_async(read_witnessed)([witness.witness], now=NOW))[0]
    assert (shown.fault, shown.size, shown.asked_at) == ("witness_ahead", None, NOW)
    witness.answer = None
    await until(lambda: witness.last is not None)
    async with asyncio.timeout(5):
        while (shown := (await sync_to_async(read_witnessed)([witness.witness], now=NOW))[0]).fault:
            await asyncio.sleep(0.02)
    assert (shown.size, shown.at) == (1, NOW)


def cosign(witness: StandIn) -> None:
    """Have a witness cosign the log as it stands, and keep what it says."""
    signed = sign_log(publication.checkpoint_signer())

    async def once() -> None:
        round_ = witnessing(witness)
        round_.tell(signed)
        assert round_._task is not None
        await round_._task

    asyncio.run(once())


@pytest.fixture
def site(live_server: LiveServer, tmp_path: Path, settings: Settings) -> str:
    (tmp_path / "keys").mkdir()
    write_private_key(tmp_path / "keys" / "log.ed25519", build_key()._key)
    write_private_key(tmp_path / "keys" / "token.p256", generate_private_key(SECP256R1()))
    settings.CONFCHAT_DATA_DIR = tmp_path
    settings.CONFCHAT_LOG_ORIGIN = ORIGIN
    settings.CONFCHAT_WITNESSES = (f"https://{StandIn().name} {vkey(StandIn())}",)
    return str(live_server.url)


def vkey(witness: StandIn) -> str:
    return build_witness_vkey(witness.witness.key)


def follow(site: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    code = main(["log", site, "--key", build_key().vkey, "--json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def test_the_cosigned_checkpoint_is_served_and_others_verify_it(site: str, client: Client) -> None:
    assert client.get("/attestation/log/witnessed").status_code == 404
    grow(3)
    witness = StandIn()
    cosign(witness)
    grow(2, start=3)
    sign_log(publication.checkpoint_signer())
    note = client.get("/attestation/log/witnessed").content.decode()
    checkpoint = IndependentCheckpoint.from_text(note)
    assert checkpoint.size == 3
    checkpoint.verify(Vkey.from_string(vkey(witness)))
    checkpoint.verify(Vkey.from_string(build_key().vkey))
    assert "\n5\n" in client.get("/attestation/log/checkpoint").content.decode()


def test_a_stranger_sees_who_witnessed_and_insists_on_whom_he_pins(
    site: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    grow(3)
    cosign(StandIn())
    state, other = str(tmp_path / "seen.json"), StandIn(name="witness.example/w2")
    code, told = follow(site, capsys)
    assert (code, told["witnesses_from"]) == (GREEN, "the site itself")
    code, told = follow(site, capsys, "--witness", vkey(StandIn()), "--state", state)
    assert (code, told["witnesses_from"]) == (GREEN, "you")
    assert told["witnessed"] == [
        {"vkey": vkey(StandIn()), "size": 3, "cosigned_at": "2026-11-22T12:00:00Z", "fault": None}
    ]
    assert main(["log", site, "--key", build_key().vkey, "--witness", vkey(StandIn())]) == GREEN
    assert "\nWitnessed by witness.example/w1 at 2026-11-22T12:00:00Z: 3 entries.\n" in capsys.readouterr().out
    code, told = follow(site, capsys, "--witness", vkey(other))
    assert (code, told["reason"]) == (NOT_GREEN, "The site shows no cosignature of witness.example/w2.")
    line = LogCosignature.objects.get().line
    LogCosignature.objects.update(line=line[:-8] + "AAAAAA==")
    code, told = follow(site, capsys, "--state", state)
    assert code == NOT_GREEN, "the state remembers whom to insist on"


def test_what_was_witnessed_must_be_a_beginning_of_what_is_served(
    site: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    grow(3)
    cosign(StandIn())
    # A second history under the same key: the file of what was signed was set back together with the database.
    kept = LogCheckpoint.objects.get()
    (tmp_path / "keys" / "log.checkpoint").unlink()
    for table in (LogEntry, LogHead, LogCheckpoint):
        table.objects.all().delete()
    grow(5, start=10)
    sign_log(publication.checkpoint_signer())
    LogCheckpoint.objects.create(size=kept.size, note=kept.note, signed_at=kept.signed_at)
    assert follow(site, capsys)[0] == GREEN, "whom nobody pins is only shown"
    code, told = follow(site, capsys, "--witness", vkey(StandIn()))
    assert code == NOT_GREEN
    assert told["consistent"] is False


@pytest.mark.parametrize("item", ["ftp://witness.example w+00000000+AA==", "https://witness.example", "https://w x"])
def test_a_witness_that_cannot_be_read_stops_the_start(settings: Settings, item: str) -> None:
    settings.CONFCHAT_WITNESSES = (item,)
    with pytest.raises(ConfigurationError, match="CONFCHAT_WITNESSES"):
        publication.witnesses()
