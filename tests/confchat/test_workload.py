"""What runs is measured before it is quoted, again when it changes or the machine starts anew, and lies to nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from attestation.errors import AppraisalError, ConfigurationError, UnavailableError
from attestation.eventlog import MAX_EVENTS, application_event, parse_event_log, replay, write_aael
from attestation.workload import judge_events
from tests.confchat.measuring_scene import (
    MODEL,
    Hardware,
    Site,
    events_of,
    judge,
    prove,
)
from tests.confchat.ollama_stand_in import StandIn, serve

ALL = ["application", "model-server", "model"]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with serve(StandIn()) as stand_in:
        site = Site(tmp_path, host=stand_in.host)
        yield site
        site.close()


@pytest.fixture
def hardware() -> Hardware:
    return Hardware()


async def test_application_server_and_model_are_measured_once(site: Site, hardware: Hardware) -> None:
    workload, release = site.workload(hardware), site.released()
    first = await prove(workload, release)
    second = await prove(workload, release)
    judge(first, release)
    assert events_of(first) == events_of(second) == ALL
    assert hardware.extensions == len(ALL)
    assert first.ccel is not None
    assert not first.ccel.endswith(b"\xff")


async def test_nothing_is_quoted_twice_while_nothing_changes(site: Site, hardware: Hardware) -> None:
    workload, release = site.workload(hardware), site.released()
    await prove(workload, release)
    before = hardware.quotes
    await prove(workload, release)
    assert hardware.quotes == before + 1


async def test_right_after_a_reboot_the_first_question_is_measured_again(site: Site, hardware: Hardware) -> None:
    workload, release = site.workload(hardware), site.released()
    await prove(workload, release)
    hardware.reboot()
    proof = await prove(workload, release)
    judge(proof, release)
    assert events_of(proof) == ALL


async def test_many_questions_right_after_a_reboot_all_get_a_whole_proof(site: Site, hardware: Hardware) -> None:
    workload, release = site.workload(hardware), site.released()
    await prove(workload, release)
    hardware.reboot()
    for proof in await asyncio.gather(*(prove(workload, release) for _ in range(8))):
        judge(proof, release)
        assert events_of(proof) == ALL
    assert hardware.extensions == 2 * len(ALL)


async def test_flipped_byte_is_measured_after_a_reboot_and_names_its_blob(site: Site, hardware: Hardware) -> None:
    workload, release = site.workload(hardware), site.released()
    await prove(workload, release)
    name = site.weights.name.replace("-", ":")
    site.weights.write_bytes(b"W" + site.weights.read_bytes()[1:])
    hardware.reboot()
    proof = await prove(workload, release)
    with pytest.raises(AppraisalError, match=name) as refused:
        judge(proof, release)
    assert refused.value.code == "blob_differs"


async def test_change_that_is_seen_right_after_a_reboot_does_not_hide_the_reboot(
    site: Site, hardware: Hardware
) -> None:
    workload, release = site.workload(hardware), site.released()
    genuine = site.weights.read_bytes()
    site.weights.write_bytes(b"other weights")
    await prove(workload, release)
    site.weights.write_bytes(genuine)
    hardware.reboot()
    proof = await prove(workload, release)
    judge(proof, release)
    assert events_of(proof) == ALL


async def test_flipped_byte_is_measured_without_a_reboot_and_stays(site: Site, hardware: Hardware) -> None:
    workload, release = site.workload(hardware), site.released()
    await prove(workload, release)
    assert await workload.is_as_measured(MODEL)
    genuine = site.weights.read_bytes()
    site.weights.write_bytes(b"W" + genuine[1:])
    assert not await workload.is_as_measured(MODEL)
    changed = await prove(workload, release)
    assert events_of(changed) == [*ALL, "model"]
    site.weights.write_bytes(genuine)
    repaired = await prove(workload, release)
    assert events_of(repaired) == [*ALL, "model", "model"]
    assert await workload.is_as_measured(MODEL)
    with pytest.raises(AppraisalError) as refused:
        judge(repaired, release)
    assert refused.value.code == "blob_differs"


async def test_changed_file_of_the_application_is_named(site: Site, hardware: Hardware) -> None:
    release = site.released()
    site.program.write_text("'another program'\n")
    with pytest.raises(AppraisalError, match=r"confchat/program\.py") as refused:
        judge(await prove(site.workload(hardware), release), release)
    assert refused.value.code == "application_differs"


async def test_process_that_starts_later_goes_on_with_the_log(site: Site, hardware: Hardware) -> None:
    release = site.released()
    await prove(site.workload(hardware), release)
    proof = await prove(site.workload(hardware), release)
    judge(proof, release)
    assert hardware.extensions == len(ALL)


async def test_two_processes_that_measure_by_turns_share_one_log(site: Site, hardware: Hardware) -> None:
    one, other, release = site.workload(hardware), site.workload(hardware), site.released()
    await prove(one, release)
    await prove(other, release)
    site.weights.write_bytes(b"a")
    await prove(one, release)
    site.weights.write_bytes(b"bb")
    await prove(other, release)
    site.weights.write_bytes(b"ccc")
    for workload in (one, other):
        assert events_of(await prove(workload, release)) == [*ALL, "model", "model", "model"]


async def test_two_processes_that_begin_at_once_measure_once(site: Site, hardware: Hardware) -> None:
    release = site.released()
    proofs = await asyncio.gather(*(prove(site.workload(hardware), release) for _ in range(3)))
    assert [events_of(proof) for proof in proofs] == [ALL] * 3
    assert hardware.extensions == len(ALL)


async def test_crash_between_writing_and_extending_loses_nothing(site: Site, hardware: Hardware) -> None:
    release = site.released()
    await prove(site.workload(hardware), release)
    text = site.log.read_text()
    site.log.write_text(text + "confchat model {}\n")
    proof = await prove(site.workload(hardware), release)
    judge(proof, release)
    assert proof.aael == text


async def test_machine_that_cannot_extend_says_so_and_goes_on(site: Site, hardware: Hardware) -> None:
    hardware.fails_before = UnavailableError("this kernel cannot extend RTMR3")
    workload, release = site.workload(hardware), site.released()
    proof = await prove(workload, release)
    assert proof.aael is None
    assert workload.fault == "this kernel cannot extend RTMR3"
    assert await workload.is_as_measured(MODEL)
    asked = hardware.quotes
    await prove(workload, release)
    assert hardware.quotes == asked + 1


async def test_extension_that_fails_later_gives_no_proof_of_what_was_not_measured(
    site: Site, hardware: Hardware
) -> None:
    workload, release = site.workload(hardware), site.released()
    await prove(workload, release)
    site.weights.write_bytes(b"other weights")
    hardware.fails_before = UnavailableError("the device is busy")
    with pytest.raises(UnavailableError, match="busy"):
        await prove(workload, release)
    hardware.fails_before = None
    assert events_of(await prove(workload, release)) == [*ALL, "model"]


async def test_extension_that_happened_though_it_seemed_to_fail_is_not_repeated(site: Site, hardware: Hardware) -> None:
    workload, release = site.workload(hardware), site.released()
    await prove(workload, release)
    site.weights.write_bytes(b"other weights")
    hardware.fails_after = UnavailableError("too slow")
    with pytest.raises(UnavailableError):
        await prove(workload, release)
    hardware.fails_after = None
    assert events_of(await prove(workload, release)) == [*ALL, "model"]
    assert hardware.extensions == len(ALL) + 1


async def test_somebody_elses_extension_leaves_a_log_that_says_so(site: Site, hardware: Hardware) -> None:
    workload, release = site.workload(hardware), site.released()
    await prove(workload, release)
    hardware.extend(application_event("somebody did something").digest)
    proof = await prove(workload, release)
    with pytest.raises(AppraisalError, match="before the log begins") as refused:
        judge_events(parse_event_log(proof.ccel, proof.aael), release)
    assert refused.value.code == "event_log_begins"


async def test_model_server_that_vanished_gives_no_proof_until_it_is_back(tmp_path: Path, hardware: Hardware) -> None:
    async with serve(StandIn()) as stand_in:
        site = Site(tmp_path, host=stand_in.host)
        workload, release = site.workload(hardware), site.released()
        await prove(workload, release)
    hardware.reboot()
    proof = await prove(workload, release)
    assert events_of(proof) == ["application", "model"]
    async with serve(StandIn(), port=int(site.host.partition(":")[2])):
        assert sorted(events_of(await prove(site.workload(hardware), release))) == sorted(ALL)
    workload = site.workload(hardware)
    with pytest.raises(UnavailableError, match="model-server was measured before"):
        await prove(workload, release)


async def test_models_that_are_elsewhere_are_not_measured(site: Site, hardware: Hardware) -> None:
    """A server on another machine is not looked for at the same port of this one either."""
    assert events_of(await prove(site.workload(hardware, models=False), site.released())) == ["application"]


async def test_model_whose_file_is_gone_gives_no_proof(site: Site, hardware: Hardware) -> None:
    workload, release = site.workload(hardware), site.released()
    await prove(workload, release)
    site.weights.unlink()
    assert not await workload.is_as_measured(MODEL)
    with pytest.raises(UnavailableError, match="cannot be measured now"):
        await prove(workload, release)


async def test_log_that_cannot_be_written_stops_before_anything_is_extended(site: Site, hardware: Hardware) -> None:
    release = site.released()
    site.log.with_suffix(".draft").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        await prove(site.workload(hardware), release)
    assert hardware.extensions == 0


async def test_log_that_is_full_asks_for_a_restart(site: Site, hardware: Hardware) -> None:
    lines = ["confchat model {}"] * (MAX_EVENTS // 2)
    site.log.write_text(write_aael(bytes(48), lines))
    hardware.rtmr3 = replay(application_event(line) for line in lines)[3]
    with pytest.raises(UnavailableError, match="start it anew"):
        await prove(site.workload(hardware), site.released())


@pytest.mark.parametrize("damage", [b"", b"\xff", b"INIT sha384/00\n"])
async def test_damaged_log_is_begun_anew_where_the_machine_was(site: Site, hardware: Hardware, damage: bytes) -> None:
    site.log.write_bytes(damage)
    assert events_of(await prove(site.workload(hardware), site.released())) == ALL


async def test_release_that_was_signed_anew_is_named_at_once_and_allows_what_was_measured_before(
    site: Site, hardware: Hardware
) -> None:
    workload = site.workload(hardware)
    await prove(workload, site.released())
    renewed = site.released(version="0.1.1")
    proof = await prove(workload, renewed)
    judge(proof, renewed)
    assert events_of(proof) == [*ALL, "application"]
    assert proof.aael is not None
    assert renewed.digest.hex() in proof.aael.splitlines()[-1]
