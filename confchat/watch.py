"""The watch of this deployment: asks the running server as a stranger does, and judges the answer by the settings."""

from __future__ import annotations

import logging
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from attestation import publication
from attestation.answers import read_answers
from attestation.appraisal import AttestationResult, appraise
from attestation.collateral_set import CollateralStanding
from attestation.commands.attest import SUITES
from attestation.errors import AttestationError, UnavailableError
from attestation.members import Members
from attestation.policy import NO_CONVERSATION, Expectation
from attestation.shown import Shown
from attestation.site import Site
from attestation.statement import NONCE_SIZE
from attestation.watch.channels import Channel, LogChannel, MailChannel, WebhookChannel, parse_secret
from attestation.watch.findings import Look, look_at, look_at_nothing
from attestation.watch.round import finish_round
from confchat.checks import is_loopback
from confchat.model_locking import lock_all
from confchat.policy import build_trust

# A server that starts, or whose budget for strangers is spent for this minute, is asked again before it is given up.
TRIES = 3
TRY_AGAIN_S = 25.0
# Not at once after the start: five ends within a minute would end everything (confchat.supervisor).
FIRST_LOOK_S = 30.0
DEFAULT_MINUTES = 15
_MAX_TIME = 253_402_300_799

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How this deployment is watched; time is an argument."""

    url: str
    origin: str
    channels: Sequence[Channel]
    interval: timedelta
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep

    def once(self) -> tuple[Look, bool]:
        """Look, write down what was found, and tell; return the look, and whether everybody knows everything."""
        look = self._look()
        told = finish_round(
            look, channels=self.channels, deployment=settings.CONFCHAT_LOG_ORIGIN, settle=2 * self.interval
        )
        return look, told

    def keep_on(self) -> None:
        """Look on every interval, for ever; a database that fails is asked again on the next one."""
        self.sleep(FIRST_LOOK_S)
        while True:
            try:
                self.once()
            except DatabaseError as error:
                logger.warning("what was found could not be written down: %s", type(error).__name__)
            close_old_connections()
            self.sleep(self.interval.total_seconds() * random.uniform(0.9, 1.1))  # noqa: S311  # only a schedule

    def _look(self) -> Look:
        """Ask a few times; what is no evidence in the end is a finding."""
        for tries_left in reversed(range(TRIES)):
            try:
                return self._ask()
            except UnavailableError as error:
                logger.info("the server gives no evidence: %s", error)
                if tries_left:
                    self.sleep(TRY_AGAIN_S)
            except AttestationError as error:
                logger.error("what the server gives cannot be judged: %s", error)
                return look_at_nothing(error.code, at=self.clock())
        return look_at_nothing(UnavailableError.code, at=self.clock())

    def _ask(self) -> Look:
        nonce, started = secrets.token_bytes(NONCE_SIZE), time.monotonic()
        with Site(self.url, origin=self.origin) as site:
            answer = site.ask_evidence(nonce)
            elapsed_s = time.monotonic() - started
            collateral = _collateral(site.readiness(), now=self.clock())
        result = self._appraise(answer, nonce=nonce, elapsed_s=elapsed_s)
        if result.outcome == "contraindicated":
            lock_all(why="this machine's attestation failed")
        return look_at(
            result, verdicts=_verdicts(answer.verdict), collateral=collateral, releases=publication.releases()
        )

    def _appraise(self, answer: Shown, *, nonce: bytes, elapsed_s: float) -> AttestationResult:
        return appraise(
            answer.evidence,
            policy=publication.policy(),
            trust=build_trust(_simulator_root(answer)),
            expectation=Expectation(
                nonce=nonce,
                conversation=NO_CONVERSATION,
                origin=self.origin,
                suites=SUITES,
                deployment_key=publication.log_key().public,
                now=self.clock(),
                elapsed_s=elapsed_s,
                loopback=settings.CONFCHAT_DEVELOPMENT and is_loopback(self.origin),
                log_view=None,
            ),
            releases=publication.releases(),
            answers=read_answers(answer.verdict),
        )


def build_watch() -> Watch:
    """Build the watch that the settings describe; raises `ConfigurationError` where a secret is of another form."""
    host = settings.CONFCHAT_HOST
    reached = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return Watch(
        url=f"http://{reached}:{settings.CONFCHAT_PORT}",
        origin=settings.CONFCHAT_ORIGINS[0],
        channels=build_channels(),
        interval=timedelta(minutes=settings.CONFCHAT_WATCH_MINUTES or DEFAULT_MINUTES),
    )


def build_channels() -> list[Channel]:
    """Return every way in which the settings have operators told; the log always is one."""
    channels: list[Channel] = [LogChannel()]
    if settings.CONFCHAT_WATCH_MAIL_TO:
        channels.append(MailChannel(settings.CONFCHAT_WATCH_MAIL_TO))
    if settings.CONFCHAT_WATCH_WEBHOOK:
        secret = parse_secret(settings.CONFCHAT_WATCH_WEBHOOK_SECRET)
        channels.append(WebhookChannel(settings.CONFCHAT_WATCH_WEBHOOK, secret=secret))
    return channels


def _verdicts(verdict: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what each attestation service answered, the first service's answer first."""
    others = verdict.get("others")
    entries = [verdict, *(others if isinstance(others, list) else [])]
    return [entry for entry in entries if isinstance(entry, Mapping)]


def _collateral(readiness: Mapping[str, Any], *, now: datetime) -> CollateralStanding:
    members = Members(readiness.get("collateral"))
    return CollateralStanding(
        age_s=members.integer("age_s"),
        expires_at=datetime.fromtimestamp(members.integer("expires_at", limit=_MAX_TIME), UTC),
        now=now,
    )


def _simulator_root(answer: Shown) -> bytes | None:
    """Return the root of this installation's own simulator, where it is used."""
    is_simulated = settings.CONFCHAT_DEVELOPMENT and answer.evidence.trust_anchor == "simulator"
    return (settings.CONFCHAT_SIMULATOR_DIR / "root.der").read_bytes() if is_simulated else None
