"""What the development broker does with requests: sessions, evidence judged, tokens, policy, secrets.

Sources: confidential-containers/trustee, kbs/docs (protocol 0.4.0) and kbs/src; openanolis/trustee 1.0.0 (0.1.0).
"""

from __future__ import annotations

import base64
import json
import os
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from attestation.encoding import b64encode, parse_json
from attestation.errors import AppraisalError, AttestationError, MalformedError
from attestation.kbs.devbroker.refusals import RefusalError
from attestation.kbs.devbroker.rules import ResourcePolicy
from attestation.kbs.devbroker.sealing import seal
from attestation.kbs.devbroker.tokens import BrokerTokens
from attestation.kbs.rcar import Challenge, ProtocolVersion, build_report_data
from attestation.kbs.tee_keys import ECDH, OAEP, PKCS1
from attestation.services.request import DEFAULT_POLICY
from attestation.services.service import AttestationService
from attestation.token import verify_token

NONCE_SIZE = 32
SESSION_LIFETIME = timedelta(minutes=5)
MAX_SESSIONS = 1024

_SEGMENT = re.compile(r"[a-zA-Z0-9_\-]+[a-zA-Z0-9_\-.]*\Z")
_KEYS: Mapping[ProtocolVersion, tuple[str, ...]] = {"0.1.0": (PKCS1,), "0.4.0": (ECDH, OAEP)}


@dataclass(slots=True, kw_only=True)
class Session:
    """One guest's handshake; `token` and `jwk` are there once its evidence was accepted."""

    id: str
    version: ProtocolVersion
    nonce: str
    ends: datetime
    token: str = ""
    jwk: Mapping[str, Any] | None = None


class DevBroker:
    """A broker with Trustee's behaviour: protocols, sessions, an attestation service, a resource policy, a KMS.

    As Alibaba's KMS backend it looks at a secret's last name alone; the policy sees the whole path.
    """

    def __init__(
        self,
        service: AttestationService,
        *,
        secrets: Mapping[str, bytes],
        policy: ResourcePolicy,
        protocols: Sequence[ProtocolVersion],
        session_lifetime: timedelta = SESSION_LIFETIME,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Take the tongues of `protocols`; `say` is told one line a step, without secrets."""
        self.service = service
        self.secrets = secrets
        self.policy = policy
        self.protocols = tuple(protocols)
        self.say = say
        self.sessions: dict[str, Session] = {}
        self.tokens = BrokerTokens(clock=service.clock)
        self._lifetime = session_lifetime
        self._clock = clock

    def begin(self, body: bytes) -> Session:
        """Answer `POST /auth` with a new session. Raises `RefusalError`."""
        request = _members(body)
        version = request.get("version")
        if version not in self.protocols:
            raise RefusalError("version", str(version)[:20])
        if request.get("tee") != "tdx" or "extra-params" not in request:
            raise RefusalError("request", "only tdx is known here")
        if version == "0.1.0" and not isinstance(request["extra-params"], str):
            raise RefusalError("request", "extra-params must be a string")
        session = Session(
            id=uuid.uuid4().hex,
            version=version,
            nonce=base64.b64encode(os.urandom(NONCE_SIZE)).decode(),
            ends=self._clock() + self._lifetime,
        )
        if len(self.sessions) >= MAX_SESSIONS:
            self.sessions.pop(next(iter(self.sessions)))
        self.sessions[session.id] = session
        self.say(f"challenge sent, protocol {version}")
        return session

    async def attest(self, cookie: str | None, body: bytes) -> Session:
        """Answer `POST /attest`: judge evidence. A session that was attested before stays as it is.

        Raises:
            RefusalError: session, form or evidence.
        """
        session = self._session(cookie)
        if session.token:
            return session
        jwk, nonce, evidence = _read_attestation(session.version, body)
        if nonce not in (None, session.nonce):
            raise RefusalError("evidence", "the nonce is not the session's")
        challenge = Challenge(nonce=session.nonce, hash_name="sha384")
        report_data = build_report_data(session.version, challenge, jwk)
        claims = await self._judge(evidence, report_data)
        session.token = self.tokens.issue(claims, version=session.version, nonce=session.nonce, jwk=jwk)
        session.jwk = jwk
        self.say(f"evidence judged: {_statuses(claims)}")
        return session

    def give(self, cookie: str | None, bearer: str | None, path: str) -> tuple[ProtocolVersion, dict[str, str]]:
        """Answer `GET /resource/...`: a secret encrypted to the key that was attested, and in which protocol's form.

        Raises:
            RefusalError: session, token, policy or secret.
        """
        version, jwk, token = self._authorise(cookie, bearer)
        names = path.split("/")
        if len(names) != 3 or not all(_SEGMENT.match(name) for name in names):
            raise RefusalError("path", "a secret has three names")
        if not self.policy(self.tokens.verify(token), names):
            self.say(f"{path} refused by policy")
            raise RefusalError("policy")
        secret = self.secrets.get(names[2])
        if secret is None:
            self.say(f"{path} is not there")
            raise RefusalError("secret", "no such secret")
        if jwk.get("alg") not in _KEYS[version]:
            raise RefusalError("key", str(jwk.get("alg"))[:20])
        self.say(f"{path} given")
        return version, self.seal(secret, jwk, version)

    def seal(self, secret: bytes, jwk: Mapping[str, Any], version: ProtocolVersion) -> dict[str, str]:
        """Encrypt a secret to a key in a protocol's form. Raises `RefusalError`."""
        try:
            return seal(secret, jwk, in_old_form=version == "0.1.0")
        except MalformedError as error:
            raise RefusalError("key", str(error)) from error

    def _session(self, cookie: str | None) -> Session:
        if cookie is None:
            raise RefusalError("no_cookie")
        session = self.sessions.get(cookie)
        if session is None:
            raise RefusalError("unknown_cookie")
        if session.ends <= self._clock():
            raise RefusalError("expired_cookie")
        return session

    def _authorise(self, cookie: str | None, bearer: str | None) -> tuple[ProtocolVersion, Mapping[str, Any], str]:
        """Return protocol, key and token of a cookie's attested session, else of a token that is shown."""
        try:
            session = self._session(cookie)
        except RefusalError:
            session = None
        if session is not None and session.jwk is not None:
            return session.version, session.jwk, session.token
        if bearer is None:
            raise RefusalError("no_session", "no header")
        try:
            version, jwk = self.tokens.read(bearer)
        except AppraisalError as error:
            raise RefusalError("token", error.code) from error
        return version, jwk, bearer

    async def _judge(self, evidence: Mapping[str, Any], report_data: bytes) -> Mapping[str, Any]:
        """Have the attestation service judge evidence that must carry this report data."""
        names = ("quote", "cc_eventlog", "aa_eventlog")
        shown = {name: evidence[name] for name in names if name in evidence}
        request = {
            "tee": "tdx",
            "evidence": b64encode(json.dumps(shown).encode()),
            "runtime_data": {"raw": b64encode(report_data)},
        }
        body = json.dumps({"verification_requests": [request], "policy_ids": [DEFAULT_POLICY]}).encode()
        try:
            token = await self.service.attest(body)
        except AttestationError as error:
            self.say(f"evidence refused: {error.code}")
            raise RefusalError("evidence", error.code) from error
        return verify_token(token, self.service.issuer, now=self.service.clock())


def _read_attestation(version: ProtocolVersion, body: bytes) -> tuple[Mapping[str, Any], str | None, Mapping[str, Any]]:
    """Return key, nonce and TDX evidence of a body; protocol 0.1.0 repeats no nonce, its hash alone holds it."""
    request = _members(body)
    if version == "0.1.0":
        text = request.get("tee-evidence")
        if not isinstance(text, str):
            raise RefusalError("request", "tee-evidence must be a string")
        return _object(request.get("tee-pubkey")), None, _members(text.encode())
    runtime, evidence = _object(request.get("runtime-data")), _object(request.get("tee-evidence"))
    if evidence.get("additional_evidence") != "":
        raise RefusalError("request", "no further devices are known here")
    return _object(runtime.get("tee-pubkey")), runtime.get("nonce"), _object(evidence.get("primary_evidence"))


def _members(body: bytes) -> dict[str, Any]:
    try:
        return _object(parse_json(body))
    except MalformedError as error:
        raise RefusalError("request", str(error)) from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RefusalError("request", "not an object")
    return value


def _statuses(claims: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {each.get('ear.status')}" for name, each in claims["submods"].items())
