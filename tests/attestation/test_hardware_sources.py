from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from attestation.errors import ConfigurationError, UnavailableError
from attestation.hardware.machine import UnixAddress, VsockAddress, parse_address
from attestation.hardware.sources import SOURCES
from attestation.quote import parse_quote
from attestation.simulator.installation import create_simulator
from tests.hardware_scene import NOTHING, PLUGS, Scene, SimulatedHost
from tests.quote_ext.tdx_device import ANOLIS, DCAP_DEFAULT, INTEL_V3, TDX10

NOW = datetime(2026, 9, 1, tzinfo=UTC)
REPORT_DATA = bytes(range(64))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    create_simulator(tmp_path / "simulator", now=NOW)
    with contextlib.ExitStack() as stack:
        yield Scene(tmp_path, stack, host=SimulatedHost(tmp_path / "simulator"))


@pytest.mark.parametrize("way", SOURCES)
async def test_machine_with_one_way_to_a_quote_uses_it(scene: Scene, way: str) -> None:
    PLUGS[way](scene)
    attester = scene.choose()
    assert (attester.name, attester.trust_anchor) == (way, "intel")
    assert parse_quote(await attester.quote(REPORT_DATA)).report.report_data == REPORT_DATA


@pytest.mark.parametrize("numbers", [ANOLIS, DCAP_DEFAULT, INTEL_V3, TDX10])
async def test_kernel_of_each_vendor_gives_a_quote(scene: Scene, numbers: frozenset[int]) -> None:
    scene.device(numbers)
    quote = await scene.choose("driver").quote(REPORT_DATA)
    assert parse_quote(quote).report.report_data == REPORT_DATA


def test_ways_are_looked_for_in_the_documents_order_and_the_first_is_taken(scene: Scene) -> None:
    scene.device(ANOLIS)
    assert [trial.way for trial in scene.choose().trials] == ["configfs", "library", "qgs", "driver"]
    scene.quoting_service()
    assert [trial.way for trial in scene.choose().trials] == ["configfs", "library", "qgs"]
    scene.library()
    assert [trial.way for trial in scene.choose().trials] == ["configfs", "library"]
    scene.configfs()
    assert [str(trial) for trial in scene.choose().trials] == ["configfs: in use"]


def test_way_that_is_chosen_by_setting_is_the_only_one(scene: Scene) -> None:
    scene.configfs()
    scene.device(ANOLIS)
    assert [str(trial) for trial in scene.choose("driver").trials] == ["driver: in use"]


async def test_way_that_is_missing_or_fails_is_not_replaced(scene: Scene) -> None:
    scene.device(ANOLIS)
    with pytest.raises(UnavailableError, match="library: ELIBACC"):
        await scene.choose("library").quote(REPORT_DATA)
    with pytest.raises(ConfigurationError, match="CONFCHAT_QGS"):
        await scene.choose("qgs").quote(REPORT_DATA)
    with pytest.raises(UnavailableError, match="No TDX guest stands behind configfs"):
        await scene.choose("configfs").quote(REPORT_DATA)


async def test_old_quote_in_the_place_of_a_new_one_is_refused(scene: Scene) -> None:
    library = scene.library()
    library.quote = lambda _report_data: scene.host.quote(bytes(64))
    with pytest.raises(UnavailableError, match="over something else"):
        await scene.choose("library").quote(REPORT_DATA)


def test_machine_without_any_way_is_told_what_is_missing(scene: Scene) -> None:
    with pytest.raises(ConfigurationError, match=r"since 6\.7.*no TDX guest.*manage\.py attester"):
        scene.choose()


@pytest.mark.parametrize(
    ("numbers", "has_library", "through"),
    [(DCAP_DEFAULT, True, "driver"), (INTEL_V3, False, "driver"), (ANOLIS, True, "library")],
)
async def test_register_is_extended_by_the_first_interface_that_can(
    scene: Scene, numbers: frozenset[int], has_library: bool, through: str
) -> None:
    device = scene.device(numbers)
    library = scene.library() if has_library else None
    attester = scene.choose("driver")
    await attester.extend(b"\x11" * 48)
    assert attester.measured_through == through
    assert [*device.extended, *(library.extended if library else [])] == [(3, b"\x11" * 48)]


async def test_kernel_that_cannot_extend_says_why_for_every_interface(scene: Scene) -> None:
    scene.device(ANOLIS)
    with pytest.raises(UnavailableError, match=r"sysfs: .*6\.16.* driver: .*cannot extend.* library: .*not installed"):
        await scene.choose("driver").extend(bytes(48))


@pytest.mark.parametrize(
    ("status", "expected", "words"),
    [(errno.EPERM, ConfigurationError, "EPERM"), (errno.EIO, UnavailableError, "EIO")],
)
async def test_refused_extension_is_not_tried_through_another_interface(
    scene: Scene, status: int, expected: type[Exception], words: str
) -> None:
    device = scene.device(DCAP_DEFAULT)
    library = scene.library()
    device.errors[0x80315403] = status
    with pytest.raises(expected, match=words):
        await scene.choose("driver").extend(bytes(48))
    assert library.extended == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("vsock:2:4050", VsockAddress(2, 4050)),
        ("vsock:3:1", VsockAddress(3, 1)),
        ("unix:/run/tdx-qgs/qgs.socket", UnixAddress(Path("/run/tdx-qgs/qgs.socket"))),
    ],
)
def test_address_of_a_quoting_service_is_read_and_written_alike(text: str, address: UnixAddress | VsockAddress) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "vsock", "vsock:2", "vsock:2:x", "vsock:2:4294967295", "vsock:-1:1", "unix:relative", "tcp:1:2"]
)
def test_anything_else_is_no_address(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no address of a quoting service"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("port = 4050\n", 4050),
        ("# port = 1\n  port=4051  \nport = 2\n", 4051),
        ("port = 70000\n", None),
        ("port = 0\n", None),
        ("port = 4050 # QGS\n", None),
        ("ports = 4050\n", None),
        ("", None),
    ],
)
def test_port_of_the_librarys_file_is_read_as_the_library_reads_it(tmp_path: Path, text: str, port: int | None) -> None:
    (tmp_path / "tdx-attest.conf").write_text(text)
    machine = replace(NOTHING, attest_conf=tmp_path / "tdx-attest.conf")
    assert machine.quoting_address() == (None if port is None else VsockAddress(2, port))
