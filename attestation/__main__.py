"""`python -m attestation`: judge evidence without the site that it came from. No Django, no account, no network.

Exit codes: 0 green, 1 not green, 2 the input cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from attestation.bundle import MAX_ARCHIVE_BYTES, parse_bundle
from attestation.encoding import b64decode, parse_json
from attestation.errors import ConfigurationError, MalformedError
from attestation.offline import Anchors, verify_bundle
from attestation.report import to_json, to_text
from attestation.token import TokenIssuer

GREEN, NOT_GREEN, BAD_INPUT = 0, 1, 2
TOKEN_LEEWAY_S = 120
# What Intel's lists were numbered before this program was first released: older ones leave known holes open.
MIN_TCB_EVALUATION = 18


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        bundle = parse_bundle(_read(options.bundle))
        verification = verify_bundle(bundle, anchors=_anchors(options), now=options.now)
    except (MalformedError, ConfigurationError) as error:
        print(f"{options.bundle}: {error}", file=sys.stderr)
        return BAD_INPUT
    print(to_json(verification) if options.json else to_text(verification))
    return GREEN if verification.result.outcome == "affirming" else NOT_GREEN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m attestation",
        description="Judge the evidence of a confidential machine.",
        epilog="What is not given is not checked, and then the result is not green.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="judge an evidence.zip", epilog=parser.epilog)
    verify.add_argument("bundle", type=Path, metavar="evidence.zip")
    verify.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    _add_expectations(verify)
    _add_anchors(verify)
    return parser


def _add_expectations(verify: argparse.ArgumentParser) -> None:
    asked = verify.add_argument_group("what you asked for, as you know it yourself")
    asked.add_argument("--now", type=_time, metavar="TIME", help="judge at this time (ISO 8601), not at the evidence's")
    asked.add_argument("--nonce", type=_bytes32, metavar="B64", help="the nonce that was sent")
    asked.add_argument("--conversation", metavar="UUID", help="the conversation that was named")
    asked.add_argument("--origin", metavar="URL", help="the site's address, such as https://chat.example")
    asked.add_argument("--suite", action="append", metavar="NAME", help="a key agreement that was offered, in order")


def _add_anchors(verify: argparse.ArgumentParser) -> None:
    trusted = verify.add_argument_group("what you trust, got from elsewhere than the archive")
    trusted.add_argument("--log-key", type=_bytes32, metavar="B64", help="the operator's log key (Ed25519)")
    trusted.add_argument(
        "--release-key", type=_bytes32, action="append", metavar="B64", help="a key that signs releases (Ed25519)"
    )
    trusted.add_argument(
        "--token-issuer",
        type=_token_issuer,
        metavar="FILE",
        help='the attestation service: JSON with "issuer", "audience", "algorithm" and "key" (JWK)',
    )
    trusted.add_argument(
        "--simulator-root",
        type=_sha256,
        metavar="HEX",
        help="SHA-256 of a simulator's root certificate; only for sites on this computer, and it protects nobody",
    )
    accepted = verify.add_argument_group("what you accept")
    accepted.add_argument(
        "--accept-status", action="append", metavar="NAME", help="a TCB status beside UpToDate, such as OutOfDate"
    )
    accepted.add_argument("--refuse-advisory", action="append", metavar="ID", help="such as INTEL-SA-01111")
    accepted.add_argument("--service-td", type=_bytes48, action="append", metavar="HEX", help="a known MRSERVICETD")
    accepted.add_argument("--min-release", default="0.1.0", metavar="VERSION", help="oldest release that counts")
    accepted.add_argument(
        "--min-tcb-evaluation",
        type=int,
        default=MIN_TCB_EVALUATION,
        metavar="N",
        help="oldest numbering of Intel's lists that counts (tcbEvaluationDataNumber; %(default)s)",
    )


def _anchors(options: argparse.Namespace) -> Anchors:
    return Anchors(
        nonce=options.nonce,
        conversation=options.conversation,
        origin=options.origin,
        suites=tuple(options.suite) if options.suite else None,
        log_key=options.log_key,
        release_keys=tuple(options.release_key or ()),
        token_issuer=options.token_issuer,
        simulator_root_sha256=options.simulator_root,
        accepted_tcb_statuses=frozenset({"UpToDate", *(options.accept_status or ())}),
        refused_advisories=frozenset(options.refuse_advisory or ()),
        service_tds=frozenset(options.service_td or ()),
        min_release_version=options.min_release,
        min_tcb_evaluation_data_number=options.min_tcb_evaluation,
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_ARCHIVE_BYTES + 1)
    except OSError as error:
        raise MalformedError(error.strerror or "cannot be read") from error


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("a time such as 2026-01-31T12:00:00Z is expected") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


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


def _token_issuer(name: str) -> TokenIssuer:
    try:
        members = parse_json(Path(name).read_bytes())
        texts = {member: str(members[member]) for member in ("issuer", "audience", "algorithm")}
        return TokenIssuer(**texts, key=dict(members["key"]), leeway_s=TOKEN_LEEWAY_S)
    except (OSError, MalformedError, LookupError, TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{name} does not describe an attestation service") from error


if __name__ == "__main__":
    sys.exit(main())
