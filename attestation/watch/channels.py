"""How operators are told: a line in the log, an e-mail, a signed request to an address of their own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import random
import smtplib
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import httpx
from django.core.mail import EmailMessage

from attestation.errors import ConfigurationError, UnavailableError
from attestation.watch.notices import Notice, tell

MAX_BODY_BYTES = 256 * 1024
WEBHOOK_TIMEOUT_S = 10.0
# Waiting between tries; what fails after the last one is tried again on the next look.
RETRY_DELAYS_S = (1.0, 5.0)
# Standard Webhooks 1.0.0, "Signature scheme": a secret of 24 to 64 bytes in base64, with this prefix or without.
SECRET_PREFIX = "whsec_"  # noqa: S105  # no secret itself
SECRET_SIZES = range(24, 65)
_RETRIED = frozenset({408, 425, 429})

logger = logging.getLogger("attestation.watch")


class Channel(Protocol):
    """One way to tell."""

    name: str

    def send(self, notice: Notice) -> None:
        """Tell; raises `UnavailableError` where nobody was told."""


class LogChannel:
    """A line for each change in this process's log; critical ones as errors."""

    name = "log"

    def send(self, notice: Notice) -> None:
        for change in notice.changes:
            begun = logging.ERROR if change.severity == "critical" else logging.WARNING
            logger.log(logging.INFO if change.ended_at is not None else begun, "%s: %s", change.kind, tell(change))


class MailChannel:
    """One e-mail for all changes, through Django's mail settings."""

    name = "mail"

    def __init__(self, recipients: Sequence[str]) -> None:
        self._recipients = list(recipients)

    def send(self, notice: Notice) -> None:
        message = EmailMessage(notice.title, f"{notice.text}\n", to=self._recipients)
        try:
            message.send()
        except (smtplib.SMTPException, OSError) as error:
            raise UnavailableError(f"no mail was sent: {type(error).__name__}") from error


class WebhookChannel:
    """One POST for all changes, signed as Standard Webhooks 1.0.0 says; no redirect is followed, no answer read."""

    name = "webhook"

    def __init__(
        self,
        url: str,
        *,
        secret: bytes,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url, self._secret, self._sleep = url, secret, sleep
        self._client = httpx.Client(transport=transport, timeout=WEBHOOK_TIMEOUT_S, follow_redirects=False)

    def send(self, notice: Notice) -> None:
        body = notice.to_json()
        if len(body) > MAX_BODY_BYTES:
            raise UnavailableError("the notice is too large for a webhook")
        headers = sign_body(body, secret=self._secret, at=notice.at)
        for delay_s in (*RETRY_DELAYS_S, None):
            status = self._post(body, headers)
            if 200 <= status < 300:
                return
            if delay_s is None or (0 < status < 500 and status not in _RETRIED):
                raise UnavailableError(f"the webhook answers with status {status}" if status else "no webhook answers")
            self._sleep(delay_s * random.uniform(0.5, 1.5))  # noqa: S311  # so that many do not come at once

    def _post(self, body: bytes, headers: dict[str, str]) -> int:
        """Return the status of the answer, 0 where none came."""
        try:
            with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                return response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            return 0


def sign_body(body: bytes, *, secret: bytes, at: datetime) -> dict[str, str]:
    """Return the headers of a signed body: HMAC-SHA256 over `id.timestamp.body`; equal bodies have equal ids."""
    identifier, timestamp = f"msg_{hashlib.sha256(body).hexdigest()[:32]}", str(int(at.timestamp()))
    signed = f"{identifier}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
    return {
        "content-type": "application/json",
        "webhook-id": identifier,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }


def parse_secret(text: str) -> bytes:
    """Return a webhook's secret; raises `ConfigurationError` where it has another form or is too short."""
    try:
        secret = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError as error:
        raise ConfigurationError("the webhook's secret is not base64") from error
    if len(secret) not in SECRET_SIZES:
        raise ConfigurationError("the webhook's secret does not have 24 to 64 bytes")
    return secret
