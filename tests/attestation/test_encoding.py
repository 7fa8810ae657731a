"""The encodings of the wire; tests/js runs the same cases against the page's parser."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import MalformedError

JSON_CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "cases" / "json.json").read_text(encoding="utf-8")
)


def bytes_of(case: dict[str, Any]) -> bytes:
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    if "repeat" in case:
        piece, times = case["repeat"]
        return str(piece * times).encode()
    return str(case["text"]).encode()


@pytest.mark.parametrize("case", JSON_CASES, ids=lambda case: case["name"])
def test_json_gets_the_verdict_of_the_shared_case(case: dict[str, Any]) -> None:
    data = bytes_of(case)
    if case["ok"]:
        assert parse_json(data) == json.loads(data)
        return
    with pytest.raises(MalformedError):
        parse_json(data)


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_but_malformed(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        parse_json(data)


@given(st.binary(max_size=100))
def test_base64url_round_trips(data: bytes) -> None:
    assert b64decode(b64encode(data), size=len(data)) == data


@pytest.mark.parametrize(
    "text",
    ["AA==", "+/+/", "AAA A", "AAAA\n", "A", "AAAAA", "AB", "AAB", "AAA.", "АААА", 12, None, b"AAAA"],
    ids=repr,
)
def test_base64url_of_another_form_is_refused(text: object) -> None:
    with pytest.raises(MalformedError):
        b64decode(text)


def test_base64url_of_another_size_is_refused() -> None:
    with pytest.raises(MalformedError):
        b64decode("AAAA", size=4)
