"""A case's wire form as the Python verifier takes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attestation.answers import read_answers
from attestation.appraisal import AttestationResult, Expectation, LogView, Policy, Trust, appraise
from attestation.encoding import b64decode
from attestation.evidence import Evidence
from attestation.issuer import parse_issuer
from attestation.pki import INTEL_ROOT_CA_SHA256
from attestation.policy_text import policy_from
from attestation.reference_values import parse_releases
from attestation.verified import VerifiedCache


def run(case: Mapping[str, Any], *, cache: VerifiedCache | None = None) -> AttestationResult:
    """Appraise the whole case."""
    pairs = [(b64decode(item["manifest"]), b64decode(item["signature"])) for item in case["releases"]]
    return appraise(
        Evidence.from_wire(case["evidence"]),
        policy=read_policy(case["policy"]),
        trust=read_trust(case["trust"]),
        expectation=read_expectation(case),
        releases=parse_releases(pairs, release_key=b64decode(case["trust"]["release_key"])),
        answers=read_answers({**_own_answer(case), "others": case["others"]}),
        cache=cache,
    )


def _own_answer(case: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first service's answer: the case's token, in the name under which its service is pinned."""
    return {"verifier": {"name": "embedded", "jwks": {}}, "token": case["token"]}


def read_policy(members: Mapping[str, Any]) -> Policy:
    """Read a policy: the members of its file."""
    return policy_from(members)


def read_trust(members: Mapping[str, Any]) -> Trust:
    """Read whom the case believes; Intel's root is always the pinned one."""
    root = members["simulator_root_sha256"]
    return Trust(
        root_sha256=frozenset({INTEL_ROOT_CA_SHA256}),
        simulator_root_sha256=None if root is None else bytes.fromhex(root),
        gpu_keys=tuple(members["gpu_keys"]),
        token_issuers=tuple(parse_issuer(issuer) for issuer in members["tokens"]),
    )


def read_expectation(case: Mapping[str, Any]) -> Expectation:
    """Read what is expected, and the time."""
    members = case["expectation"]
    nonce, suites, key, view = (members[name] for name in ("nonce", "suites", "deployment_key", "log_view"))
    return Expectation(
        nonce=None if nonce is None else b64decode(nonce),
        conversation=members["conversation"],
        origin=members["origin"],
        suites=None if suites is None else tuple(suites),
        deployment_key=None if key is None else b64decode(key),
        now=datetime.fromtimestamp(case["now"], UTC),
        elapsed_s=members["elapsed_s"],
        loopback=members["loopback"],
        log_view=None if view is None else LogView(**{**view, "root": b64decode(view["root"])}),
    )
