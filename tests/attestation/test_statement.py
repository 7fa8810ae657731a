"""The statement and what is made of its bytes; tests/js reads the same cases with the page's parser."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation.encoding import b64decode
from attestation.errors import MalformedError
from attestation.statement import EMPTY_LOG_ROOT, Statement, build_statement, deployment_message, parse_statement
from attestation.statement import report_data as report_data_of

CASES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "cases" / "statement.json").read_text(encoding="utf-8"))
BASE: dict[str, Any] = CASES["base"]


def text_of(case: dict[str, Any]) -> bytes:
    members = copy.deepcopy(BASE)
    for path, value in case.get("set", {}).items():
        owner, name = slot(members, path)
        owner[name] = value
    for path in case.get("remove", ()):
        owner, name = slot(members, path)
        del owner[name]
    text = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    if "replace" in case:
        text = text.replace(*case["replace"])
    return (text + case.get("append", "")).encode()


def slot(members: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    *outer, name = path.split(".", 1)
    return (members[outer[0]] if outer else members), name


@pytest.mark.parametrize("case", CASES["good"], ids=lambda case: case["name"])
def test_a_good_statement_is_read_and_built_again(case: dict[str, Any]) -> None:
    statement = parse_statement(text_of(case))
    assert build_statement(statement) == text_of(case)


@pytest.mark.parametrize("case", CASES["bad"], ids=lambda case: case["name"])
def test_a_bad_statement_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        parse_statement(text_of(case))


def test_every_member_is_read() -> None:
    assert parse_statement(text_of({})) == Statement(
        nonce=b64decode(BASE["nonce"]),
        conversation=BASE["conversation"],
        origin=BASE["origin"],
        issued_at=1790000000,
        expires_at=1790000600,
        instance=bytes(range(16)),
        kem_suite="X25519",
        kem_key_sha256=bytes.fromhex(BASE["kem"]["key_sha256"]),
        model_name="smollm2:135m",
        model_digest=BASE["model"]["digest"],
        model_backend="ollama/0.12.3",
        release_version="0.1.0",
        release_digest=bytes.fromhex(BASE["release"]["digest"].removeprefix("sha256:")),
        policy="require",
        model_endpoint="loopback",
        development=False,
        log_origin=BASE["log"]["origin"],
        log_size=0,
        log_root=EMPTY_LOG_ROOT,
    )


def test_report_data_is_made_of_the_exact_bytes() -> None:
    data = text_of({})
    assert report_data_of(data) == hashlib.sha512(b"confchat/1 report-data\x00" + data).digest()
    assert report_data_of(data) != report_data_of(data + b" ")
    assert deployment_message(data) == b"confchat/1 deployment\x00" + data


@pytest.mark.parametrize("cut", range(0, 700, 7))
def test_every_truncation_is_refused(cut: int) -> None:
    with pytest.raises(MalformedError):
        parse_statement(text_of({})[:cut])


@given(name=st.text(max_size=40), conversation=st.none() | st.text(max_size=40), times=st.integers(0, 2**53 - 1))
def test_any_text_survives_building_and_parsing(name: str, conversation: str | None, times: int) -> None:
    base = parse_statement(text_of({}))
    statement = dataclasses.replace(base, model_name=name, conversation=conversation, issued_at=times)
    assert parse_statement(build_statement(statement)) == statement
