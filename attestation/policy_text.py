"""A policy as text: one JSON object with exactly the members of `Policy`, and the digest by which records name it.

Anybody can compute the digest again from the members, whatever their order and white space: it is over their
canonical form (sorted members, sorted lists, no white space).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

from attestation.encoding import parse_json
from attestation.errors import MalformedError
from attestation.members import unhex
from attestation.policy import Policy

POLICY_VERSION = "confchat/1 policy"
MAX_POLICY_BYTES = 64 * 1024

_DIGEST_LABEL = b"confchat/1 policy\x00"
_LONGEST_TEXT = 1000
_WORD_FORM = re.compile(r"[!-~]{1,64}\Z", re.ASCII)


def parse_policy(data: bytes) -> Policy:
    """Parse a policy's file: strict JSON, no member missing, none unknown, no list with a member twice.

    Raises:
        MalformedError: not of the form.
        ConfigurationError: of the form, but what it says cannot stand (`Policy`).
    """
    if len(data) > MAX_POLICY_BYTES:
        raise MalformedError("a policy of that size is none")
    return policy_from(parse_json(data))


def policy_from(members: Any) -> Policy:
    """Read a policy's members, `v` among them. Raises as `parse_policy`."""
    if not isinstance(members, dict):
        raise MalformedError("a policy is a JSON object")
    names = {"v", *_READERS}
    if set(members) != names:
        odd = sorted(set(members) ^ names)
        raise MalformedError(f"a policy has exactly the known members; missing or unknown: {', '.join(odd)}")
    if members["v"] != POLICY_VERSION:
        raise MalformedError(f"a policy of this version says {POLICY_VERSION!r}")
    values: dict[str, Any] = {}
    for name, read in _READERS.items():
        try:
            values[name] = read(members[name])
        except MalformedError as error:
            raise MalformedError(f"{name}: {error}") from error
    return Policy(**values)


def policy_members(policy: Policy) -> dict[str, Any]:
    """Return a policy's members as its file has them, lists sorted, in the file's order."""
    values = {field.name: _to_wire(getattr(policy, field.name)) for field in fields(Policy)}
    return {"v": POLICY_VERSION, **values}


@lru_cache(maxsize=64)
def policy_digest(policy: Policy) -> str:
    """Return `sha256:` and SHA-256 over a label, a zero byte and the members' canonical JSON."""
    canonical = json.dumps(policy_members(policy), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return "sha256:" + hashlib.sha256(_DIGEST_LABEL + canonical.encode()).hexdigest()


def name_policy(policy: Policy) -> dict[str, str]:
    """Return id and digest, by which records, verdicts and logs name a policy."""
    return {"id": policy.id, "digest": policy_digest(policy)}


def _to_wire(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, frozenset):
        return sorted(str(_to_wire(item)) for item in value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
        raise MalformedError("a text belongs here")
    return value


def _number(value: object) -> int:
    if type(value) is not int:
        raise MalformedError("a whole number belongs here")
    return value


def _bytes(value: object) -> bytes:
    text = _text(value)
    if text != text.lower():
        raise MalformedError("hex in lower case belongs here")
    return unhex(text)


def _word(value: object) -> str:
    text = _text(value)
    if not _WORD_FORM.match(text):
        raise MalformedError("a name belongs here, without spaces and of at most 64 characters")
    return text


def _words(value: object) -> frozenset[str]:
    return _set_of(value, _word)


def _list_of_bytes(value: object) -> frozenset[bytes]:
    return _set_of(value, _bytes)


def _set_of(value: object, read: Callable[[object], Any]) -> frozenset[Any]:
    if not isinstance(value, list):
        raise MalformedError("a list belongs here")
    found = frozenset(read(item) for item in value)
    if len(found) != len(value):
        raise MalformedError("something stands twice in the list")
    return found


def _or_null(read: Callable[[object], Any]) -> Callable[[object], Any]:
    return lambda value: None if value is None else read(value)


_READERS: Mapping[str, Callable[[object], Any]] = {
    "id": _text,
    "description": _text,
    "enforcement": _text,
    "accepted_tcb_statuses": _words,
    "out_of_date_grace_days": _number,
    "accepted_advisories": _or_null(_words),
    "refused_advisories": _words,
    "advisory_grace_days": _number,
    "min_tcb_evaluation_data_number": _number,
    "allowed_td_attributes": _bytes,
    "allowed_xfam": _bytes,
    "mr_seams": _or_null(_list_of_bytes),
    "mr_signer_seams": _list_of_bytes,
    "service_tds": _list_of_bytes,
    "platform_ids": _or_null(_list_of_bytes),
    "min_release_version": _text,
    "release_platforms": _words,
    "release_measurements": _words,
    "workload": _text,
    "gpu": _text,
    "verifiers": _words,
    "quorum": _text,
    "max_lifetime_s": _number,
    "clock_skew_s": _number,
}
