from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation.errors import MalformedError
from attestation.evidence import Evidence
from tests.cases.scene import Scene, apply

WIRE: dict[str, Any] = Scene().build()["evidence"]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_evidence_survives_the_wire() -> None:
    assert Evidence.from_wire(json.loads(json.dumps(WIRE))).to_wire() == WIRE


def test_event_logs_survive_the_wire() -> None:
    wire = apply(WIRE, {"event_log.ccel": "AAEC", "event_log.aael": "INIT sha384/00"})
    evidence = Evidence.from_wire(wire)
    assert (evidence.ccel, evidence.aael) == (b"\x00\x01\x02", "INIT sha384/00")
    assert evidence.to_wire() == wire


def test_members_of_the_message_around_it_are_left_alone() -> None:
    assert Evidence.from_wire({**WIRE, "type": "attest.evidence", "record": "x"}).to_wire() == WIRE


@pytest.mark.parametrize("name", [*WIRE, "event_log.ccel", "event_log.aael"])
def test_no_member_may_be_missing(name: str) -> None:
    wire = apply(WIRE, {})
    *parents, last = name.split(".")
    del (wire[parents[0]] if parents else wire)[last]
    with pytest.raises(MalformedError):
        Evidence.from_wire(wire)


@pytest.mark.parametrize("name", WIRE["collateral"])
@pytest.mark.parametrize("value", [None, 1, [], {}])
def test_collateral_is_text(name: str, value: object) -> None:
    with pytest.raises(MalformedError):
        Evidence.from_wire(apply(WIRE, {f"collateral.{name}": value}))


@pytest.mark.parametrize("value", ["0", "0x00", "00 00", "zz", "00\n", "é0"])
def test_blobs_of_collateral_are_hex(value: str) -> None:
    for name in ("root_ca_crl", "pck_crl", "tcb_info_signature", "qe_identity_signature"):
        with pytest.raises(MalformedError):
            Evidence.from_wire(apply(WIRE, {f"collateral.{name}": value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statement", "AA=="),
        ("quote", "+/8"),
        ("kem_key", "AB"),
        ("deployment_sig", None),
        ("simulator_root", 3),
        ("trust_anchor", "amd"),
        ("trust_anchor", None),
        ("event_log", None),
        ("event_log", {"ccel": "A", "aael": None}),
        ("event_log", {"ccel": None, "aael": 7}),
        ("collateral", None),
        ("collateral", []),
    ],
)
def test_members_have_one_form(name: str, value: object) -> None:
    with pytest.raises(MalformedError):
        Evidence.from_wire({**WIRE, name: value})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(WIRE)), JSON_VALUES)
def test_other_values_raise_nothing_else(name: str, value: object) -> None:
    for wire in ({**WIRE, name: value}, value):
        try:
            Evidence.from_wire(wire)
        except MalformedError:
            continue
