"""Messages of the wire, good and bad."""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation.encoding import b64encode
from confchat.errors import FrameError
from confchat.frames import AttestRequest, SessionOpen, parse_clear, parse_opening, parse_request

CONVERSATION = str(uuid.uuid4())
ATTEST = {
    "type": "attest.request",
    "nonce": b64encode(bytes(32)),
    "conversation": CONVERSATION,
    "suites": ["MLKEM768-X25519", "X25519"],
}
OPENING = {
    "secret": b64encode(bytes(32)),
    "user": "somebody",
    "history_key": None,
    "enroll": False,
    "outcome": "affirming",
    "accept_risk": False,
    "checkpoint": {"size": 0, "root": b64encode(bytes(32))},
}
SEND = {
    "type": "chat.send",
    "id": 1,
    "conversation": CONVERSATION,
    "message": str(uuid.uuid4()),
    "parent": None,
    "text": "Hello",
}


def changed(original: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Return a message with members replaced, or left out where the value is `...`."""
    return {name: value for name, value in {**original, **members}.items() if value is not ...}


def test_a_request_for_evidence_is_parsed() -> None:
    parsed = parse_clear(json.dumps(ATTEST))
    assert parsed == AttestRequest(nonce=bytes(32), conversation=CONVERSATION, suites=("MLKEM768-X25519", "X25519"))


def test_an_opening_message_is_parsed() -> None:
    message = {"type": "session.open", "record": "r", "suite": "X25519", "sealed": b64encode(b"abc")}
    assert parse_clear(json.dumps(message)) == SessionOpen(record="r", suite="X25519", sealed=b"abc")


@pytest.mark.parametrize(
    "members",
    [
        {"nonce": b64encode(bytes(31))},
        {"nonce": b64encode(bytes(33))},
        {"nonce": b64encode(bytes(32)) + "="},
        {"nonce": None},
        {"nonce": ...},
        {"conversation": "not-a-uuid"},
        {"conversation": str(uuid.uuid1())},
        {"conversation": CONVERSATION.upper()},
        {"conversation": None},
        {"suites": []},
        {"suites": "X25519"},
        {"suites": [1]},
        {"suites": ["X25519"] * 9},
        {"type": "attest.forget"},
        {"type": ["attest.request"]},
        {"type": ...},
    ],
)
def test_a_malformed_request_for_evidence_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(FrameError):
        parse_clear(json.dumps(changed(ATTEST, **members)))


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"type":"session.open","type":"session.open"}', "\ud800"])
def test_what_is_no_strict_json_object_is_refused(text: str) -> None:
    with pytest.raises(FrameError):
        parse_clear(text)


def test_an_opening_is_parsed() -> None:
    opening = parse_opening(json.dumps(OPENING).encode())
    assert (opening.secret, opening.history_key, opening.checkpoint) == (bytes(32), None, (0, bytes(32)))


@pytest.mark.parametrize(
    "members",
    [
        {"secret": b64encode(bytes(16))},
        {"user": 7},
        {"history_key": ...},
        {"history_key": ""},
        {"enroll": 1},
        {"outcome": "green"},
        {"accept_risk": "true"},
        {"checkpoint": {"size": 0}},
        {"checkpoint": {"size": -1, "root": b64encode(bytes(32))}},
        {"more": True},
        {"checkpoint": ...},
    ],
)
def test_an_opening_with_any_member_wrong_or_unknown_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(FrameError):
        parse_opening(json.dumps(changed(OPENING, **members)).encode())


def test_a_prompt_is_parsed_with_its_options() -> None:
    request = parse_request(json.dumps({**SEND, "options": {"temperature": 0.5, "seed": -1}}).encode() + b"   ")
    assert request["text"] == "Hello"
    assert request["options"] == {"temperature": 0.5, "seed": -1}


@pytest.mark.parametrize(
    "members",
    [
        {"id": "1"},
        {"id": True},
        {"id": ...},
        {"text": ""},
        {"text": "  "},
        {"text": 1},
        {"message": "x"},
        {"parent": 0},
    ],
)
def test_a_malformed_prompt_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(FrameError):
        parse_request(json.dumps(changed(SEND, **members)).encode())


def test_a_request_of_a_later_version_keeps_its_id_so_that_it_can_be_answered() -> None:
    request = parse_request(b'{"type":"conversation.fold","id":9}')
    assert (request.type, request.id) == ("conversation.fold", 9)


@given(st.binary(max_size=200))
def test_no_bytes_make_a_parser_fail_otherwise(data: bytes) -> None:
    for parse in (parse_opening, parse_request, lambda raw: parse_clear(raw.decode("latin-1"))):
        with suppress(FrameError):
            parse(data)
