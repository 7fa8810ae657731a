from __future__ import annotations

import asyncio
import errno
import hashlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from attestation.attester import SimulatorSource, TdxAttester, choose_attester
from attestation.errors import ConfigurationError, UnavailableError
from attestation.hardware.machine import Machine
from attestation.hardware.sources import ConfigfsSource
from attestation.quote import parse_quote
from attestation.simulator.installation import Installation, create_simulator
from attestation.simulator.platform import Platform
from attestation.simulator.qgs import QuotingService
from attestation.simulator.sockets import QGS_SOCKET
from attestation.simulator.td_report import Td
from attestation.statement import report_data
from quote_ext.errors import DeviceAccessError, DeviceBusyError, DeviceMissingError, ProtocolError, ServiceError
from tests.quote_ext.tsm_plain import served
from tests.quote_ext.tsm_report import TsmReports

NOW = datetime(2026, 9, 1, tzinfo=UTC)
REPORT_DATA = bytes(range(64))
PLATFORM = Platform.create(NOW, seed=b"attester")


def simulated_quote(report_data: bytes) -> bytes:
    return PLATFORM.quote(Td(report_data=report_data))


def nothing_but(configfs: Path) -> Machine:
    """Return a machine that has configfs at a path, if anything is there, and no other interface."""
    nowhere = Path("/nonexistent")
    return Machine(
        configfs=configfs, devices=(nowhere,), attest_conf=nowhere, measurements=nowhere, acpi_tables=nowhere
    )


class Device:
    """A source of quotes that notes who asks, and does what it is told before it answers."""

    name = "configfs"
    trust_anchor: Literal["intel"] = "intel"

    def __init__(self, make: Callable[[bytes], bytes] = simulated_quote) -> None:
        self.make = make
        self.asked: list[bytes] = []
        self.threads: set[int] = set()
        self.at_once = self.most_at_once = 0

    def quote(self, report_data: bytes) -> bytes:
        self.asked.append(report_data)
        self.threads.add(threading.get_ident())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self.make(report_data)
        finally:
            self.at_once -= 1


def slow(delay_s: float) -> Callable[[bytes], bytes]:
    def make(report_data: bytes) -> bytes:
        time.sleep(delay_s)
        return simulated_quote(report_data)

    return make


def failing(error: Exception) -> Callable[[bytes], bytes]:
    def make(_report_data: bytes) -> bytes:
        raise error

    return make


async def test_quote_carries_the_report_data() -> None:
    quote = await TdxAttester(Device()).quote(REPORT_DATA)
    assert parse_quote(quote).report.report_data == REPORT_DATA


async def test_statement_is_attested_by_the_hash_of_its_bytes() -> None:
    quote = await TdxAttester(Device()).attest(b'{"v":"confchat/1"}')
    assert parse_quote(quote).report.report_data == report_data(b'{"v":"confchat/1"}')


async def test_quote_over_something_else_is_refused() -> None:
    attester = TdxAttester(Device(lambda _report_data: simulated_quote(bytes(64))))
    with pytest.raises(UnavailableError, match="over something else"):
        await attester.quote(REPORT_DATA)


@pytest.mark.parametrize("answer", [b"", bytes(5000), simulated_quote(REPORT_DATA)[:-1]])
async def test_answer_that_is_no_quote_is_refused(answer: bytes) -> None:
    with pytest.raises(UnavailableError, match="not a quote"):
        await TdxAttester(Device(lambda _report_data: answer)).quote(REPORT_DATA)


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (DeviceAccessError("inblob", errno.EACCES), ConfigurationError, "configfs: inblob: EACCES"),
        (DeviceMissingError("entry", errno.ENOENT), UnavailableError, "entry: ENOENT"),
        (DeviceBusyError("outblob", errno.EBUSY), UnavailableError, "outblob: EBUSY"),
        (ProtocolError("outblob", 0), UnavailableError, "outblob: refused value 0"),
        (ServiceError("error code", 0x12001), UnavailableError, "0x12001"),
    ],
)
async def test_error_of_the_device_is_translated(error: Exception, expected: type[Exception], words: str) -> None:
    with pytest.raises(expected, match=words) as translated:
        await TdxAttester(Device(failing(error))).quote(REPORT_DATA)
    assert type(translated.value) is expected
    assert translated.value.__cause__ is error


async def test_device_is_asked_for_one_quote_at_a_time_and_off_the_event_loop() -> None:
    device = Device(slow(0.02))
    attester = TdxAttester(device)
    wanted = [bytes([number]) * 64 for number in range(6)]
    quotes = await asyncio.gather(*(attester.quote(report_data) for report_data in wanted))
    assert [parse_quote(quote).report.report_data for quote in quotes] == wanted
    assert device.most_at_once == 1
    assert device.threads.isdisjoint({threading.get_ident()})


async def test_event_loop_runs_during_a_slow_quote() -> None:
    asking = asyncio.create_task(TdxAttester(Device(slow(0.3))).quote(REPORT_DATA))
    ticks = 0
    while not asking.done():
        await asyncio.sleep(0.005)
        ticks += 1
    assert ticks > 15
    await asking


async def test_slow_device_is_unavailable_at_the_time_limit_and_usable_afterwards() -> None:
    device = Device(slow(1.0))
    attester = TdxAttester(device, timeout_s=0.1)
    began = time.monotonic()
    with pytest.raises(UnavailableError, match=r"within 0\.1 s"):
        await attester.quote(REPORT_DATA)
    assert time.monotonic() - began < 0.9
    device.make = simulated_quote
    while device.at_once:
        await asyncio.sleep(0.01)
    assert await attester.quote(REPORT_DATA)


async def test_request_that_nobody_waits_for_any_more_never_reaches_the_device() -> None:
    device = Device(slow(0.2))
    attester = TdxAttester(device)
    first = asyncio.create_task(attester.quote(REPORT_DATA))
    second = asyncio.create_task(attester.quote(bytes(64)))
    await asyncio.sleep(0.05)
    second.cancel()
    await first
    await attester.quote(REPORT_DATA)
    assert device.asked == [REPORT_DATA, REPORT_DATA]


async def test_too_many_waiting_are_refused_at_once() -> None:
    attester = TdxAttester(Device(slow(0.2)), max_waiting=2)
    waiting = [asyncio.create_task(attester.quote(REPORT_DATA)) for _ in range(2)]
    await asyncio.sleep(0.02)
    with pytest.raises(UnavailableError, match="too many"):
        await attester.quote(REPORT_DATA)
    await asyncio.gather(*waiting)
    assert await attester.quote(REPORT_DATA)


async def test_report_data_of_another_size_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="64 bytes, not 63"):
        await TdxAttester(Device()).quote(bytes(63))


async def test_closed_attester_lets_its_thread_end() -> None:
    device = Device()
    attester = TdxAttester(device)
    await attester.quote(REPORT_DATA)
    (thread,) = (thread for thread in threading.enumerate() if thread.ident in device.threads)
    attester.close()
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()


@pytest.fixture
def simulator(tmp_path: Path) -> Path:
    create_simulator(tmp_path / "simulator", now=NOW)
    return tmp_path / "simulator"


@pytest.fixture
async def serving(simulator: Path) -> AsyncIterator[Path]:
    """The simulator with its quoting service on this very event loop."""
    service = QuotingService(Installation.open(simulator))
    async with await asyncio.start_unix_server(service.serve_connection, simulator / QGS_SOCKET):
        yield simulator


async def test_simulator_gives_quotes_over_its_socket(serving: Path) -> None:
    attester = TdxAttester(SimulatorSource(serving))
    assert (attester.name, attester.trust_anchor) == ("simulator", "simulator")
    for number in range(3):
        quote = await attester.quote(bytes([number]) * 64)
        assert parse_quote(quote).report.report_data == bytes([number]) * 64


async def test_simulated_machine_that_is_chosen_can_be_measured_at_run_time(serving: Path, tmp_path: Path) -> None:
    attester = choose_attester(tdx="auto", machine=nothing_but(tmp_path / "none"), simulator_directory=serving)
    before = await attester.registers()
    await attester.extend(b"\x11" * 48)
    assert attester.measured_through == "simulator"
    assert await attester.registers() == (*before[:3], hashlib.sha384(before[3] + b"\x11" * 48).digest())
    assert await attester.firmware_log()


async def test_simulator_without_its_service_is_unavailable(simulator: Path) -> None:
    with pytest.raises(UnavailableError, match="simulator: connect: ENOENT"):
        await TdxAttester(SimulatorSource(simulator)).quote(REPORT_DATA)


async def test_report_of_another_platform_is_refused_by_the_quoting_service(serving: Path, tmp_path: Path) -> None:
    create_simulator(tmp_path / "other", now=NOW)
    (tmp_path / "other" / QGS_SOCKET).symlink_to(serving / QGS_SOCKET)
    with pytest.raises(UnavailableError, match="0x12003"):
        await TdxAttester(SimulatorSource(tmp_path / "other")).quote(REPORT_DATA)


async def test_prepared_entry_of_configfs_is_used(tmp_path: Path) -> None:
    reports = TsmReports()
    reports.quote = simulated_quote
    with served(reports, tmp_path / "confchat"):
        attester = choose_attester(tdx="auto", machine=nothing_but(tmp_path), simulator_directory=None)
        quote = await attester.quote(REPORT_DATA)
    assert (attester.name, attester.trust_anchor) == ("configfs", "intel")
    assert parse_quote(quote).report.report_data == REPORT_DATA
    assert reports.requests == [REPORT_DATA]


async def test_ordinary_directory_in_the_place_of_configfs_is_unavailable(tmp_path: Path) -> None:
    attester = TdxAttester(ConfigfsSource(nothing_but(tmp_path)))
    with pytest.raises(UnavailableError, match="provider"):
        await attester.quote(REPORT_DATA)
    assert list(tmp_path.iterdir()) == []


async def test_missing_hardware_that_was_asked_for_is_not_replaced(simulator: Path, tmp_path: Path) -> None:
    attester = choose_attester(tdx="configfs", machine=nothing_but(tmp_path / "none"), simulator_directory=simulator)
    assert attester.trust_anchor == "intel"
    with pytest.raises(UnavailableError):
        await attester.quote(REPORT_DATA)


def test_hardware_comes_before_the_simulator(simulator: Path, tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    chosen = choose_attester(tdx="auto", machine=nothing_but(tmp_path / "report"), simulator_directory=simulator)
    assert chosen.name == "configfs"


@pytest.mark.parametrize("tdx", ["auto", "simulator"])
def test_simulator_is_chosen_where_it_may_be(
    simulator: Path, tmp_path: Path, tdx: Literal["auto", "simulator"]
) -> None:
    chosen = choose_attester(tdx=tdx, machine=nothing_but(tmp_path / "none"), simulator_directory=simulator)
    assert chosen.trust_anchor == "simulator"


@pytest.mark.parametrize("tdx", ["auto", "simulator"])
def test_simulator_is_never_chosen_where_it_may_not_be(tmp_path: Path, tdx: Literal["auto", "simulator"]) -> None:
    with pytest.raises(ConfigurationError, match="only development"):
        choose_attester(tdx=tdx, machine=nothing_but(tmp_path / "none"), simulator_directory=None)


def test_simulator_that_is_not_set_up_is_a_matter_of_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="set-up"):
        choose_attester(tdx="simulator", machine=nothing_but(tmp_path / "none"), simulator_directory=tmp_path)
