"""`python -m attestation verify`: judge evidence that was taken away, without the server that it came from."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from attestation.archive import read_limited
from attestation.bulk import is_bulk
from attestation.bundle import Bundle, read_bundle
from attestation.collateral import Collateral
from attestation.commands import verify_many
from attestation.commands.arguments import add_accepted, add_trusted, moment, nonce, read_anchors
from attestation.encoding import parse_json
from attestation.errors import ConfigurationError
from attestation.offline import Anchors, Today, verify_bundle
from attestation.policy import NO_CONVERSATION
from attestation.report import to_members, to_text

MAX_COLLATERAL_BYTES = 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may be given."""
    parser.add_argument(
        "bundle", type=Path, metavar="evidence.zip", help="the archive, or the directory it is unpacked in"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    asked = parser.add_argument_group("what you asked for, as you know it yourself")
    asked.add_argument("--at", type=moment, metavar="TIME", help="when you got it (ISO 8601), not when it says so")
    asked.add_argument("--nonce", type=nonce, metavar="B64", help="the nonce that was sent")
    asked.add_argument("--conversation", metavar="UUID", help="the conversation that was named, or `none`")
    asked.add_argument("--origin", metavar="URL", help="the site's address, such as https://chat.example")
    asked.add_argument("--suite", action="append", metavar="NAME", help="a key agreement that was offered, in order")
    add_trusted(parser)
    add_accepted(parser)
    today = parser.add_argument_group("is it good now? Today's lists of Intel for this platform")
    source = today.add_mutually_exclusive_group()
    source.add_argument("--collateral", type=Path, metavar="FILE", help="a collateral.json of today")
    source.add_argument("--pccs", metavar="URL", help="a PCCS, or Intel's own service, to ask for them")


def run(options: argparse.Namespace) -> bool:
    """Judge the archive, say what was found, and return whether all of it holds."""
    anchors = read_anchors(
        options,
        nonce=options.nonce,
        conversation=NO_CONVERSATION if options.conversation == "none" else options.conversation,
        origin=options.origin,
        suites=tuple(options.suite) if options.suite else None,
    )
    if is_bulk(options.bundle):
        tally = verify_many.verify_many(options.bundle, anchors)
        members, lines = verify_many.to_members(tally), verify_many.to_lines(tally)
        print(json.dumps(members, ensure_ascii=False, indent=2) if options.json else "\n".join(lines))
        return tally.holds
    bundle = read_bundle(options.bundle)
    verification = verify_bundle(bundle, anchors=anchors, at=options.at, today=_today(options, bundle, anchors))
    print(json.dumps(to_members(verification), ensure_ascii=False, indent=2) if options.json else to_text(verification))
    return verification.holds


def _today(options: argparse.Namespace, bundle: Bundle, anchors: Anchors) -> Today | None:
    if options.collateral is not None:
        return Today(collateral=_read_collateral(options.collateral), time=options.clock())
    if options.pccs is not None:
        return Today(collateral=_fetch_collateral(options.pccs, bundle, anchors), time=options.clock())
    return None


def _read_collateral(path: Path) -> Collateral:
    return Collateral.from_wire(parse_json(read_limited(path, most=MAX_COLLATERAL_BYTES)))


def _fetch_collateral(url: str, bundle: Bundle, anchors: Anchors) -> Collateral:
    try:
        fetching = importlib.import_module("attestation.commands.fetching")
    except ModuleNotFoundError as error:
        raise ConfigurationError("this copy of the program cannot fetch lists: give them with --collateral") from error
    collateral: Collateral = fetching.fetch_collateral(url, bundle.evidence.quote, anchors)
    return collateral
