from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation.errors import MalformedError
from attestation.quote import (
    BODY_SIZES,
    INTEL_QE_VENDOR_ID,
    MAX_QUOTE_SIZE,
    MalformedQuoteError,
    Quote,
    parse_quote,
)
from attestation.simulator.boot import measure
from attestation.simulator.quotes import USER_DATA
from attestation.simulator.td_report import Td
from tests.cases.scene import PLATFORM

TD = Td(report_data=bytes(range(64)), mr_service_td=measure("service TD"), rtmr3=measure("RTMR3"))
QUOTES = {
    "v4": PLATFORM.quote(TD),
    "v5, type 2": PLATFORM.quote(TD, version=5, body_type=2),
    "v5, type 3": PLATFORM.quote(TD, version=5, body_type=3),
    "v5, type 4": PLATFORM.quote(TD, version=5, body_type=4),
}
every_kind = pytest.mark.parametrize("kind", QUOTES)


@every_kind
def test_every_field_is_read_from_its_place(kind: str) -> None:
    quote = parse_quote(QUOTES[kind])
    report = quote.report
    assert (quote.header.version, quote.header.user_data) == (int(kind[1]), USER_DATA)
    assert quote.header.qe_vendor_id == INTEL_QE_VENDOR_ID
    for name in ("report_data", "mr_td", "mr_seam", "mr_config_id", "xfam", "td_attributes", "tee_tcb_svn"):
        assert getattr(report, name) == getattr(TD, name)
    assert (report.rtmr0, report.rtmr1, report.rtmr2, report.rtmr3) == (TD.rtmr0, TD.rtmr1, TD.rtmr2, TD.rtmr3)
    is_later = kind in ("v5, type 3", "v5, type 4")
    assert report.mr_service_td == (TD.mr_service_td if is_later else None)
    assert report.tee_tcb_svn2 == (TD.tee_tcb_svn2 if is_later else None)
    assert len(report.extension or b"") == (BODY_SIZES[4] - BODY_SIZES[3] if kind == "v5, type 4" else 0)


@every_kind
def test_the_enclaves_part_is_read_from_its_place(kind: str) -> None:
    quote, enclave = parse_quote(QUOTES[kind]), PLATFORM.enclave
    assert quote.qe_report.raw == enclave.report()
    assert quote.qe_report.mr_signer == enclave.mr_signer
    assert quote.qe_report.attributes == enclave.attributes
    assert (quote.qe_report.isv_prod_id, quote.qe_report.isv_svn) == (enclave.isv_prod_id, enclave.isv_svn)
    assert quote.qe_authentication_data == enclave.authentication_data
    assert quote.pck_chain == PLATFORM.pki.pck.chain_pem().encode()
    assert QUOTES[kind].startswith(quote.signed + struct.pack("<I", len(QUOTES[kind]) - len(quote.signed) - 4))


@every_kind
def test_every_truncation_is_malformed(kind: str) -> None:
    quote = QUOTES[kind]
    for size in range(len(quote)):
        with pytest.raises(MalformedError):
            parse_quote(quote[:size])


@every_kind
def test_every_appended_byte_but_zeros_is_malformed(kind: str) -> None:
    quote = QUOTES[kind]
    for byte in range(1, 256):
        with pytest.raises(MalformedQuoteError) as caught:
            parse_quote(quote + bytes([byte]))
        assert caught.value.code == "quote_trailing"
    assert parse_quote(quote + bytes(5000)) == parse_quote(quote)


def test_a_quote_has_a_largest_size() -> None:
    quote = QUOTES["v4"]
    assert isinstance(parse_quote(quote.ljust(MAX_QUOTE_SIZE, b"\0")), Quote)
    with pytest.raises(MalformedError):
        parse_quote(quote.ljust(MAX_QUOTE_SIZE + 1, b"\0"))


def refuse_or_parse(data: bytes) -> None:
    """Let nothing out but a quote or the error that a parser may raise, with a code of `quote.parse`."""
    try:
        parse_quote(data)
    except MalformedQuoteError as error:
        code = error.code
    else:
        code = "quote_"
    assert code.startswith("quote_")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_quotes_raise_nothing_else(data: st.DataObject) -> None:
    quote = bytearray(QUOTES[data.draw(st.sampled_from(sorted(QUOTES)))])
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(quote) - 1))
        cut = data.draw(st.sampled_from([0, 1, 1, 1, 64]))
        quote[position : position + cut] = data.draw(st.binary(max_size=2))
    refuse_or_parse(bytes(quote))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=6000))
def test_random_bytes_raise_nothing_else(data: bytes) -> None:
    refuse_or_parse(data)
    refuse_or_parse(QUOTES["v4"][:48] + data)


def test_real_quotes_have_the_fields_of_their_index(shared_vectors: Path) -> None:
    directory = shared_vectors / "quotes"
    for vector in json.loads((directory / "vectors.json").read_text())["vectors"]:
        raw = (directory / vector["file"]).read_bytes()
        quote, report = parse_quote(raw), parse_quote(raw).report
        assert (len(raw), quote.header.version) == (vector["size"], vector["version"])
        assert quote.body_type == {"TD1.0": 2, "TD1.5": 3, "TD1.5ex": 4}[vector["body"]]
        assert [getattr(report, f"rtmr{index}").hex() for index in range(4)] == vector["rtmr"]
        names = {"mr_td": "mrtd", "tee_tcb_svn2": "tee_tcb_svn2", "mr_service_td": "mr_service_td"}
        names |= {
            name: name for name in ("td_attributes", "xfam", "tee_tcb_svn", "mr_config_id", "report_data", "mr_seam")
        }
        for name, index_name in names.items():
            value = getattr(report, name)
            assert (None if value is None else value.hex()) == vector.get(index_name), (vector["name"], name)
