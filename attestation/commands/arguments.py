"""Arguments that several commands share: what the person who judges trusts and accepts. Nothing here is believed."""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from attestation.encoding import b64decode, parse_json
from attestation.errors import ConfigurationError, MalformedError
from attestation.gpu import parse_gpu_keys
from attestation.issuer import TokenIssuer, parse_issuer
from attestation.named_policies import NAMES, load_policy
from attestation.offline import Anchors
from attestation.policy import Policy

_ISSUER_FORM = "JSON, a member of `tokens` at /attestation/keys"
_ED25519 = b"\x01"


def add_trusted(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the keys that a person knows from elsewhere than from what is judged."""
    trusted = parser.add_argument_group("what you trust, known from elsewhere than from the server")
    trusted.add_argument(
        "--log-key", type=_log_key, metavar="KEY", help="the operator's log key: Ed25519 in base64url, or a vkey"
    )
    trusted.add_argument(
        "--release-key", type=_bytes32, action="append", metavar="B64", help="a key that signs releases (Ed25519)"
    )
    trusted.add_argument(
        "--token-issuer",
        type=token_issuer,
        action="append",
        metavar="FILE",
        help=f"an attestation service that the policy names: {_ISSUER_FORM}",
    )
    trusted.add_argument(
        "--gpu-keys", type=_gpu_keys, metavar="FILE", help="keys of NVIDIA's attestation service: a JSON key set (JWKS)"
    )
    trusted.add_argument(
        "--simulator-root",
        type=_sha256,
        metavar="HEX",
        help="SHA-256 of a simulator's root certificate; only for sites on this computer, and it protects nobody",
    )
    return trusted


def add_accepted(parser: argparse.ArgumentParser) -> None:
    """Add what a person accepts of a machine: a policy, and what changes it."""
    accepted = parser.add_argument_group("what you accept")
    accepted.add_argument(
        "--policy",
        metavar="FILE|NAME",
        help=f"a policy's file, or one of {', '.join(NAMES)} (strict; development where a simulator is trusted)",
    )
    accepted.add_argument(
        "--accept-status", action="append", metavar="NAME", help="a TCB status beside the policy's, such as OutOfDate"
    )
    accepted.add_argument("--refuse-advisory", action="append", metavar="ID", help="such as INTEL-SA-01111")
    accepted.add_argument("--service-td", type=_bytes48, action="append", metavar="HEX", help="a known MRSERVICETD")
    accepted.add_argument("--min-release", metavar="VERSION", help="oldest release that counts")
    accepted.add_argument(
        "--min-evaluation",
        "--min-tcb-evaluation",
        type=int,
        metavar="N",
        help="oldest numbering of Intel's lists that counts (tcbEvaluationDataNumber)",
    )


def read_anchors(
    options: argparse.Namespace,
    *,
    nonce: bytes | None,
    conversation: str | None,
    origin: str | None,
    suites: tuple[str, ...] | None,
) -> Anchors:
    """Return what was given on the command line, beside what is known of the question."""
    return Anchors(
        nonce=nonce,
        conversation=conversation,
        origin=origin,
        suites=suites,
        log_key=options.log_key,
        release_keys=tuple(options.release_key or ()),
        token_issuers=tuple(options.token_issuer or ()),
        simulator_root_sha256=options.simulator_root,
        gpu_keys=options.gpu_keys or (),
        policy=_read_policy(options),
    )


def _read_policy(options: argparse.Namespace) -> Policy:
    """Return the policy that was named, changed by what stands beside it. Raises `ConfigurationError`."""
    policy = load_policy(options.policy or ("strict" if options.simulator_root is None else "development"))
    number: int | None = options.min_evaluation
    return replace(
        policy,
        accepted_tcb_statuses=policy.accepted_tcb_statuses.union(options.accept_status or ()),
        refused_advisories=policy.refused_advisories.union(options.refuse_advisory or ()),
        service_tds=policy.service_tds.union(options.service_td or ()),
        min_release_version=options.min_release or policy.min_release_version,
        min_tcb_evaluation_data_number=policy.min_tcb_evaluation_data_number if number is None else number,
    )


def moment(text: str) -> datetime:
    """Read a time in ISO 8601; without a zone it is UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("a time such as 2026-01-31T12:00:00Z is expected") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def nonce(text: str) -> bytes:
    """Read 32 bytes in base64url."""
    return _bytes32(text)


def _gpu_keys(name: str) -> tuple[dict[str, str], ...]:
    try:
        return parse_gpu_keys(Path(name).read_bytes())
    except (OSError, MalformedError, ConfigurationError) as error:
        raise argparse.ArgumentTypeError(f"{name}: {error}") from error


def token_issuer(name: str) -> TokenIssuer:
    """Read the file that describes an attestation service."""
    try:
        return parse_issuer(parse_json(Path(name).read_bytes()))
    except (OSError, MalformedError, ConfigurationError) as error:
        raise argparse.ArgumentTypeError(f"{name} does not describe an attestation service: {_ISSUER_FORM}") from error


def _log_key(text: str) -> bytes:
    """Read a log key as base64url, or as signed-note writes it: `<name>+<id, 4 bytes hex>+<base64 of type and key>`."""
    if "+" not in text:
        return _bytes32(text)
    try:
        name, identifier, encoded = text.split("+", 2)
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise argparse.ArgumentTypeError("not a vkey") from error
    wanted = hashlib.sha256(name.encode() + b"\n" + content).hexdigest()[:8]
    if len(content) != 33 or content[:1] != _ED25519 or identifier != wanted:
        raise argparse.ArgumentTypeError("not the vkey of an Ed25519 key")
    return content[1:]


def _bytes32(text: str) -> bytes:
    try:
        return b64decode(text, size=32)
    except MalformedError as error:
        raise argparse.ArgumentTypeError(f"{error}: 32 bytes in base64url are expected") from error


def _bytes48(text: str) -> bytes:
    return _unhex(text, size=48)


def _sha256(text: str) -> bytes:
    return _unhex(text, size=32)


def _unhex(text: str, *, size: int) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{size} bytes in hex are expected") from error
    if len(data) != size:
        raise argparse.ArgumentTypeError(f"{size} bytes in hex are expected")
    return data
