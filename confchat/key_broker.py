"""This installation before a key broker: what it shows of itself, and the plain HTTP that its settings allow."""

from __future__ import annotations

import asyncio
import logging

from django.conf import settings

from attestation.attester import TdxAttester
from attestation.errors import ConfigurationError, MalformedError, UnavailableError
from attestation.eventlog import APPLICATION_REGISTER
from attestation.kbs import Broker, KeyBrokerClient, TdxEvidence, parse_broker
from attestation.quote import parse_quote
from confchat.event_log_file import EventLogFile

logger = logging.getLogger(__name__)


class MachineEvidence:
    """Evidence of this machine: a quote, and the logs that explain its registers. It measures nothing itself."""

    def __init__(self, attester: TdxAttester, log: EventLogFile) -> None:
        self._attester = attester
        self._log = log

    async def __call__(self, report_data: bytes) -> TdxEvidence:
        """Return evidence over 64 bytes of report data.

        Raises:
            UnavailableError, ConfigurationError: this machine gives none.
        """
        quote = await self._attester.quote(report_data)
        report = parse_quote(quote).report
        register = (report.rtmr0, report.rtmr1, report.rtmr2, report.rtmr3)[APPLICATION_REGISTER]
        aael = await asyncio.to_thread(self._log.explain, register)
        return TdxEvidence(quote=quote, ccel=await self._firmware_log(), aael=aael)

    async def _firmware_log(self) -> bytes | None:
        try:
            return await self._attester.firmware_log()
        except (UnavailableError, ConfigurationError, MalformedError) as error:
            logger.warning("No event log of the firmware for the key broker: %s", error)
            return None


def read_broker(value: object) -> Broker:
    """Read a broker's members as `parse_broker` does, under this installation's leave for plain HTTP."""
    return parse_broker(value, allows_plain_http=settings.CONFCHAT_UNSAFE_KBS_HTTP)


def client_of(broker: Broker, attester: TdxAttester) -> KeyBrokerClient:
    """Return a client that shows this machine. Raises `ConfigurationError`."""
    log = EventLogFile(settings.CONFCHAT_DATA_DIR / "events.aael")
    return KeyBrokerClient(broker, evidence=MachineEvidence(attester, log))
