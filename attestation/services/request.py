"""`POST /attestation` as Trustee's restful-as takes it since v0.14: one TDX request, built and taken apart.

Source: confidential-containers/trustee, attestation-service/src/bin/restful/mod.rs and deps/verifier/src/tdx.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attestation.encoding import b64decode, b64decode_standard, b64encode, parse_json
from attestation.errors import MalformedError
from attestation.eventlog import join_logs
from attestation.evidence import Evidence
from attestation.statement import REPORT_DATA_SIZE

MAX_REQUEST_BYTES = 2 * 1024 * 1024
DEFAULT_POLICY = "default"

# The application's events where there is no firmware's log: for our own service; others ignore what they do not know.
_OWN_LOG = "confchat_aael"
_HASHES = frozenset({"sha256", "sha384", "sha512"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationRequest:
    """A quote to judge, its event logs, and the 64 bytes of report data that it must carry. Parsed, not verified."""

    quote: bytes
    ccel: bytes | None
    aael: str | None
    report_data: bytes
    policy_ids: tuple[str, ...]


def build_request(evidence: Evidence, *, report_data: bytes, policy_ids: Sequence[str]) -> bytes:
    """Return the body that asks for a verdict since v0.14; collateral is not sent, a service uses its own."""
    shown = _build_evidence(evidence)
    if evidence.ccel is None and evidence.aael is not None:
        shown[_OWN_LOG] = evidence.aael
    request = {
        "tee": "tdx",
        "evidence": b64encode(json.dumps(shown).encode()),
        "runtime_data": {"raw": b64encode(report_data)},
    }
    return json.dumps({"verification_requests": [request], "policy_ids": list(policy_ids)}).encode()


def build_old_request(evidence: Evidence, *, runtime_data: str, policy_ids: Sequence[str]) -> bytes:
    """Return the body as services up to v0.13, and Alibaba's, take it; `runtime_data` is the report data in base64."""
    request = {
        "tee": "tdx",
        "evidence": b64encode(json.dumps(_build_evidence(evidence)).encode()),
        "runtime_data": {"raw": runtime_data},
        "policy_ids": list(policy_ids),
    }
    return json.dumps(request).encode()


def _build_evidence(evidence: Evidence) -> dict[str, str | None]:
    """Return the quote with all events in one CCEL, as Trustee since v0.14 and Alibaba's service replay it.

    `aa_eventlog` is an older text with other digests, which services up to v0.13 would refuse. Without the firmware's
    log there is none: a service would replay the application's events against every register.

    Raises:
        MalformedError: one of the logs is not of its form.
    """
    log = None if evidence.ccel is None else join_logs(evidence.ccel, evidence.aael)
    return {
        "quote": base64.b64encode(evidence.quote).decode("ascii"),
        "cc_eventlog": None if log is None else base64.b64encode(log).decode("ascii"),
        "aa_eventlog": None,
    }


def parse_request(body: bytes) -> AttestationRequest:
    """Take a request apart; what this service would have to leave unchecked is refused.

    Trustee takes requests without `runtime_data`, and then compares nothing: here it is required, as raw bytes.

    Raises:
        MalformedError: not strict JSON, members missing or unknown, not exactly one TDX request.
    """
    root = _members(parse_json(body), required={"verification_requests", "policy_ids"})
    requests = root["verification_requests"]
    if not isinstance(requests, list) or len(requests) != 1:
        raise MalformedError("verification_requests must hold exactly one request")
    request = _members(
        requests[0],
        required={"tee", "evidence", "runtime_data"},
        optional={"init_data", "runtime_data_hash_algorithm"},
    )
    if request["tee"] != "tdx":
        raise MalformedError("tee must be tdx")
    if request.get("init_data") is not None:
        raise MalformedError("init_data is not supported")
    if request.get("runtime_data_hash_algorithm", "sha384") not in _HASHES:
        raise MalformedError("runtime_data_hash_algorithm must be sha256, sha384 or sha512")
    runtime_data = _members(request["runtime_data"], required={"raw"})
    quote, ccel, aael = _parse_evidence(b64decode(request["evidence"]))
    return AttestationRequest(
        quote=quote,
        ccel=ccel,
        aael=aael,
        report_data=b64decode(runtime_data["raw"], size=REPORT_DATA_SIZE),
        policy_ids=_parse_policy_ids(root["policy_ids"]),
    )


def _parse_evidence(text: bytes) -> tuple[bytes, bytes | None, str | None]:
    members = _members(parse_json(text), required={"quote"}, optional={"cc_eventlog", "aa_eventlog", _OWN_LOG})
    ccel, aael = members.get("cc_eventlog"), members.get(_OWN_LOG)
    if members.get("aa_eventlog") is not None:
        raise MalformedError("aa_eventlog is not supported: its events belong into cc_eventlog")
    if aael is not None and not isinstance(aael, str):
        raise MalformedError(f"{_OWN_LOG} is not text")
    return b64decode_standard(members["quote"]), None if ccel is None else b64decode_standard(ccel), aael


def _parse_policy_ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise MalformedError("policy_ids must be a list of names")
    return tuple(value) or (DEFAULT_POLICY,)


def _members(value: Any, *, required: set[str], optional: frozenset[str] | set[str] = frozenset()) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError("expected an object")
    if missing := sorted(required - value.keys()):
        raise MalformedError(f"missing field `{missing[0]}`")
    if value.keys() - required - optional:
        raise MalformedError("unknown members")
    return value
