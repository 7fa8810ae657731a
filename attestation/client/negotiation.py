"""A handshake carried through on a connection: from its question to a proved session, or to why there is none."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from attestation.appraisal import AttestationResult
from attestation.channel import SECRET_SIZE
from attestation.client.access import AccessToken
from attestation.client.connection import Connection
from attestation.client.errors import NotAttestedError
from attestation.client.handshake import SUITES, Question, build_opening, judge
from attestation.client.known import KnownSite
from attestation.errors import AppraisalError
from attestation.offline import Anchors
from attestation.shown import Shown, read_shown
from attestation.site import Site
from attestation.statement import NONCE_SIZE

STEP_TIMEOUT_S = 60.0
RENEW_BEFORE = timedelta(seconds=60)

_RELEASE_UNKNOWN = "release_unknown"


@dataclass(slots=True, kw_only=True)
class Host:
    """One server and what is known of it here; `releases` are those that it published last, none of them believed."""

    site: Site
    known: KnownSite
    anchors: Anchors
    token: AccessToken
    history_key: bytes | None = field(repr=False)
    clock: Callable[[], datetime]
    releases: list[tuple[bytes, bytes]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What a machine proved, and the value by which another session goes on with this one's memory."""

    result: AttestationResult
    record: str
    resume: str

    def is_due(self, now: datetime) -> bool:
        """Say whether it ends soon: in a minute, or, where it lasts for less than two, in half of its time."""
        end, begun = self.result.valid_until, self.result.evaluated_at
        return end is None or not begun <= now < max(end - RENEW_BEFORE, begun + (end - begun) / 2)


async def negotiate(connection: Connection, host: Host, *, conversation: str, model: str | None) -> Proved:
    """Ask, judge, and open; what was said before on this connection stays sealed under the keys before.

    Raises:
        NotAttestedError, AppraisalError: the machine does not prove what is asked of it.
        RefusedError, UnavailableError, MalformedError, ChannelError: the server does not answer as it should.
    """
    question = Question(
        anchors=replace(
            host.anchors,
            nonce=secrets.token_bytes(NONCE_SIZE),
            conversation=conversation,
            origin=host.site.origin,
            suites=SUITES,
            log_key=host.known.log_key,
        ),
        model=model,
        seen=host.known.seen,
    )
    started = time.monotonic()
    await connection.send_clear(question.to_wire())
    evidence = await connection.receive_clear("attest.evidence", timeout_s=STEP_TIMEOUT_S)
    verdict = await connection.receive_clear("attest.verdict", timeout_s=STEP_TIMEOUT_S)
    shown = read_shown(evidence, verdict)
    result = await _judge(host, question, shown, started=started)
    opening = build_opening(
        question,
        shown,
        result,
        account=host.token.account,
        history_key=host.history_key,
        secret=secrets.token_bytes(SECRET_SIZE),
    )
    await connection.send_clear(opening.message)
    switch = await connection.receive_clear("session.switch", timeout_s=STEP_TIMEOUT_S)
    if switch.get("record") != shown.record:
        raise AppraisalError("session_mismatch", "the server opened another session than the one asked for")
    connection.use(opening.channel)
    resume = opening.accept(await connection.receive(timeout_s=STEP_TIMEOUT_S))
    host.known.keep(opening.log)
    return Proved(result=result, record=shown.record, resume=resume)


async def _judge(host: Host, question: Question, shown: Shown, *, started: float) -> AttestationResult:
    """Judge by the releases known here; one that is unknown may have been published since: then once more."""
    for is_newest in (host.releases is None, True):
        if host.releases is None or is_newest:
            host.releases = await asyncio.to_thread(host.site.releases)
        try:
            return await asyncio.to_thread(
                judge,
                question,
                shown,
                releases=host.releases,
                now=host.clock(),
                elapsed_s=time.monotonic() - started,
            )
        except NotAttestedError as error:
            if is_newest or all(check.code != _RELEASE_UNKNOWN for check in error.result.checks):
                raise
    raise AssertionError("the second look ends the loop")
