from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation.errors import MalformedError
from attestation.pck import parse_pck_extension
from attestation.simulator.pck_extension import PckValues, build_pck_extension

VALUES = PckValues(svns=(0, 1, 127, 128, 255, *range(11)), pce_svn=0xFFFF, pce_id=b"\x01\x02", sgx_type=2)
EXTENSION = build_pck_extension(VALUES)


def test_the_values_are_those_that_were_certified() -> None:
    found = parse_pck_extension(EXTENSION)
    for name in ("svns", "pce_svn", "pce_id", "fmspc", "ppid", "cpu_svn", "sgx_type"):
        assert getattr(found, name) == getattr(VALUES, name)


def test_what_a_processor_ca_leaves_out_is_not_needed() -> None:
    """Members 6 and 7 are the Platform CA's; cut them off and correct the length."""
    start = EXTENSION.index(bytes.fromhex("2a864886f84d010d0106")) - 4
    content = EXTENSION[4:start]
    shorter = b"\x30\x82" + len(content).to_bytes(2, "big") + content
    assert parse_pck_extension(shorter) == parse_pck_extension(EXTENSION)


def test_every_truncation_and_appended_byte_is_malformed() -> None:
    for size in range(len(EXTENSION)):
        with pytest.raises(MalformedError):
            parse_pck_extension(EXTENSION[:size])
    for byte in range(256):
        with pytest.raises(MalformedError):
            parse_pck_extension(EXTENSION + bytes([byte]))


@pytest.mark.parametrize(
    "values",
    [
        replace(VALUES, pce_svn=0x10000),
        replace(VALUES, pce_id=b"\0"),
        replace(VALUES, fmspc=bytes(7)),
        replace(VALUES, ppid=bytes(15)),
    ],
)
def test_members_have_one_size(values: PckValues) -> None:
    with pytest.raises(MalformedError):
        parse_pck_extension(build_pck_extension(values))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0201", "0281"),  # a length in two bytes that fits into one
        ("2a864886f84d010d0104", "2a864886f84d010d0103"),  # PCEID twice
        ("2a864886f84d010d0104", "2a864886f84d010c0104"),  # not Intel's
        ("2a864886f84d010d010201", "2a864886f84d010d010220"),  # no component 1
        ("0a0102", "020102"),  # an integer where an enumeration belongs
        ("02020080", "02028080"),  # a negative number
    ],
)
def test_der_has_one_form(before: str, after: str) -> None:
    assert before in EXTENSION.hex()
    with pytest.raises(MalformedError):
        parse_pck_extension(bytes.fromhex(EXTENSION.hex().replace(before, after, 1)))


def test_numbers_stand_in_their_shortest_form() -> None:
    """Component 2 as 0x0001 instead of 0x01, and one byte more in each of the three lengths around it."""
    longer = EXTENSION.hex()
    for before, after in (
        ("3010060b2a864886f84d010d010202020101", "3011060b2a864886f84d010d01020202020001"),
        ("30820157", "30820158"),
        ("30820167", "30820168"),
        ("3082022a", "3082022b"),
    ):
        assert longer.count(before) == 1
        longer = longer.replace(before, after)
    with pytest.raises(MalformedError) as caught:
        parse_pck_extension(bytes.fromhex(longer))
    assert "number" in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(EXTENSION)), st.binary(max_size=4), st.integers(0, 4))
def test_damaged_extensions_raise_nothing_else(position: int, put: bytes, cut: int) -> None:
    try:
        parse_pck_extension(EXTENSION[:position] + put + EXTENSION[position + cut :])
    except MalformedError:
        return


@given(st.binary(max_size=600))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    try:
        parse_pck_extension(data)
    except MalformedError:
        return
