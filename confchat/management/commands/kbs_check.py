"""`manage.py kbs_check URL [--resource kbs:///…]`: try a key broker, and say in words what is wrong."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from attestation import this_machine
from attestation.errors import AttestationError
from attestation.kbs import Broker, ResourceUri, TdxEvidence, parse_resource_uri
from attestation.kbs.client import KeyBrokerClient
from attestation.kbs.survey import NOBODY, Step, ask_protocols, ask_secret
from confchat.key_broker import client_of, read_broker

REFUSED, NO_BROKER = 1, 3
EXIT_CODES = """
exit codes: 0 the broker answers as it should, and gave the secret where one was named; 1 it answers, and refuses;
2 the command was not understood; 3 no broker answers at this address, or nothing of it can be believed
"""


class Command(BaseCommand):
    """Try a key broker."""

    help = (
        "Ask a Trustee key broker for a challenge in each protocol (POST /kbs/v0/auth), and, with --resource, for a "
        "secret with evidence of this machine; the secret is wiped and never shown."
    )
    requires_system_checks = ()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Say what the exit codes mean."""
        return super().create_parser(prog_name, subcommand, epilog=EXIT_CODES, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the broker as a model's record describes it, and what to ask."""
        parser.add_argument("url", metavar="URL", help="its base address: what stands before /kbs/v0")
        parser.add_argument("--resource", metavar="kbs:///…", help="a secret to fetch with this machine's evidence")
        parser.add_argument("--protocol", choices=("auto", "0.1.0", "0.4.0"), default="auto", help="its version")
        parser.add_argument("--key", choices=("EC", "RSA"), default="EC", help="the kind of key for its answer")
        parser.add_argument("--authorities", metavar="PEM", help="the TLS authorities that count, for the system's")
        parser.add_argument("--tls-pin", action="append", default=[], metavar="HEX", help="SHA-256 of its TLS key")
        parser.add_argument("--timeout", type=int, default=15, metavar="S", help="seconds for each answer")
        parser.add_argument("--json", action="store_true", help="say it as one JSON object")

    def handle(self, *args: Any, url: str, resource: str | None, **options: Any) -> None:
        """Ask, say, and end with the exit code."""
        try:
            broker = read_broker(
                {
                    "url": url,
                    "protocol": options["protocol"],
                    "key": "RSA" if options["protocol"] == "0.1.0" else options["key"],
                    "authorities": options["authorities"],
                    "tls_pins": options["tls_pin"],
                    "timeout_s": options["timeout"],
                }
            )
            steps = asyncio.run(_ask(broker, None if resource is None else parse_resource_uri(resource)))
        except AttestationError as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(_to_wire(broker, steps) if options["json"] else "\n".join(_tell(broker, steps)))
        self.stdout.flush()
        sys.exit(_exit_code(steps))


async def _ask(broker: Broker, uri: ResourceUri | None) -> list[Step]:
    """Try the protocols, and then the secret, unless nobody is there."""
    steps = await ask_protocols(KeyBrokerClient(broker, evidence=_no_evidence))
    if uri is None or not any(step.is_good for step in steps):
        return steps
    attester = this_machine.attester()
    try:
        return [*steps, await ask_secret(client_of(broker, attester), uri)]
    finally:
        attester.close()


async def _no_evidence(report_data: bytes) -> TdxEvidence:
    raise AssertionError("a challenge needs no evidence")


def _exit_code(steps: list[Step]) -> int:
    """A broker speaks one protocol as a rule: that it refuses the other one is no fault."""
    protocols = [step for step in steps if step.name.startswith("protocol")]
    if not any(step.is_good for step in protocols):
        return NO_BROKER if any(step.code in NOBODY for step in protocols) else REFUSED
    if steps[-1].code in NOBODY:
        return NO_BROKER
    return 0 if steps[-1].is_good or steps[-1] in protocols else REFUSED


def _tell(broker: Broker, steps: list[Step]) -> Iterator[str]:
    yield f"Key broker {broker.url}"
    if broker.url.startswith("http:"):
        yield "  Without TLS. Secrets are encrypted all the same; use it on this machine alone, or for trying things."
    for step in steps:
        yield f"  {step.name}: {'yes' if step.is_good else step.code}. {step.words}"
        if step.said:
            yield f"    It said: {step.said}"
    yield {
        0: "The broker answers as it should.",
        REFUSED: "The broker answers, and refuses. docs/key-broker.md says what to look at for each code.",
        NO_BROKER: "No key broker that can be believed answers here. docs/key-broker.md says what to look at.",
    }[_exit_code(steps)]


def _to_wire(broker: Broker, steps: list[Step]) -> str:
    members = {
        "url": broker.url,
        "steps": [
            {"name": step.name, "ok": step.is_good, "code": step.code, "words": step.words, "said": step.said}
            for step in steps
        ],
        "unsafe_plain_http": settings.CONFCHAT_UNSAFE_KBS_HTTP,
        "exit_code": _exit_code(steps),
    }
    return json.dumps(members, indent=2)
