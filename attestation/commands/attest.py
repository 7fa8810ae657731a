"""`python -m attestation attest`: ask a server for fresh evidence, and judge it by what is known here alone."""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from attestation.answers import read_answers
from attestation.appraisal import AttestationResult, appraise
from attestation.commands.arguments import add_accepted, add_trusted, nonce, read_anchors, token_issuer
from attestation.encoding import b64encode
from attestation.errors import ConfigurationError
from attestation.issuer import TokenIssuer
from attestation.offline import Anchors, read_releases
from attestation.pins import Pin, keep_pin, read_pins
from attestation.policy import NO_CONVERSATION
from attestation.printing import printable, write_time
from attestation.report import check_lines, describe, ending, event_lines, missing_arguments, result_members
from attestation.services import Verdict, remote_verifier
from attestation.shown import Shown
from attestation.site import Site
from attestation.statement import NONCE_SIZE, report_data
from attestation.words import ERROR_WORDS

# What `POST /attestation/evidence` is answered with: strangers do not choose.
SUITES = ("MLKEM768-X25519", "X25519")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """A server's answer and what was found: `key_from` says how its operator is known here."""

    origin: str
    nonce: bytes
    answer: Shown
    anchors: Anchors
    releases: list[tuple[bytes, bytes]]
    result: AttestationResult
    verdict: Verdict | None
    key_from: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may be given."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    add_question(parser)


def add_question(parser: argparse.ArgumentParser) -> None:
    """Add what is needed to ask a server and to judge its answer."""
    parser.add_argument("url", metavar="URL", help="the site's address, such as https://chat.example")
    parser.add_argument("--nonce", type=nonce, metavar="B64", help="32 bytes of your own instead of random ones")
    trusted = add_trusted(parser)
    trusted.add_argument(
        "--state",
        type=Path,
        metavar="FILE",
        help="where operators' keys are remembered; at first use the server's own word is taken for it, this once",
    )
    add_accepted(parser)
    service = parser.add_argument_group("an attestation service of your own choosing")
    service.add_argument("--verifier", metavar="URL", help="its address (Trustee's REST interface)")
    service.add_argument(
        "--verifier-key", type=token_issuer, metavar="FILE", help="its names and key, as for --token-issuer"
    )


def run(options: argparse.Namespace) -> bool:
    """Ask, judge, say what was found, and return whether everything holds."""
    with Site(options.url) as site:
        found = attest(site, options)
    print(json.dumps(to_members(found), ensure_ascii=False, indent=2) if options.json else "\n".join(to_lines(found)))
    return found.result.outcome == "affirming"


def attest(site: Site, options: argparse.Namespace) -> Attestation:
    """Ask a server for fresh evidence and judge it; a key that is new is remembered only where all else holds.

    Raises:
        UnavailableError, MalformedError: the server gives no evidence.
        ConfigurationError: what was given cannot be used.
    """
    sent = options.nonce or secrets.token_bytes(NONCE_SIZE)
    anchors = read_anchors(options, nonce=sent, conversation=NO_CONVERSATION, origin=site.origin, suites=SUITES)
    pins = {} if options.state is None else read_pins(options.state)
    anchors, key_from = _with_known_operator(anchors, site, pins, options)
    service = _chosen_service(options)
    started = time.monotonic()
    answer = site.ask_evidence(sent)
    elapsed_s = time.monotonic() - started
    releases = site.releases()
    verdict = None if service is None else asyncio.run(_ask(options, service, answer))
    if service is not None:
        anchors = _with_own_service(anchors, service)
    result = appraise(
        answer.evidence,
        policy=anchors.policy,
        trust=anchors.trust,
        expectation=anchors.expect(now=options.clock(), elapsed_s=elapsed_s, log_view=None),
        releases=read_releases(releases, anchors),
        answers=read_answers(answer.verdict) if verdict is None else verdict.answers,
    )
    if key_from == "first use" and result.outcome == "affirming" and anchors.log_key is not None:
        keep_pin(options.state, site.origin, Pin(anchors.log_key, write_time(options.clock())))
    return Attestation(
        origin=site.origin,
        nonce=sent,
        answer=answer,
        anchors=anchors,
        releases=releases,
        result=result,
        verdict=verdict,
        key_from=key_from,
    )


def to_members(found: Attestation) -> dict[str, object]:
    """Return what was found as members of a JSON object."""
    return {
        "origin": found.origin,
        "nonce": b64encode(found.nonce),
        "record": found.answer.record,
        "claimed": found.answer.claimed,
        "operator_key": found.key_from,
        "verifier": found.verdict and {**found.verdict.verifier.to_wire(), "error": found.verdict.error_code},
        **result_members(found.result),
    }


def to_lines(found: Attestation) -> Iterable[str]:
    """Say what was found."""
    yield f"Asked {found.origin} with the nonce {b64encode(found.nonce)}; record {printable(found.answer.record)}"
    yield from describe(found.result)
    yield from _operator(found)
    if found.verdict is not None and found.verdict.error_code is not None:
        code = found.verdict.error_code
        yield f"{found.verdict.verifier.url}: {ERROR_WORDS.get(code, code)}"
    yield ""
    yield from check_lines(found.result.checks)
    yield ""
    yield from event_lines(found.answer.evidence)
    yield ""
    yield from ending(found.result, missing_arguments(found.anchors, {}))
    if found.answer.claimed != found.result.outcome:
        yield printable(f"The server says {found.answer.claimed} of itself; that counts for nothing here.")


def _operator(found: Attestation) -> Iterable[str]:
    if found.key_from == "first use":
        yield "FIRST USE: this operator's key was not known here. The server's own word was taken for it, this once."
        if found.result.outcome == "affirming":
            yield "It is remembered; from now on another key will fail binding.origin."
    elif found.key_from.startswith("seen"):
        yield f"The operator's key is the one remembered here, {found.key_from}."


def _with_known_operator(
    anchors: Anchors, site: Site, pins: dict[str, Pin], options: argparse.Namespace
) -> tuple[Anchors, str]:
    """Return the anchors with the operator's key, and where that is known from."""
    if anchors.log_key is not None or options.state is None:
        return anchors, "not known" if anchors.log_key is None else "given"
    pin = pins.get(site.origin)
    if pin is not None:
        return replace(anchors, log_key=pin.key), f"seen first on {pin.since}"
    return replace(anchors, log_key=site.log_key()), "first use"


def _with_own_service(anchors: Anchors, service: TokenIssuer) -> Anchors:
    """Return anchors under which the service that the person asks counts, instead of those that the operator asks."""
    policy = replace(anchors.policy, verifiers=frozenset({service.name}))
    return replace(anchors, token_issuers=(service,), policy=policy)


def _chosen_service(options: argparse.Namespace) -> TokenIssuer | None:
    if (options.verifier is None) != (options.verifier_key is None):
        raise ConfigurationError(
            "--verifier and --verifier-key belong together: without its key nothing it says counts"
        )
    service: TokenIssuer | None = options.verifier_key
    return service


async def _ask(options: argparse.Namespace, issuer: TokenIssuer, answer: Shown) -> Verdict:
    verifier = remote_verifier(options.verifier, issuer=issuer, clock=options.clock)
    try:
        return await verifier.verify(answer.evidence, report_data=report_data(answer.evidence.statement))
    finally:
        await verifier.aclose()
