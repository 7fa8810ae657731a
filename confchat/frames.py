"""Messages of docs/PROTOCOL.md as values: bytes ↔ dataclasses. Parses, decides nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from attestation.appraisal import Outcome
from attestation.encoding import b64decode, parse_json
from attestation.errors import MalformedError
from confchat.errors import FrameError
from confchat.members import parse_flag, parse_integer, parse_optional, parse_text, parse_uuid4
from confchat.request_members import REQUESTS

MAX_SUITES = 8

_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestRequest:
    """A client's question; `nonce` is 32 bytes. Without a model it is about the one that is configured."""

    nonce: bytes
    conversation: str
    suites: tuple[str, ...]
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpen:
    """A client's answer to evidence; `sealed` is enc || ciphertext, not yet opened."""

    record: str
    suite: str
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What an opening sealed to the handshake's key says. `secret` and `history_key` are 32 bytes."""

    secret: bytes
    user: str
    history_key: bytes | None
    enroll: bool
    outcome: Outcome
    accept_risk: bool
    checkpoint: tuple[int, bytes] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request inside a session: its id, its type and its checked members."""

    id: int
    type: str
    members: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.members[name]


def parse_clear(text: str) -> AttestRequest | SessionOpen:
    """Parse a text frame of a client.

    Raises:
        FrameError: not a message of the handshake.
    """
    members = _object(text.encode("utf-8", "surrogatepass"))
    parsers: dict[object, Callable[[dict[str, Any]], AttestRequest | SessionOpen]] = {
        "attest.request": _attest_request,
        "session.open": _session_open,
    }
    kind = members.get("type")
    if not isinstance(kind, str) or kind not in parsers:
        raise FrameError("bad_message", "unknown type")
    try:
        return parsers[kind](members)
    except (MalformedError, KeyError, TypeError) as error:
        raise FrameError("bad_message", f"not a {kind}") from error


def parse_opening(data: bytes) -> Opening:
    """Parse the opened opening; unknown members are refused.

    Raises:
        FrameError: anything but the seven members with their types.
    """
    members = _object(data)
    try:
        opening = Opening(
            secret=b64decode(members.pop("secret"), size=32),
            user=parse_text(members.pop("user")),
            history_key=parse_optional(members.pop("history_key"), lambda value: b64decode(value, size=32)),
            enroll=parse_flag(members.pop("enroll")),
            outcome=_outcome(members.pop("outcome")),
            accept_risk=parse_flag(members.pop("accept_risk")),
            checkpoint=parse_optional(members.pop("checkpoint"), _checkpoint),
        )
    except (MalformedError, KeyError, TypeError) as error:
        raise FrameError("opening_malformed", "not an opening") from error
    if members:
        raise FrameError("opening_malformed", "unknown members")
    return opening


def parse_request(data: bytes) -> Request:
    """Parse one message inside a session; `type` unknown to this server gives a request all the same.

    Raises:
        FrameError: no JSON object with an id and a type, or members of the wrong form.
    """
    members = _object(data)
    try:
        request_id, kind = parse_integer(members.get("id")), parse_text(members.get("type"))
        checks = REQUESTS.get(kind, {})
        checked = {name: check(members.get(name)) for name, check in checks.items()}
    except (MalformedError, TypeError) as error:
        raise FrameError("bad_message", "not a request") from error
    return Request(id=request_id, type=kind, members=checked)


def to_json(message: Mapping[str, Any]) -> bytes:
    """Serialise a message as compact, unescaped UTF-8."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _attest_request(members: dict[str, Any]) -> AttestRequest:
    suites = members["suites"]
    if not isinstance(suites, list) or not 0 < len(suites) <= MAX_SUITES:
        raise MalformedError("suites")
    return AttestRequest(
        nonce=b64decode(members["nonce"], size=32),
        conversation=parse_uuid4(members["conversation"]),
        suites=tuple(parse_text(suite) for suite in suites),
        model=parse_optional(members.get("model"), parse_text),
    )


def _session_open(members: dict[str, Any]) -> SessionOpen:
    return SessionOpen(
        record=parse_text(members["record"]), suite=parse_text(members["suite"]), sealed=b64decode(members["sealed"])
    )


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = parse_json(data)
    except MalformedError as error:
        raise FrameError("bad_message", "not strict JSON") from error
    if not isinstance(value, dict):
        raise FrameError("bad_message", "not an object")
    return value


def _outcome(value: object) -> Outcome:
    for outcome in _OUTCOMES:
        if value == outcome:
            return outcome
    raise MalformedError("not an outcome")


def _checkpoint(value: object) -> tuple[int, bytes]:
    if not isinstance(value, dict) or set(value) != {"size", "root"}:
        raise MalformedError("not a checkpoint")
    return parse_integer(value["size"]), b64decode(value["root"], size=32)
