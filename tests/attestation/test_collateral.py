from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation.collateral import Collateral, parse_qe_identity, parse_tcb_info
from attestation.errors import AppraisalError, MalformedError
from attestation.pki import TCB_SIGNING_CHAIN, parse_chain
from attestation.signatures import has_signed
from tests.cases.scene import COLLATERAL, ISSUED_AT, PLATFORM

PARSERS: dict[str, tuple[Callable[[str], object], str]] = {
    "TCB info": (parse_tcb_info, COLLATERAL.tcb_info),
    "QE identity": (parse_qe_identity, COLLATERAL.qe_identity),
}
every_text = pytest.mark.parametrize("name", PARSERS)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the way to every member of nested JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way for key, item in items for way in [(*path, key), *paths(item, (*path, key))]]


def put(text: str, path: tuple[Any, ...], value: object) -> str:
    members = json.loads(text)
    inner = members
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return json.dumps(members)


def test_the_values_are_those_that_were_published() -> None:
    info, published = parse_tcb_info(COLLATERAL.tcb_info), PLATFORM.tcb_info(ISSUED_AT)
    assert (info.issued_at, info.next_update) == (ISSUED_AT, ISSUED_AT + timedelta(days=30))
    assert (info.fmspc, info.pce_id, info.evaluation_number) == (
        published.fmspc,
        published.pce_id,
        published.evaluation_number,
    )
    assert [level.sgx_svns for level in info.levels] == [level.sgx_svns for level in published.levels]
    assert [level.status for level in info.levels] == ["UpToDate", "OutOfDate"]
    assert [module.id for module in info.module_identities] == ["TDX_01"]
    identity = parse_qe_identity(COLLATERAL.qe_identity)
    assert identity.mr_signer == PLATFORM.enclave.mr_signer
    assert [level.isv_svn for level in identity.levels] == [PLATFORM.enclave.isv_svn]


def test_levels_are_sorted_best_first_whatever_their_order() -> None:
    members = json.loads(COLLATERAL.tcb_info)
    members["tcbLevels"].reverse()
    members["tdxModuleIdentities"][0]["tcbLevels"].reverse()
    info = parse_tcb_info(json.dumps(members))
    assert info == parse_tcb_info(COLLATERAL.tcb_info)


@every_text
def test_every_truncation_and_appended_character_is_malformed(name: str) -> None:
    parse, text = PARSERS[name]
    for size in range(len(text)):
        with pytest.raises(MalformedError):
            parse(text[:size])
    for character in ("x", "}", ",", "\0", "\ud800"):
        with pytest.raises(MalformedError):
            parse(text + character)


@every_text
@pytest.mark.parametrize("value", [None, True, -1, 1.5, "", "x", [], {}, [None], {"svn": "x"}])
def test_every_member_has_its_form(name: str, value: object) -> None:
    """Whatever stands in the place of a member: it is refused, or it is one that may stand there or is not read."""
    parse, text = PARSERS[name]
    expected = parse(text)
    may_differ = {"id", "tcbDate", "tcbLevels", "tdxModuleIdentities", "advisoryIDs"}
    for path in paths(json.loads(text)):
        try:
            found = parse(put(text, path, value))
        except (MalformedError, AppraisalError):
            continue
        assert found == expected or may_differ.intersection(path[-2:]), path


@every_text
def test_no_member_that_is_read_may_be_missing(name: str) -> None:
    parse, text = PARSERS[name]
    optional = {"tdxModuleIdentities", "advisoryIDs", "tcbDate"}
    for path in paths(json.loads(text)):
        if isinstance(path[-1], str) and path[-1] not in optional:
            with pytest.raises(MalformedError):
                parse(text.replace(f'"{path[-1]}"', '"elsewhere"'))


def test_members_of_other_names_are_left_alone() -> None:
    later = put(put(COLLATERAL.tcb_info, ("later",), {"a": [1]}), ("tdxModule", "later"), "x")
    assert parse_tcb_info(later) == parse_tcb_info(COLLATERAL.tcb_info)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("issueDate",), "2026-11-22T11:00:00"),
        (("issueDate",), "2026-11-22 11:00:00Z"),
        (("issueDate",), "2026-13-22T11:00:00Z"),
        (("issueDate",), "2026-11-22T11:00:00.5Z"),
        (("nextUpdate",), "２０２６-12-22T11:00:00Z"),
        (("fmspc",), "00"),
        (("fmspc",), "0x00c0ffee5512"),
        (("tcbLevels", 0, "tcb", "sgxtcbcomponents", 3, "svn"), 256),
        (("tcbLevels", 0, "tcb", "sgxtcbcomponents"), [{"svn": 0}] * 15),
        (("tcbLevels", 0, "tcb", "tdxtcbcomponents"), [{"svn": 0}] * 17),
        (("tcbLevels", 0, "tcbStatus"), "TDRelaunchAdvised"),
        (("tdxModuleIdentities", 0, "tcbLevels", 0, "tcbStatus"), "SWHardeningNeeded"),
        (("tdxModuleIdentities",), {}),
        (("tcbLevels", 0, "advisoryIDs"), [1]),
        (("tcbLevels", 0, "advisoryIDs"), "INTEL-SA-00001"),
    ],
)
def test_values_of_tcb_info_have_one_form(path: tuple[Any, ...], value: object) -> None:
    with pytest.raises(MalformedError):
        parse_tcb_info(put(COLLATERAL.tcb_info, path, value))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(PARSERS)), st.data())
def test_damaged_texts_raise_nothing_else(name: str, data: st.DataObject) -> None:
    parse, text = PARSERS[name]
    position, cut = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 3))
    try:
        parse(text[:position] + data.draw(st.text(max_size=3)) + text[position + cut :])
    except (MalformedError, AppraisalError) as error:
        code = error.code
    else:
        code = "malformed"
    assert code in ("malformed", "collateral_kind")


def test_real_collateral_is_read_and_genuine(shared_vectors: Path) -> None:
    for path in sorted((shared_vectors / "quotes").glob("collateral-*.json")):
        members = json.loads(path.read_text())
        collateral = Collateral.from_wire(members)
        assert collateral.to_wire() == members
        info, identity = parse_tcb_info(collateral.tcb_info), parse_qe_identity(collateral.qe_identity)
        assert path.name.split("-")[1] == info.fmspc.hex()
        assert info.issued_at < info.next_update
        assert identity.levels
        signer = parse_chain(collateral.tcb_info_issuer_chain.encode(), TCB_SIGNING_CHAIN)[0]
        assert has_signed(signer.key, collateral.tcb_info_signature, collateral.tcb_info.encode())
        assert has_signed(signer.key, collateral.qe_identity_signature, collateral.qe_identity.encode())
