"""Messages of docs/PROTOCOL.md as values: bytes ↔ dataclasses. Parses, decides nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from attestation.appraisal import Outcome
from attestation.encoding import b64decode, parse_json
from attestation.errors import MalformedError
from confchat.errors import FrameError

MAX_PROMPT_CHARACTERS = 350_000
MAX_TITLE_CHARACTERS = 200
MAX_SUITES = 8

T = TypeVar("T")

_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestRequest:
    """A client's question; `nonce` is 32 bytes."""

    nonce: bytes
    conversation: str
    suites: tuple[str, ...]


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
            user=_text(members.pop("user")),
            history_key=_optional(members.pop("history_key"), lambda value: b64decode(value, size=32)),
            enroll=_flag(members.pop("enroll")),
            outcome=_outcome(members.pop("outcome")),
            accept_risk=_flag(members.pop("accept_risk")),
            checkpoint=_optional(members.pop("checkpoint"), _checkpoint),
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
        request_id, kind = _integer(members.get("id")), _text(members.get("type"))
        checks = REQUESTS.get(kind, {})
        checked = {name: check(members.get(name)) for name, check in checks.items()}
    except (MalformedError, TypeError) as error:
        raise FrameError("bad_message", "not a request") from error
    return Request(id=request_id, type=kind, members=checked)


def to_json(message: Mapping[str, Any]) -> bytes:
    """Serialise a message as compact, unescaped UTF-8."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def is_uuid4(value: object) -> bool:
    """Say whether a value is the canonical lower-case text of a version 4 UUID."""
    if not isinstance(value, str) or len(value) != 36:
        return False
    try:
        parsed = uuid.UUID(value)
    except ValueError:
        return False
    return parsed.version == 4 and str(parsed) == value


def _attest_request(members: dict[str, Any]) -> AttestRequest:
    suites = members["suites"]
    if not isinstance(suites, list) or not 0 < len(suites) <= MAX_SUITES:
        raise MalformedError("suites")
    return AttestRequest(
        nonce=b64decode(members["nonce"], size=32),
        conversation=_uuid4(members["conversation"]),
        suites=tuple(_text(suite) for suite in suites),
    )


def _session_open(members: dict[str, Any]) -> SessionOpen:
    return SessionOpen(
        record=_text(members["record"]), suite=_text(members["suite"]), sealed=b64decode(members["sealed"])
    )


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = parse_json(data)
    except MalformedError as error:
        raise FrameError("bad_message", "not strict JSON") from error
    if not isinstance(value, dict):
        raise FrameError("bad_message", "not an object")
    return value


def _text(value: object, *, longest: int = 1024) -> str:
    if not isinstance(value, str) or len(value) > longest:
        raise MalformedError("not a text")
    return value


def _uuid4(value: object) -> str:
    if not is_uuid4(value):
        raise MalformedError("not a UUID")
    return str(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise MalformedError("not true or false")
    return value


def _integer(value: object) -> int:
    if type(value) is not int:
        raise MalformedError("not an integer")
    return value


def _outcome(value: object) -> Outcome:
    for outcome in _OUTCOMES:
        if value == outcome:
            return outcome
    raise MalformedError("not an outcome")


def _optional(value: object, parse: Callable[[object], T]) -> T | None:
    return None if value is None else parse(value)


def _checkpoint(value: object) -> tuple[int, bytes]:
    if not isinstance(value, dict) or set(value) != {"size", "root"}:
        raise MalformedError("not a checkpoint")
    return _integer(value["size"]), b64decode(value["root"], size=32)


def _offsets(value: object) -> tuple[int, int]:
    if not isinstance(value, dict) or set(value) != {"thinking", "content"}:
        raise MalformedError("not offsets")
    return _integer(value["thinking"]), _integer(value["content"])


def _options(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > 32:
        raise MalformedError("not options")
    return value


def _prompt(value: object) -> str:
    text = _text(value, longest=MAX_PROMPT_CHARACTERS)
    if not text.strip():
        raise MalformedError("an empty prompt")
    return text


# What each request carries beside `id` and `type`: member -> its check, which refuses an absent one.
REQUESTS: dict[str, dict[str, Callable[[object], Any]]] = {
    "chat.send": {
        "conversation": _uuid4,
        "message": _uuid4,
        "parent": lambda value: _optional(value, _uuid4),
        "text": _prompt,
        "options": _options,
    },
    "chat.stop": {"reply": _uuid4},
    "chat.regenerate": {"conversation": _uuid4, "message": _uuid4, "options": _options},
    "chat.resume": {"reply": _uuid4, "offsets": _offsets, "resume": lambda value: _optional(value, _text)},
    "conversation.list": {"before": lambda value: _optional(value, _text)},
    "conversation.open": {"conversation": _uuid4, "before": lambda value: _optional(value, _text)},
    "conversation.rename": {
        "conversation": _uuid4,
        "title": lambda value: _text(value, longest=MAX_TITLE_CHARACTERS),
    },
    "conversation.delete": {"conversation": _uuid4},
    "model.list": {},
}
