"""A client of the attested session for tests, written from docs/PROTOCOL.md; it trusts nothing it is told."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import re
import struct
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Self

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from attestation.encoding import b64decode, b64encode

SUITES = ("MLKEM768-X25519", "X25519")
SHORT_ANSWER = 24  # tokens: what is tested is not how long the small model talks


@contextmanager
def log_in(base: str, name: str, password: str) -> Iterator[httpx.Client]:
    """Yield an HTTP client that is logged in."""
    with httpx.Client(base_url=base, follow_redirects=True, timeout=30, trust_env=False) as client:
        page = client.get("/accounts/login/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        form = {"csrfmiddlewaretoken": token.group(1), "login": name, "password": password}
        client.post("/accounts/login/", data=form, headers={"Referer": f"{base}/accounts/login/", "Origin": base})
        assert "sessionid" in client.cookies, "the login failed"
        yield client


def account_id(client: httpx.Client) -> str:
    """Return the account id as a page learns it."""
    found = re.search(r'data-user="([^"]+)"', client.get("/").text)
    assert found is not None
    return found.group(1)


def new_id() -> str:
    return str(uuid.uuid4())


class SessionClient:
    """One socket: asks, opens, seals, and hands out what comes, in order."""

    def __init__(self, socket: ClientConnection, *, user: str, history_key: bytes | None) -> None:
        self.socket, self.user, self.history_key = socket, user, history_key
        self.evidence: dict[str, Any] = {}
        self.verdict: dict[str, Any] = {}
        self.ids = 0

    @classmethod
    @asynccontextmanager
    async def connected(
        cls,
        base: str,
        cookies: httpx.Cookies | None,
        *,
        user: str = "",
        history_key: bytes | None = None,
        origin: str | None = None,
        subprotocols: tuple[str, ...] = ("confchat.v1",),
    ) -> AsyncIterator[Self]:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())}
        async with connect(
            base.replace("http", "ws", 1) + "/ws/session/",
            subprotocols=[*subprotocols],  # type: ignore[list-item]
            origin=origin or base,  # type: ignore[arg-type]
            additional_headers=headers,
            max_size=2**22,
            proxy=None,
        ) as socket:
            yield cls(socket, user=user, history_key=history_key)

    async def clear(self, message: dict[str, Any]) -> None:
        await self.socket.send(json.dumps(message))

    async def receive_clear(self) -> dict[str, Any]:
        frame = await asyncio.wait_for(self.socket.recv(), 30)
        assert isinstance(frame, str), "a sealed frame where a clear one was due"
        message: dict[str, Any] = json.loads(frame)
        return message

    async def send_question(
        self, *, conversation: str | None = None, suites: tuple[str, ...] = SUITES, **members: Any
    ) -> None:
        """Ask for evidence, with a new nonce."""
        self.nonce, self.conversation = os.urandom(32), conversation or new_id()
        await self.clear(
            {
                "type": "attest.request",
                "nonce": b64encode(self.nonce),
                "conversation": self.conversation,
                "suites": list(suites),
                **members,
            }
        )

    async def ask(self, *, conversation: str | None = None, suites: tuple[str, ...] = SUITES) -> dict[str, Any]:
        """Ask for evidence and take in evidence and verdict."""
        await self.send_question(conversation=conversation, suites=suites)
        self.evidence = await self.receive_clear()
        assert self.evidence["type"] == "attest.evidence", self.evidence
        self.verdict = await self.receive_clear()
        assert self.verdict["type"] == "attest.verdict", self.verdict
        return self.verdict

    @property
    def statement(self) -> bytes:
        return b64decode(self.evidence["statement"])

    async def send_opening(self, **changes: Any) -> None:
        """Seal and send an opening; `changes` replace members of what is sealed."""
        suite = json.loads(self.statement)["kem"]["suite"]
        secret = os.urandom(32)
        opening = {
            "secret": b64encode(secret),
            "user": self.user,
            "history_key": b64encode(self.history_key) if self.history_key else None,
            "enroll": self.history_key is not None,
            "outcome": self.verdict["outcome"],
            "accept_risk": False,
            "checkpoint": None,
            **changes,
        }
        transcript = hashlib.sha256(self.statement).digest()
        kem, key = _kem(suite, b64decode(self.evidence["kem_key"]))
        sealed = Suite(kem, KDF.HKDF_SHA256, AEAD.AES_256_GCM).encrypt(
            json.dumps(opening).encode(), key, info=b"confchat/1 session\0" + transcript
        )
        self._schedule(secret, transcript, sealed)
        await self.clear(
            {"type": "session.open", "record": self.evidence["record"], "suite": suite, "sealed": b64encode(sealed)}
        )

    async def open(self, **changes: Any) -> dict[str, Any]:
        """Open the session and return `session.ready`."""
        await self.send_opening(**changes)
        switch = await self.receive_clear()
        assert switch == {"type": "session.switch", "record": self.evidence["record"]}, switch
        ready = await self.receive()
        assert ready["type"] == "session.ready"
        assert ready["statement_sha256"] == hashlib.sha256(self.statement).hexdigest()
        assert (ready["user"], ready["conversation"]) == (self.user, self.conversation)
        return ready

    async def send(self, message: dict[str, Any]) -> None:
        await self.socket.send(self.seal(json.dumps(message, ensure_ascii=False).encode()))

    def seal(self, message: bytes) -> bytes:
        counter = struct.pack(">Q", self.sent)
        self.sent += 1
        key, iv = self.keys["c2s"]
        padded = message + b" " * (-len(message) % 1024)
        return counter + AESGCM(key).encrypt(_nonce(iv, counter), padded, b"confchat/1 frame\0c2s" + counter)

    async def receive(self, *, timeout_s: float = 60) -> dict[str, Any]:
        frame = await asyncio.wait_for(self.socket.recv(), timeout_s)
        assert isinstance(frame, bytes), frame
        counter = struct.pack(">Q", self.received)
        assert frame[:8] == counter, "out of sequence"
        self.received += 1
        key, iv = self.keys["s2c"]
        message = AESGCM(key).decrypt(_nonce(iv, counter), frame[8:], b"confchat/1 frame\0s2c" + counter)
        assert len(message) % 1024 == 0
        parsed: dict[str, Any] = json.loads(message)
        return parsed

    async def request(self, kind: str, **members: Any) -> int:
        self.ids += 1
        await self.send({"type": kind, "id": self.ids, **members})
        return self.ids

    async def call(self, kind: str, **members: Any) -> dict[str, Any]:
        """Send a request and return its next reply."""
        number = await self.request(kind, **members)
        reply = await self.receive()
        assert reply["id"] == number, reply
        return reply

    async def finish(self) -> tuple[dict[str, str], dict[str, Any]]:
        """Collect deltas until `chat.done` or an error; return texts and that message."""
        texts = {"thinking": "", "content": ""}
        while True:
            message = await self.receive()
            if message["type"] != "chat.delta":
                return texts, message
            for name in texts:
                texts[name] += message.get(name, "")

    async def ask_model(self, text: str, *, tokens: int = SHORT_ANSWER, **members: Any) -> dict[str, Any]:
        """Send a prompt and return `chat.started`."""
        prompt = {"message": new_id(), "parent": None, "text": text, "options": {"num_predict": tokens}, **members}
        return await self.call("chat.send", conversation=self.conversation, **prompt)

    async def chat(self, text: str) -> tuple[dict[str, str], dict[str, Any]]:
        """Send a prompt and return the texts of its answer and `chat.done`."""
        started = await self.ask_model(text)
        assert started["type"] == "chat.started", started
        return await self.finish()

    async def closed_with(self) -> int:
        """Read until the socket ends; return its close code."""
        async with asyncio.timeout(40):
            with suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
            await self.socket.wait_closed()
        return self.socket.close_code or 0

    def _schedule(self, secret: bytes, transcript: bytes, sealed: bytes) -> None:
        prk = hmac.new(hashlib.sha256(transcript + sealed).digest(), secret, hashlib.sha256).digest()

        def expand(name: str, what: str, size: int) -> bytes:
            return HKDFExpand(hashes.SHA256(), size, f"confchat/1 {name} {what}".encode() + transcript).derive(prk)

        self.keys = {name: (expand(name, "key", 32), expand(name, "iv", 12)) for name in ("c2s", "s2c")}
        self.sent = self.received = 0


def _kem(suite: str, key: bytes) -> tuple[KEM, Any]:
    if suite == "X25519":
        return KEM.X25519, x25519.X25519PublicKey.from_public_bytes(key)
    hybrid = MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(key[:1184]), x25519.X25519PublicKey.from_public_bytes(key[1184:])
    )
    return KEM.MLKEM768_X25519, hybrid


def _nonce(iv: bytes, counter: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(iv, b"\0" * 4 + counter, strict=True))
