"""Trying a key broker: what answers, which protocols it speaks, and whether it gives this machine a secret."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import get_args

from attestation.errors import AttestationError
from attestation.kbs.client import KeyBrokerClient
from attestation.kbs.errors import KeyBrokerError
from attestation.kbs.rcar import ProtocolVersion
from attestation.kbs.uri import ResourceUri

# With these nobody is there who could be asked more.
NOBODY = frozenset({"kbs_unavailable", "kbs_timeout", "kbs_certificate", "kbs_redirect", "kbs_protocol"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was tried: a stable code where it failed, else empty, and both sides' words for it."""

    name: str
    code: str
    words: str
    said: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it went as it should."""
        return not self.code


async def ask_protocols(client: KeyBrokerClient) -> list[Step]:
    """Ask for a challenge (`POST /kbs/v0/auth`) in the configured version; for `auto`, in each, newest first."""
    configured = client.broker.protocol
    versions = sorted(get_args(ProtocolVersion), reverse=True) if configured == "auto" else [configured]
    steps: list[Step] = []
    for version in versions:
        steps.append(await _try(f"protocol {version}", client.challenge(version), good="It sends a challenge."))
        if steps[-1].code in NOBODY:
            break
        if steps[-1].code == "kbs_version" and configured == "auto":
            steps[-1] = replace(steps[-1], words="It speaks another version.")
    return steps


async def ask_secret(client: KeyBrokerClient, uri: ResourceUri) -> Step:
    """Fetch a secret with evidence of this machine, and wipe it."""
    return await _try(f"secret {uri}", _fetch(client, uri), good="It gives it to this machine; it was wiped unseen.")


async def _fetch(client: KeyBrokerClient, uri: ResourceUri) -> None:
    release = await client.fetch(uri)
    release.secret.wipe()


async def _try(name: str, question: Awaitable[None], *, good: str) -> Step:
    try:
        await question
    except KeyBrokerError as error:
        return Step(name=name, code=error.code, words=str(error), said=error.said)
    except AttestationError as error:
        return Step(name=name, code=error.code, words=f"This machine has no evidence to show: {error}")
    return Step(name=name, code="", words=good)
