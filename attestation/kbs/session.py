"""One handshake with a broker and what it opens: challenge, evidence, token, and secrets while the token holds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Literal

from attestation.errors import MalformedError
from attestation.kbs.errors import KeyBrokerError, read_refusal
from attestation.kbs.rcar import (
    ATTEST_PATH,
    AUTH_PATH,
    SESSION_COOKIE,
    Challenge,
    ProtocolVersion,
    TdxEvidence,
    build_attestation,
    build_auth,
    build_report_data,
    is_about,
    parse_attested,
    parse_challenge,
)
from attestation.kbs.sealed import open_answer
from attestation.kbs.secret import Secret
from attestation.kbs.tee_keys import EcTeeKey, RsaTeeKey, TeeKey
from attestation.kbs.uri import ResourceUri
from attestation.services.caller import ServiceCaller
from attestation.services.verdict import ServiceError

logger = logging.getLogger(__name__)


class BrokerSession:
    """A session that a broker has attested; its key dies with it."""

    def __init__(
        self,
        caller: ServiceCaller,
        *,
        version: ProtocolVersion,
        key: TeeKey,
        evidence: TdxEvidence,
        token: str,
    ) -> None:
        self.version: ProtocolVersion = version
        self.evidence = evidence
        self.token = token
        self._caller = caller
        self._key = key

    async def fetch(self, uri: ResourceUri) -> Secret:
        """Return a secret: by the session's cookie, and where that is no longer known, by the token.

        Raises:
            KeyBrokerError: the broker gives none; its code says why.
        """
        try:
            body = await ask(self._caller.get(uri.path))
        except KeyBrokerError as error:
            if error.code != "kbs_session":
                raise
            self._caller.forget_cookies()
            body = await ask(self._caller.get(uri.path, headers={"authorization": f"Bearer {self.token}"}))
        return open_answer(body, self._key, takes_old_form=self.version == "0.1.0")

    async def aclose(self) -> None:
        """Give back connections."""
        await self._caller.aclose()


async def open_session(
    caller: ServiceCaller,
    *,
    version: ProtocolVersion,
    key: Literal["EC", "RSA"],
    evidence: Callable[[bytes], Awaitable[TdxEvidence]],
) -> BrokerSession:
    """Make one handshake with a new key and fresh evidence.

    Raises:
        KeyBrokerError: the broker refuses, or breaks the protocol.
        UnavailableError, ConfigurationError, MalformedError: this machine has no evidence that can be shown.
    """
    challenge = await request_challenge(caller, version=version)
    pair = await asyncio.to_thread(_make_key, version, key)
    shown = await evidence(build_report_data(version, challenge, pair.jwk))
    logger.info("showing the key broker a quote over its challenge (protocol %s, %s)", version, pair.algorithm)
    answer = await ask(caller.post(ATTEST_PATH, build_attestation(version, challenge, pair.jwk, shown)))
    try:
        token = parse_attested(answer)
    except MalformedError as error:
        raise KeyBrokerError("kbs_protocol", f"the broker's answer to evidence cannot be read: {error}") from error
    if not is_about(token, nonce=challenge.nonce, jwk=pair.jwk):
        raise KeyBrokerError("kbs_protocol", "the broker's token is about another handshake")
    logger.info("the key broker accepted the evidence")
    return BrokerSession(caller, version=version, key=pair, evidence=shown, token=token)


async def request_challenge(caller: ServiceCaller, *, version: ProtocolVersion) -> Challenge:
    """Ask for a challenge; the session's cookie stays with the caller. Raises `KeyBrokerError`."""
    try:
        challenge = parse_challenge(await ask(caller.post(AUTH_PATH, build_auth(version))))
    except MalformedError as error:
        raise KeyBrokerError("kbs_protocol", f"the broker's challenge cannot be read: {error}") from error
    if caller.cookie(SESSION_COOKIE) is None:
        raise KeyBrokerError(
            "kbs_protocol", "the broker gave no session cookie, or one that is over by the clock of this machine"
        )
    return challenge


async def ask(answer: Awaitable[bytes]) -> bytes:
    """Return an answer of the door to services, its errors said as a broker's."""
    try:
        return await answer
    except ServiceError as error:
        raise _translate(error) from error


def _translate(error: ServiceError) -> KeyBrokerError:
    if error.code == "service_refused":
        return read_refusal(error.status, error.body)
    network = "" if error.__cause__ is None else str(error.__cause__)
    if error.code == "service_unavailable":
        detail = "What answers at the broker's address speaks no TLS." if "WRONG_VERSION_NUMBER" in network else ""
        return KeyBrokerError("kbs_unavailable", detail, said=network or str(error))
    if error.code == "service_timeout":
        return KeyBrokerError("kbs_timeout")
    if error.status is not None and 300 <= error.status < 400:
        return KeyBrokerError("kbs_redirect", said=str(error))
    # Of what is false, only the handshake of TLS has the network's own error behind it.
    return KeyBrokerError("kbs_certificate" if network else "kbs_protocol", said=network or str(error))


def _make_key(version: ProtocolVersion, kind: Literal["EC", "RSA"]) -> TeeKey:
    if version == "0.1.0":
        return RsaTeeKey("RSA1_5")
    return EcTeeKey() if kind == "EC" else RsaTeeKey("RSA-OAEP-256")
