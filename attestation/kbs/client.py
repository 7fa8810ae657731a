"""A client of Trustee's key broker: evidence of this machine in, a secret in locked memory out.

A library of its own: it knows no Django and no settings. It uses the door that attestation services are called
through, with its limits of time and size, its pins and its circuit breaker.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from attestation.errors import ConfigurationError
from attestation.kbs.broker import Broker, parse_broker_url
from attestation.kbs.errors import KeyBrokerError
from attestation.kbs.rcar import ProtocolVersion, TdxEvidence
from attestation.kbs.secret import Secret
from attestation.kbs.session import BrokerSession, open_session, request_challenge
from attestation.kbs.uri import ResourceUri, parse_resource_uri
from attestation.services.breaker import CircuitBreaker
from attestation.services.caller import RETRIES, Retries, ServiceCaller
from attestation.services.tls import build_transport

# Asks this machine for evidence over 64 bytes of report data; raises the attester's errors.
EvidenceSource = Callable[[bytes], Awaitable[TdxEvidence]]

BROKER_NAME = "key broker"
# Tokens of Trustee carry the firmware's event log in words.
MAX_ANSWER_BYTES = 2 * 1024 * 1024
HANDSHAKES = 2

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A secret that a broker gave, and on which grounds: what was shown, and the broker's token about it."""

    secret: Secret
    uri: ResourceUri
    broker: str
    protocol: ProtocolVersion
    evidence: TdxEvidence
    token: str
    at: datetime


class KeyBrokerClient:
    """Fetches secrets from one broker, each after a handshake with fresh evidence and a key of its own."""

    def __init__(
        self,
        broker: Broker,
        *,
        evidence: EvidenceSource,
        transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
        retries: Retries = RETRIES,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Connect to nothing yet; `transport` stands in for the network.

        Raises:
            ConfigurationError: the address, its TLS files, or plain HTTP to another machine that was not allowed.
        """
        self.broker = broker
        self._evidence = evidence
        self._address = parse_broker_url(broker.url, allows_plain_http=broker.allows_plain_http)
        self._transport = transport or (lambda: build_transport(authorities=broker.authorities, pins=broker.tls_pins))
        self._retries = retries
        self._clock = clock
        self._breaker = CircuitBreaker()
        self._version: ProtocolVersion = "0.4.0" if broker.protocol == "auto" else broker.protocol

    async def fetch(self, uri: ResourceUri | str) -> Release:
        """Return a secret. The caller wipes it.

        A session that the broker has forgotten meanwhile is made anew, once.

        Raises:
            KeyBrokerError: the broker gives none; its code says why.
            UnavailableError: this machine has no evidence now.
            ConfigurationError: the address of the secret, or this machine.
        """
        asked = self._require_own(parse_resource_uri(uri) if isinstance(uri, str) else uri)
        for _ in range(HANDSHAKES - 1):
            try:
                return await self._fetch_once(asked)
            except KeyBrokerError as error:
                if error.code not in ("kbs_session", "kbs_token"):
                    raise
                logger.warning("the key broker does not know the session (%s): a new handshake", error.code)
        return await self._fetch_once(asked)

    async def attest(self) -> BrokerSession:
        """Return an attested session for several secrets; the caller closes it. Raises as `fetch`."""
        try:
            return await self._open(self._version)
        except KeyBrokerError as error:
            if error.code != "kbs_version" or self.broker.protocol != "auto" or self._version == "0.1.0":
                raise
        logger.info("the key broker does not speak protocol %s: trying 0.1.0", self._version)
        session = await self._open("0.1.0")
        self._version = "0.1.0"
        return session

    async def challenge(self, version: ProtocolVersion) -> None:
        """Ask for a challenge in one version, and leave it at that. Raises `KeyBrokerError`."""
        caller = self._caller()
        try:
            await request_challenge(caller, version=version)
        finally:
            await caller.aclose()

    async def _fetch_once(self, uri: ResourceUri) -> Release:
        async with aclosing(await self.attest()) as session:
            secret = await session.fetch(uri)
        logger.info("the key broker gave %s (%d bytes)", uri, len(secret))
        return Release(
            secret=secret,
            uri=uri,
            broker=self.broker.url,
            protocol=session.version,
            evidence=session.evidence,
            token=session.token,
            at=self._clock(),
        )

    async def _open(self, version: ProtocolVersion) -> BrokerSession:
        async with AsyncExitStack() as stack:
            caller = self._caller()
            stack.push_async_callback(caller.aclose)
            session = await open_session(caller, version=version, key=self.broker.key, evidence=self._evidence)
            stack.pop_all()
            return session

    def _caller(self) -> ServiceCaller:
        """Return a way to the broker with cookies of its own."""
        return ServiceCaller(
            self.broker.url.rstrip("/"),
            transport=self._transport(),
            timeout_s=self.broker.timeout_s,
            headers={"user-agent": "confchat-kbs-client"},
            retries=self._retries,
            breaker=self._breaker,
            name=BROKER_NAME,
            max_answer_bytes=MAX_ANSWER_BYTES,
        )

    def _require_own(self, uri: ResourceUri) -> ResourceUri:
        """Refuse an address that names another broker than the one that is configured."""
        own = {self._address.netloc.decode(), f"{self._address.host}:{_port(self._address)}"}
        if uri.authority and uri.authority.lower() not in own:
            raise ConfigurationError(f"{uri} names the key broker {uri.authority}, and {self.broker.url} is configured")
        return uri


def _port(address: httpx.URL) -> int:
    return address.port or (443 if address.scheme == "https" else 80)
