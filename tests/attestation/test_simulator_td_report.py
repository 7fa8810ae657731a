"""TDREPORTs of the simulated platform: what they carry, and which ones it denies."""

from __future__ import annotations

import pytest

from attestation.errors import MalformedError
from attestation.simulator.boot import measure
from attestation.simulator.td_report import Td, build_td_report, parse_td_report

KEY = b"k" * 32
TD = Td(report_data=bytes(range(64)), rtmr3=measure("an extended register"), mr_service_td=measure("service TD"))
# Where Intel's TDREPORT_STRUCT has them.
OFFSETS = {
    "cpu_svn": (16, 16),
    "report_data": (128, 64),
    "tee_tcb_svn": (264, 16),
    "mr_seam": (280, 48),
    "tee_tcb_svn2": (384, 16),
    "td_attributes": (512, 8),
    "xfam": (520, 8),
    "mr_td": (528, 48),
    "rtmr0": (720, 48),
    "rtmr3": (864, 48),
    "mr_service_td": (912, 48),
}


def test_report_reads_back_whole() -> None:
    assert parse_td_report(build_td_report(TD, mac_key=KEY), mac_key=KEY) == TD


@pytest.mark.parametrize("name", OFFSETS)
def test_fields_stand_where_hardware_puts_them(name: str) -> None:
    offset, size = OFFSETS[name]
    assert build_td_report(TD, mac_key=KEY)[offset : offset + size] == getattr(TD, name)


@pytest.mark.parametrize("offset", [0, 20, 40, 90, 130, 200, 230, 260, 300, 390, 494, 512, 600, 870, 1023])
def test_changed_report_is_denied(offset: int) -> None:
    report = bytearray(build_td_report(TD, mac_key=KEY))
    report[offset] ^= 1
    with pytest.raises(MalformedError):
        parse_td_report(bytes(report), mac_key=KEY)


def test_report_of_another_platform_is_denied() -> None:
    with pytest.raises(MalformedError):
        parse_td_report(build_td_report(TD, mac_key=b"another"), mac_key=KEY)


@pytest.mark.parametrize("size", [0, 1, 256, 1023, 1025])
def test_report_of_another_size_is_denied(size: int) -> None:
    report = (build_td_report(TD, mac_key=KEY) + b"\x00")[:size]
    with pytest.raises(MalformedError):
        parse_td_report(report, mac_key=KEY)
